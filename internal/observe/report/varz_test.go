package report

import (
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/status"
)

// zone is not UTC, which reports must show times in.
var zone = time.FixedZone("", 2*3600)

const serverID = "NBARIDTESTTESTTESTTESTTESTTESTTESTTESTTESTTESTTESTTEST01"

func plainServer() Server {
	start := time.Date(2026, 8, 1, 14, 0, 0, 0, zone)
	return Server{
		Identity: Identity{ID: serverID, Version: "2.12.0", BaridVersion: "0.1.0", Proto: 1},
		Listener: Listener{Host: "0.0.0.0", Port: 4222, AuthTimeout: 2 * time.Second, TLSTimeout: 2 * time.Second},
		Monitor:  Monitor{Host: "0.0.0.0", Port: 8222},
		Limits: Limits{
			MaxConnections: 65536, PingInterval: 2 * time.Minute, MaxPingsOut: 2, MaxControlLine: 4096,
			MaxPayload: 1 << 20, MaxPending: 64 << 20, WriteDeadline: 10 * time.Second,
		},
		Config: Config{LoadTime: start},
		Start:  start,
		Now:    start.Add(7*time.Second + 300*time.Millisecond),
	}
}

func fullServer() Server {
	s := plainServer()
	s.Identity.Name, s.Identity.GitCommit = "east-1", "abc1234"
	s.Listener.IP = "203.0.113.7"
	s.Listener.ConnectURLs = []string{"203.0.113.7:4222"}
	s.Listener.WSConnectURLs = []string{"203.0.113.7:8080"}
	s.Listener.AuthRequired, s.Listener.TLSRequired = true, true
	s.Listener.TLSVerify, s.Listener.TLSOCSPPeerVerify = true, true
	s.Listener.AuthTimeout = 1500 * time.Millisecond
	s.Listener.TLSCertNotAfter = time.Date(2027, 1, 1, 1, 0, 0, 0, zone)
	s.Monitor = Monitor{
		Host: "127.0.0.1", Port: 8222, TLSPort: 8443, BasePath: "mon",
		Requests: map[string]uint64{"/": 1, "/connz": 3, "/varz": 2},
	}
	s.Limits.MaxSubscriptions, s.Limits.WriteTimeout = 1000, "close"
	s.Load = Load{
		Connections: 3, TotalConnections: 9, Routes: 4, Remotes: 1, Leafs: 2, Subscriptions: 70,
		DiskWait: status.DiskIOWaitStats{Waiters: 1, Waits: 2, WaitTime: 300, MaxWaitTime: 200},
	}
	s.Traffic = Traffic{
		In: Tally{10, 1000}, Out: Tally{20, 2000}, InClients: Tally{6, 600}, OutClients: Tally{14, 1400},
	}
	s.Faults = Faults{Slow: ByKind{1, 2, 3, 4}, Stale: ByKind{5, 6, 7, 8}, Stalls: 11, PinnedAccountFails: 12}
	s.Config.Digest = "sha256:00ff"
	s.Config.Tags = []string{"eu", "rack:7"}
	s.Config.Metadata = map[string]string{"owner": "ops"}
	s.Config.FeatureFlags = map[string]bool{"js_ack_fc_v2": false}
	s.Trust = Trust{
		OperatorJWTs:   []string{"operator.jwt.text"},
		OperatorClaims: []json.RawMessage{json.RawMessage(`{"name":"O","nats":{"type":"operator"}}`)},
		SystemAccount:  "$SYS",
		OCSPCache:      &status.OCSPResponseCacheVarz{Type: "local", Hits: 1},
		Proxies:        &status.ProxiesOptsVarz{Trusted: []*status.ProxyInfo{{Key: "UPROXY"}}},
	}
	s.Parts = Parts{
		Cluster:   status.ClusterOptsVarz{Name: "c1", Host: "0.0.0.0", Port: 6222},
		Gateway:   status.GatewayOptsVarz{Name: "c1", Gateways: []status.RemoteGatewayOptsVarz{{Name: "c2"}}},
		LeafNode:  status.LeafNodeOptsVarz{Port: 7422},
		MQTT:      status.MQTTOptsVarz{Port: 1883},
		Websocket: status.WebsocketOptsVarz{Port: 8080},
		JetStream: status.JetStreamVarz{Config: &status.JetStreamConfig{MaxMemory: 1, MaxStore: 2}},
	}
	return s
}

func TestVarz(t *testing.T) {
	process := Process{Mem: 12 << 20, CPU: 3.2, Cores: 8, MaxProcs: 4}
	limited := process
	limited.MemLimit = 1 << 30

	for _, tt := range []struct {
		golden  string
		server  Server
		process Process
	}{
		{"varz_plain", plainServer(), process},
		{"varz_full", fullServer(), limited},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			v := Varz(tt.server, tt.process)
			require.Equal(t, runtime.Version(), v.GoVersion)
			v.GoVersion = "go1.26.0" // the file's, whatever this test was built with
			golden(t, tt.golden, v)
		})
	}
}
