package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
)

// certificate is one for nobody in particular.
var certificate = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(100 * 365 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
})

// handshakeTime is the time for a handshake in these tests.
const handshakeTime = 2 * time.Second

// secured turns TLS on; change may change what of it.
func secured(change ...func(*TLS)) func(*site, *Config) {
	return func(st *site, cfg *Config) {
		cert, err := certificate()
		require.NoError(st.t, err)
		cfg.TLS = TLS{Config: &tls.Config{Certificates: []tls.Certificate{cert}}, Timeout: handshakeTime}
		for _, f := range change {
			f(&cfg.TLS)
		}
	}
}

// The modes of TLS beside the one that is required.
func optional(t *TLS)   { t.Optional = true }
func first(t *TLS)      { t.First = true }
func firstOrNot(t *TLS) { t.First, t.Fallback = true, 50*time.Millisecond }
func verifying(t *TLS) {
	t.Config.ClientAuth, t.Config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	known, _ := x509.ParseCertificate(t.Config.Certificates[0].Certificate[0])
	t.Config.ClientCAs.AddCert(known) // who shows the server's own certificate is known
}

// knock connects and reads nothing yet.
func (st *site) knock() net.Conn {
	st.t.Helper()
	ours, theirs := net.Pipe()
	st.t.Cleanup(func() { _ = theirs.Close() })
	st.Accept(ours, identity.Standard)
	return theirs
}

// line reads a line, and not a byte more.
func (st *site) line(nc net.Conn) string {
	st.t.Helper()
	var b strings.Builder
	for one := make([]byte, 1); !strings.HasSuffix(b.String(), "\r\n"); b.Write(one) {
		_ = nc.SetReadDeadline(time.Now().Add(st.patience))
		_, err := nc.Read(one)
		require.NoError(st.t, err, "after %q", b.String())
	}
	_ = nc.SetReadDeadline(time.Time{})
	return b.String()
}

// silent requires that nothing comes for so long.
func (st *site) silent(nc net.Conn, d time.Duration) {
	st.t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(d))
	_, err := nc.Read(make([]byte, 1))
	require.ErrorIs(st.t, err, os.ErrDeadlineExceeded)
	_ = nc.SetReadDeadline(time.Time{})
}

// encrypt does the client's side of a handshake.
func (st *site) encrypt(nc net.Conn) *peer {
	st.t.Helper()
	cert, err := certificate()
	require.NoError(st.t, err)
	client := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}})
	_ = nc.SetDeadline(time.Now().Add(st.patience))
	require.NoError(st.t, client.Handshake())
	_ = nc.SetDeadline(time.Time{})
	return newPeer(st, client)
}

// works sends CONNECT and has a message go round.
func (p *peer) works(connect string) {
	p.st.t.Helper()
	p.say("CONNECT " + connect + "\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n")
	p.expect("MSG a 1 2\r\nhi\r\nPONG\r\n")
}

// ended waits until n connections have ended and returns what is known of them.
func (st *site) ended(n int) []Info {
	st.t.Helper()
	st.eventually(func() bool { return len(st.Report().Ended) == n }, "they end")
	return st.Report().Ended
}

// flags are the keys of an INFO that say what is wanted of the client, and its nonce.
func flags(t *testing.T, info string) (wanted, nonce string) {
	t.Helper()
	_, rest, ok := strings.Cut(info, `"headers":true`)
	require.True(t, ok, info)
	wanted, rest, ok = strings.Cut(rest, `,"max_payload"`)
	require.True(t, ok, info)
	_, rest, ok = strings.Cut(rest, `"nonce":"`)
	if ok {
		nonce, _, _ = strings.Cut(rest, `"`)
	}
	return wanted, nonce
}

// signing is a gate that gives clients something to sign.
type signing struct{ *gate }

func (signing) Nonce() bool { return true }

