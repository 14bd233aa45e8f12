package server

import (
	"crypto/tls"
	"crypto/x509"
	"runtime"
	"time"

	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/tenancy"
	"github.com/baridmq/barid/internal/transport/certs"
)

// apiLevel is the level of the JetStream API that INFO reports, whether or not it is served.
const apiLevel = 0

// doorConfig is what the door of NATS clients gets of the options. The listener is open.
func (s *Server) doorConfig() client.Config {
	o := s.options()
	host, port, _ := check.Advertise(o) // Validate has refused what cannot be advertised
	return client.Config{
		Tasks: s.connTask,
		Auth:  s.auth.get(),
		Log:   &s.logs,

		AuthConfigured: tenancy.NeedsLogin(o),
		AuthTimeout:    seconds(o.AuthTimeout),
		ProxyProtocol:  o.ProxyProtocol,
		System:         tenancy.SystemAccount(o),
		AlwaysNonce:    o.AlwaysEnableNonce,
		MaxConnect:     longestConnect(o),
		Observer:       s.tenants.Observer(),
		TLS: client.TLS{
			Config: clientTLS(o), Timeout: seconds(o.TLSTimeout), Optional: o.AllowNonTLS,
			First: o.TLSHandshakeFirst, Fallback: o.TLSHandshakeFirstFallback, Rate: int(o.TLSRateLimit),
			Pinned: func(chain []*x509.Certificate) bool { return certs.Pinned(o.TLSPinnedCerts, chain) },
		},
		IDs: &s.ids,
		Info: proto.ServerInfo{
			ID: s.id, Name: s.Name(), Version: VERSION, Barid: BaridVersion, Proto: 1,
			GitCommit: commit(), Go: runtime.Version(), Host: host, Port: port,
			Headers: !o.NoHeaderSupport,
			Rest:    proto.ServerInfoRest{Cluster: o.Cluster.Name, APILevel: apiLevel, XKey: s.curve()},
		},
		MaxConnections:   o.MaxConn,
		MaxSubscriptions: o.MaxSubs,
		MaxTokens:        int(o.MaxSubTokens),
		MaxLine:          int(o.MaxControlLine),
		MaxPayload:       int(o.MaxPayload),
		MaxPending:       int(o.MaxPending),
		MaxClosed:        o.MaxClosedClients,
		Trace:            client.Trace{MaxPayload: o.MaxTracedMsgLen, Headers: o.TraceHeaders, System: o.TraceVerbose},
		WriteDeadline:    o.WriteDeadline,
		Pings:            client.Pings{Interval: o.PingInterval, Max: o.MaxPingsOut, First: !o.DisableShortFirstPing},
		NoStall:          o.NoFastProducerStall,
	}
}

// tokenLine is room for a CONNECT with a token: those of providers and of users with many permissions
// are longer than other lines.
const tokenLine = 64 << 10

// longestConnect bounds a CONNECT.
func longestConnect(o *Options) int {
	if tenancy.Trusting(o) || o.OIDC != nil || o.AuthCallout != nil {
		return max(tokenLine, int(o.MaxControlLine))
	}
	return 0
}

// curve is the public key that others encrypt for the server with.
func (s *Server) curve() string {
	public, _ := s.xkey.PublicKey() // it was made with one
	return public
}

// updateDoor gives the door, if there is one, the options in force. The caller holds s.life, as has
// everybody who changes options: updates of a door must not overlap.
func (s *Server) updateDoor() {
	if d := s.served(); d != nil {
		d.Update(s.doorConfig())
	}
}

// clientTLS is how the connections of clients are secured, nil for not at all.
func clientTLS(o *Options) *tls.Config {
	if o.TLSConfig == nil {
		return nil
	}
	cfg := o.TLSConfig.Clone()
	cfg.DynamicRecordSizingDisabled = true // small records only cost time: messages come in batches
	if o.TLSMap {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert // a name counts only if an authority vouches for it
	}
	if o.TLSPinnedCerts != nil && cfg.ClientAuth < tls.RequireAnyClientCert {
		cfg.ClientAuth = tls.RequireAnyClientCert // who is not asked for a certificate shows none
	}
	return cfg
}

// seconds is a duration that the options give as a number.
func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// served returns the door of NATS clients, nil before the server has started.
func (s *Server) served() *client.Door {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.door
}
