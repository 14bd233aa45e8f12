package report

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/baridmq/barid/server/status"
)

// globalAccount is the account of those who have no other; reports do not name it.
const globalAccount = "$G"

// redactedUser stands for who has shown a token: a token is a secret, not a name.
const redactedUser = "[REDACTED]"

// Conn is a snapshot of a connection, open or closed. In and out are as seen by the server:
// in comes from the connection.
type Conn struct {
	CID          uint64
	Kind         string // such as Client, Leafnode
	Type         string // nats, mqtt or websocket; empty for other kinds than clients
	IP           string
	Port         int
	Start        time.Time
	LastActivity time.Time // Start if there was none
	Stop         time.Time // zero = open
	Reason       string    // why it was closed
	RTT          time.Duration
	Pending      int // bytes
	In, Out      Tally
	Stalls       int64
	NumSubs      uint32 // for closed ones: when it was closed
	Software     Software
	MQTTClient   string // client id
	ProxyKey     string // public key of the trusted proxy it came through
	TLS          *TLS   // nil without TLS
	Login        Login
}

// Software is what the other side says of itself.
type Software struct{ Name, Lang, Version string }

// TLS describes a secured connection.
type TLS struct {
	Version   uint16 // as on the wire
	Cipher    uint16 // as on the wire
	First     bool   // handshake before INFO
	PeerCerts []*x509.Certificate
}

// Login is who a connection is, as its authentication found. All of it is shown only where
// the reader asks for it.
type Login struct {
	NKey      string // public user key that signed the nonce
	User      string // name in the configuration
	UserKey   string // public user key in the JWT
	Token     bool   // a token was shown
	Account   string
	JWT       string // of the user
	Bearer    bool   // the JWT alone opens the door, so it is never shown
	IssuerKey string // who issued the user
	NameTag   string // of the account
	Tags      []string
}

// Sub is a snapshot of one subscription.
type Sub struct {
	Subject string
	Queue   string
	SID     string
	CID     uint64 // of the connection
	Msgs    int64  // delivered
	Max     int64  // auto-unsubscribe limit; 0 = none
}

// user returns the name under which the login is known.
func (l *Login) user() string {
	switch {
	case l.NKey != "":
		return l.NKey
	case l.User != "":
		return l.User
	case l.UserKey != "":
		return l.UserKey
	case l.Token:
		return redactedUser
	}
	return ""
}

func (c *Conn) closed() bool { return !c.Stop.IsZero() }

// end is until when the times of c run.
func (c *Conn) end(now time.Time) time.Time {
	if c.closed() {
		return c.Stop
	}
	return now
}

func (c *Conn) lifetime(now time.Time) time.Duration { return c.end(now).Sub(c.Start) }

func (c *Conn) idle(now time.Time) time.Duration { return c.end(now).Sub(c.LastActivity) }

// info shapes the entry of c for a reader who asked for what opts say.
func (c *Conn) info(now time.Time, opts *status.ConnzOptions, subs []Sub) *status.ConnInfo {
	i := &status.ConnInfo{
		Cid:          c.CID,
		Kind:         c.Kind,
		Type:         c.Type,
		IP:           c.IP,
		Port:         c.Port,
		Start:        c.Start.UTC(),
		LastActivity: c.LastActivity.UTC(),
		Reason:       c.Reason,
		RTT:          rtt(c.RTT),
		Uptime:       uptime(c.lifetime(now)),
		Idle:         uptime(c.idle(now)),
		Pending:      c.Pending,
		InMsgs:       c.In.Msgs,
		OutMsgs:      c.Out.Msgs,
		InBytes:      c.In.Bytes,
		OutBytes:     c.Out.Bytes,
		Stalls:       c.Stalls,
		NumSubs:      c.NumSubs,
		Name:         c.Software.Name,
		Lang:         c.Software.Lang,
		Version:      c.Software.Version,
		MQTTClient:   c.MQTTClient,
	}
	if c.closed() {
		stop := c.Stop.UTC()
		i.Stop = &stop
	}
	if c.ProxyKey != "" {
		i.Proxy = &status.ProxyInfo{Key: c.ProxyKey}
	}
	c.fillTLS(i, opts.Username)
	if opts.Username {
		c.Login.fill(i)
	}
	fillSubs(i, opts, subs)
	return i
}

// fillTLS adds what is known of the handshake. Certificates tell who somebody is, so they are
// shown like logins.
func (c *Conn) fillTLS(i *status.ConnInfo, certs bool) {
	if c.TLS == nil {
		return
	}
	i.TLSVersion = tlsVersion(c.TLS.Version)
	i.TLSCipher = tls.CipherSuiteName(c.TLS.Cipher)
	i.TLSFirst = c.TLS.First
	if !certs || c.closed() {
		return
	}
	for _, cert := range c.TLS.PeerCerts {
		key, whole := sha256.Sum256(cert.RawSubjectPublicKeyInfo), sha256.Sum256(cert.Raw)
		i.TLSPeerCerts = append(i.TLSPeerCerts, &status.TLSPeerCert{
			Subject:          cert.Subject.String(),
			SubjectPKISha256: hex.EncodeToString(key[:]),
			CertSha256:       hex.EncodeToString(whole[:]),
		})
	}
}

func (l *Login) fill(i *status.ConnInfo) {
	i.AuthorizedUser = l.user()
	if l.Account != globalAccount {
		i.Account = l.Account
		i.NameTag = l.NameTag
	}
	if !l.Bearer {
		i.JWT = l.JWT
	}
	i.IssuerKey = l.IssuerKey
	i.Tags = slices.Clone(l.Tags)
}

func fillSubs(i *status.ConnInfo, opts *status.ConnzOptions, subs []Sub) {
	for _, s := range subs {
		if opts.SubscriptionsDetail {
			i.SubsDetail = append(i.SubsDetail, s.detail())
		} else {
			i.Subs = append(i.Subs, s.Subject)
		}
	}
}

func (s *Sub) detail() status.SubDetail {
	return status.SubDetail{Subject: s.Subject, Queue: s.Queue, Sid: s.SID, Msgs: s.Msgs, Max: s.Max, Cid: s.CID}
}

// tlsVersion names a protocol version as its number in common use.
func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "1.0"
	case tls.VersionTLS11:
		return "1.1"
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return fmt.Sprintf("Unknown [0x%x]", v)
}
