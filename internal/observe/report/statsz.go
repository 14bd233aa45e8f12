package report

import "github.com/baridmq/barid/server/status"

// Statsz reports the load of a server that has no links to others, from its general state and the
// number of accounts that have connections.
func Statsz(v *status.Varz, activeAccounts int) status.ServerStats {
	s := status.ServerStats{
		Start: v.Start, Mem: v.Mem, Cores: v.Cores, CPU: v.CPU,
		Connections: v.Connections, TotalConnections: v.TotalConnections, ActiveAccounts: activeAccounts,
		NumSubs:          v.Subscriptions,
		Sent:             traffic(v.OutMsgs, v.OutBytes),
		SentClients:      traffic(v.OutClientMsgs, v.OutClientBytes),
		Received:         traffic(v.InMsgs, v.InBytes),
		ReceivedClients:  traffic(v.InClientMsgs, v.InClientBytes),
		SlowConsumers:    v.SlowConsumers,
		StaleConnections: v.StaleConnections,
		StalledClients:   v.StalledClients,
		ActiveServers:    1,
		MemLimit:         v.MemLimit, MaxProcs: v.MaxProcs,
	}
	if slow := v.SlowConsumersStats; slow != (status.SlowConsumersStats{}) {
		s.SlowConsumersStats = &slow
	}
	if stale := v.StaleConnectionStats; stale != (status.StaleConnectionStats{}) {
		s.StaleStats = &stale
	}
	return s
}

func traffic(msgs, bytes int64) status.DataStats {
	return status.DataStats{MsgBytes: status.MsgBytes{Msgs: msgs, Bytes: bytes}}
}
