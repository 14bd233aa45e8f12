package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// The private keys of providers, by their algorithms.
var private = sync.OnceValue(func() map[jose.SignatureAlgorithm]crypto.Signer {
	r, _ := rsa.GenerateKey(rand.Reader, 2048)
	e, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	return map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: r, jose.ES256: e, jose.EdDSA: ed}
})

// provider is a small OpenID Connect provider: it tells where its keys are, and has them.
type provider struct {
	*httptest.Server
	t    *testing.T
	asks atomic.Int64 // for keys

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	instead http.HandlerFunc // nil to answer
}

func newProvider(t *testing.T) *provider {
	p := &provider{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.URL, "jwks_uri": p.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		p.asks.Add(1)
		p.mu.Lock()
		keys := p.keys
		p.mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	})
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		instead := p.instead
		p.mu.Unlock()
		if instead != nil {
			instead(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	p.Config.ErrorLog = nil
	t.Cleanup(p.Close)
	for alg := range private() {
		p.publish(string(alg), alg)
	}
	return p
}

// publish has a key with that id, which is the one of alg.
func (p *provider) publish(kid string, alg jose.SignatureAlgorithm) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, jose.JSONWebKey{Key: private()[alg].Public(), KeyID: kid, Algorithm: string(alg), Use: "sig"})
}

// behave has the provider answer with f, nil for as it should.
func (p *provider) behave(f http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instead = f
}

// ca is a file with the provider's certificate.
func (p *provider) ca() string {
	path := filepath.Join(p.t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	require.NoError(p.t, os.WriteFile(path, text, 0o600))
	return path
}

// set are claims, or changes of those that good has.
type set map[string]any

// good returns the claims of a token that is accepted, with changes; nil takes one away.
func (p *provider) good(changes set) []byte {
	now := time.Now().Unix()
	c := set{"iss": p.URL, "aud": []string{"other", "barid"}, "sub": "ann", "exp": now + 600, "iat": now, "nbf": now}
	for name, v := range changes {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	text, err := json.Marshal(c)
	require.NoError(p.t, err)
	return text
}

// sign makes a token of a payload, with the key of alg under the name kid.
func sign(t *testing.T, alg jose.SignatureAlgorithm, kid string, payload []byte) string {
	t.Helper()
	o := &jose.SignerOptions{}
	if kid != "" {
		o = o.WithHeader("kid", kid)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: private()[alg]}, o)
	require.NoError(t, err)
	jws, err := s.Sign(payload)
	require.NoError(t, err)
	text, err := jws.CompactSerialize()
	require.NoError(t, err)
	return text
}

// token makes one with changed claims.
func (p *provider) token(changes set) string {
	return sign(p.t, jose.RS256, "RS256", p.good(changes))
}

// bench is an Authenticator under test with its surroundings.
type bench struct {
	*Authenticator
	*provider // its fields and those of the Authenticator are named in full
	accounts  *account.Registry

	mu  sync.Mutex
	log []string
}

// newBench makes an Authenticator for a provider; change may change its Config.
func newBench(t *testing.T, p *provider, change ...func(*bench, *Config)) *bench {
	t.Helper()
	b := &bench{provider: p, accounts: account.NewRegistry()}
	for _, name := range []string{"A", "B", "SYS"} {
		b.accounts.Put(account.Spec{Name: name, Limits: account.Unlimited()})
	}
	b.Authenticator = b.make(t, change...)
	return b
}

// make makes another Authenticator for the same accounts.
func (b *bench) make(t *testing.T, change ...func(*bench, *Config)) *Authenticator {
	t.Helper()
	cfg := Config{
		Issuer: b.URL, Audience: []string{"barid", "else"}, CAFile: b.ca(), ClockSkew: 30 * time.Second,
		Account: "A", System: "SYS", Accounts: b.accounts.Get,
		Warnf:  func(format string, v ...any) { b.note("WRN "+format, v...) },
		Debugf: func(format string, v ...any) { b.note("DBG "+format, v...) },
	}
	for _, f := range change {
		f(b, &cfg)
	}
	a, err := New(cfg)
	require.NoError(t, err)
	return a
}

func (b *bench) note(format string, v ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, fmt.Sprintf(format, v...))
}

// lines are those of the log that begin so.
func (b *bench) lines(level string) (lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.log {
		if strings.HasPrefix(l, level) {
			lines = append(lines, l)
		}
	}
	return lines
}

// show authenticates with a token.
func (b *bench) show(token string) (*identity.Identity, error) {
	return b.Authenticate(context.Background(), &identity.Credentials{Token: token})
}

// rested lets the provider be asked again at once.
func (b *bench) rested() {
	k := b.Authenticator.keys
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.tried = time.Time{}
}