// nobody is a gate that lets those in who give no name, if it is not required to have one.
func nobody(required bool) func(*site, *Config) {
	return func(st *site, cfg *Config) {
		guarded(required, func(r *account.Registry) map[string]*identity.Identity {
			id := &identity.Identity{Account: r.Get(account.Global), Limits: account.Unlimited()}
			return map[string]*identity.Identity{"": id, "alice": id}
		})(st, cfg)
		cfg.AuthConfigured = true
	}
}

func nonced(_ *site, cfg *Config) { cfg.Auth = signing{cfg.Auth.(*gate)} }

// What INFO wants of the client in each mode, in the first one and in the one behind CONNECT.
func TestWhatInfoWants(t *testing.T) {
	const auth, required, verify, available = `,"auth_required":true`, `,"tls_required":true`, `,"tls_verify":true`, `,"tls_available":true`
	for _, c := range []struct {
		name         string
		config       []func(*site, *Config)
		plain        bool // the client stays plain
		first, later string
		nonce        bool
	}{
		{"nothing", nil, true, "", "", false},
		{"login", []func(*site, *Config){nobody(true)}, true, auth, auth, false},
		{"login or not", []func(*site, *Config){nobody(false)}, true, "", auth, false},
		{"signature", []func(*site, *Config){nobody(true), nonced}, true, auth, auth, true},
		{"signature or not", []func(*site, *Config){nobody(false), nonced}, true, "", auth, true},
		{"TLS", []func(*site, *Config){secured()}, false, required, required, false},
		{"TLS and login", []func(*site, *Config){secured(), nobody(true)}, false, auth + required, auth + required, false},
		{"TLS with certificates", []func(*site, *Config){secured(verifying)}, false, required + verify, required + verify, false},
		{"TLS at will, taken", []func(*site, *Config){secured(optional)}, false, available, available, false},
		{"TLS at will, not taken", []func(*site, *Config){secured(optional)}, true, available, available, false},
		{"TLS at will with certificates", []func(*site, *Config){secured(optional, verifying)}, false, verify + available, verify + available, false},
		{"TLS first", []func(*site, *Config){secured(first), nobody(true), nonced}, false, auth + required, auth + required, true},
		{"TLS first or not", []func(*site, *Config){secured(firstOrNot)}, false, required, required, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := build(t, c.config...)
			nc := st.knock()
			var p *peer
			var info string
			switch {
			case st.cfg().TLS.First:
				p = st.encrypt(nc)
				info = p.until("\r\n")
			case c.plain:
				info = st.line(nc)
				p = newPeer(st, nc)
			default:
				info = st.line(nc)
				p = st.encrypt(nc)
			}
			wanted, nonce := flags(t, info)
			require.Equal(t, c.first, wanted)
			if c.nonce {
				require.Regexp(t, `^[A-Za-z0-9_-]{15}$`, nonce)
			} else {
				require.Empty(t, nonce)
			}
			p.say(`CONNECT {"protocol":1,"verbose":false,"user":"alice","pass":"ecila"}` + "\r\nPING\r\n")
			p.expect("PONG\r\n")
			info = p.until("\r\n")
			require.Contains(t, info, `"connect_info":true,"remote_account":"$G"`)
			wanted, again := flags(t, info)
			require.Equal(t, c.later, wanted)
			require.Empty(t, again, "a nonce is signed once")
			if g, ok := st.cfg().Auth.(signing); ok {
				require.Equal(t, nonce, g.seen[0].Nonce)
			}
			i := st.Report().Open[0]
			require.Equal(t, c.plain, i.TLS == nil)
			require.Equal(t, st.cfg().TLS.First, i.First)
		})
	}
}

// Two connections never have the same to sign.
func TestNoncesDiffer(t *testing.T) {
	st := build(t, nobody(true), nonced)
	seen := map[string]bool{}
	for range 50 {
		_, nonce := flags(t, st.line(st.knock()))
		seen[nonce] = true
	}
	require.Len(t, seen, 50)
}

// Where the handshake comes first, nothing is said before it.
func TestHandshakeFirst(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(secured(first))
		nc := st.knock()
		st.silent(nc, handshakeTime-time.Millisecond)
		p := st.encrypt(nc)
		p.until("\r\n")
		p.works(quietly)
		require.True(t, st.Report().Open[0].First)
	})
}

// With a fallback the one who begins in time gets nothing in the clear, the other gets INFO then.
func TestHandshakeFirstOrNot(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(secured(firstOrNot))
		nc := st.knock()
		st.silent(nc, 49*time.Millisecond)
		p := st.encrypt(nc)
		p.until("\r\n")
		p.works(quietly)

		start := time.Now()
		nc = st.knock()
		st.line(nc)
		require.Equal(t, 50*time.Millisecond, time.Since(start))
		time.Sleep(time.Second)
		p = st.encrypt(nc)
		p.works(quietly)
		r := st.Report()
		require.Equal(t, []bool{true, false}, []bool{r.Open[0].First, r.Open[1].First})
	})
}

// Where TLS is at will, a client may take its time to choose: who says nothing is taken for a plain
// one after the time for a handshake.
func TestOptionalTLS(t *testing.T) {
	for _, wait := range []time.Duration{0, handshakeTime - time.Millisecond, time.Minute} {
		bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
			st := build(secured(optional))
			nc := st.knock()
			st.line(nc)
			p := newPeer(st, nc)
			time.Sleep(wait)
			p.works(quietly)
			require.Nil(t, st.Report().Open[0].TLS)
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		st := build(t, secured(optional))
		nc := st.knock()
		st.line(nc)
		p := newPeer(st, nc)
		for _, x := range "CONNECT " + quietly + "\r\nPING\r\n" {
			p.say(string(x))
		}
		p.expect("PONG\r\n")
	})
	t.Run("gone", func(t *testing.T) {
		st := build(t, secured(optional))
		nc := st.knock()
		st.line(nc)
		nc.Close()
		require.Equal(t, closed.ClientClosed, st.ended(1)[0].Reason)
	})
}

// Connections that do not become what the server wants, and what is said of them.
func TestFailedHandshakes(t *testing.T) {
	for _, c := range []struct {
		name string
		mode []func(*TLS)
		say  string
		log  string
	}{
		{"plain", nil, "CONNECT {}\r\nPING\r\n", "TLS handshake error: tls: first record does not look like a TLS handshake"},
		{"plain, first", []func(*TLS){first}, "CONNECT {}\r\nPING\r\n", "TLS handshake error: tls: first record does not look like a TLS handshake"},
		{"plain, first or not", []func(*TLS){firstOrNot}, "CONNECT {}\r\nPING\r\n", "TLS handshake error: tls: first record does not look like a TLS handshake"},
		{"garbage, at will", []func(*TLS){optional}, "\x16\x03\x01\xff\xff", "TLS handshake error: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // the end is waited for
			st := build(t, secured(c.mode...))
			nc := st.knock()
			if !st.cfg().TLS.First {
				st.line(nc)
			}
			p := newPeer(st, nc)
			p.say(c.say)
			require.NotContains(t, p.ended(), "INFO")
			require.Equal(t, closed.TLSHandshakeFailure, st.ended(1)[0].Reason)
			require.Contains(t, st.log.text("ERR"), "pipe - cid:1 - "+c.log)
		})
	}
}

// A handshake has its time, whatever the client makes of it.
func TestHandshakeTimeout(t *testing.T) {
	for _, mode := range []func(*TLS){func(*TLS) {}, first} {
		for _, part := range []string{"", "\x16\x03\x01"} {
			bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
				st := build(secured(mode))
				start := time.Now()
				nc := st.knock()
				if !st.cfg().TLS.First {
					st.line(nc)
				}
				p := newPeer(st, nc)
				if part != "" {
					p.say(part)
				}
				synctest.Wait()
				time.Sleep(handshakeTime - time.Nanosecond)
				require.Empty(t, st.log.text("ERR"))
				p.ended()
				require.Less(t, time.Since(start), handshakeTime+time.Second)
				p.close()
				require.Equal(t, closed.TLSHandshakeFailure, st.ended(1)[0].Reason)
				require.Contains(t, st.log.text("ERR"), "pipe - cid:1 - TLS handshake timeout\n")
			})
		}
	}
}

// Over TCP it is told in the clear what was missing.
func TestTheClientIsToldOfTheTimeout(t *testing.T) {
	for _, mode := range []func(*TLS){func(*TLS) {}, first} {
		st := build(t, secured(mode, func(t *TLS) { t.Timeout = 20 * time.Millisecond }))
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		theirs, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		p := newPeer(st, theirs)
		ours, err := ln.Accept()
		require.NoError(t, err)
		st.Accept(ours, identity.Standard)
		got := p.ended()
		require.Equal(t, !st.cfg().TLS.First, strings.HasPrefix(got, "INFO "))
		require.True(t, strings.HasSuffix(got, "-ERR 'Secure Connection - TLS Required'\r\n"), got)
	}
}

// Handshakes beyond the rate are refused before they cost anything, and the log tells how many.
func TestHandshakeRate(t *testing.T) {
	bubble(t, func(t *testing.T, build func(...func(*site, *Config)) *site) {
		st := build(secured(func(t *TLS) { t.Rate = 2 }))
		for second := 1; second <= 2; second++ {
			var all []net.Conn
			for range 5 {
				all = append(all, st.knock())
			}
			refused := 0
			for _, nc := range all {
				if line := st.line(nc); strings.HasPrefix(line, "INFO ") {
					st.encrypt(nc).works(quietly)
				} else {
					require.Equal(t, "-ERR 'Connection throttling is active. Please try again later.'\r\n", line)
					require.Empty(t, newPeer(st, nc).ended())
					refused++
				}
			}
			require.Equal(t, 3, refused)
			for _, i := range st.ended(3 * second) {
				require.Equal(t, closed.MaxConnections, i.Reason)
			}
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
		}
		require.Equal(t, "WRN Rejected 3 connections due to TLS rate limiting\n", st.log.text("WRN"))
		require.Len(t, st.Report().Open, 4)
	})
}

// Certificates that verify may still not be good enough.
func TestPinnedCertificates(t *testing.T) {
	for _, good := range []bool{true, false} {
		st := build(t, secured(verifying, func(t *TLS) {
			t.Pinned = func(chain []*x509.Certificate) bool { return good && len(chain) == 1 }
		}))
		nc := st.knock()
		st.line(nc)
		p := st.encrypt(nc)
		if good {
			p.works(quietly)
			continue
		}
		p.say("CONNECT {}\r\n")
		require.Empty(t, p.ended())
		require.Equal(t, closed.TLSHandshakeFailure, st.ended(1)[0].Reason)
		require.Contains(t, st.log.text("ERR"), "TLS handshake error: the certificate of the client is not pinned")
	}
}

// The authenticator gets what the client has shown; a report of an ended connection keeps no
// certificates.
func TestCertificatesOfTheClient(t *testing.T) {
	st := build(t, secured(verifying), nobody(true))
	nc := st.knock()
	st.line(nc)
	p := st.encrypt(nc)
	p.works(as("alice"))
	require.Len(t, st.cfg().Auth.(*gate).seen[0].Certificates, 1)
	require.Len(t, st.Report().Open[0].TLS.PeerCertificates, 1)
	p.close()
	i := st.ended(1)[0]
	require.EqualValues(t, tls.VersionTLS13, i.TLS.Version)
	require.Empty(t, i.TLS.PeerCertificates)
}

// Within the process nothing is encrypted, nor is there a proxy between.
func TestInProcessIsPlain(t *testing.T) {
	for _, mode := range []func(*TLS){func(*TLS) {}, first} {
		st := build(t, secured(mode, func(t *TLS) { t.Rate = 1 }), func(_ *site, cfg *Config) { cfg.ProxyProtocol = true })
		for range 3 {
			ours, theirs := net.Pipe()
			p := newPeer(st, theirs)
			st.Accept(ours, identity.InProcess)
			wanted, _ := flags(t, p.until("\r\n"))
			require.Empty(t, wanted)
			p.works(quietly)
		}
		require.Nil(t, st.Report().Open[0].TLS)
	}
}
