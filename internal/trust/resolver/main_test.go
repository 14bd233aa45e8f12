package resolver

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// signer is somebody with an nkey.
type signer struct {
	pair   nkeys.KeyPair
	public string
}

func newSigner(t testing.TB, create func() (nkeys.KeyPair, error)) signer {
	t.Helper()
	pair, err := create()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	return signer{pair, public}
}

func operator(t testing.TB) signer { t.Helper(); return newSigner(t, nkeys.CreateOperator) }

func account(t testing.TB) string { t.Helper(); return newSigner(t, nkeys.CreateAccount).public }

// token returns an account's JWT signed by s, which change may change first.
func (s signer) token(t testing.TB, id, name string, change func(*jwt.AccountClaims)) string {
	t.Helper()
	c := jwt.NewAccountClaims(id)
	c.Name = name
	if change != nil {
		change(c)
	}
	token, err := c.Encode(s.pair)
	require.NoError(t, err)
	return token
}

// signed returns an account's JWT signed by s, with times of one's choice.
func (s signer) signed(t testing.TB, id, name string, issued, expires int64) string {
	t.Helper()
	text := raw(`{"typ":"JWT","alg":"ed25519-nkey"}`) + "." + raw(fmt.Sprintf(
		`{"exp":%d,"jti":%q,"iat":%d,"iss":%q,"name":%q,"sub":%q,"nats":{"type":"account","version":2}}`,
		expires, name, issued, s.public, name, id))
	sig, err := s.pair.Sign([]byte(text))
	require.NoError(t, err)
	return text + "." + raw(string(sig))
}

// made returns what a store takes for an account's JWT, with times of one's choice. Its signature is
// bad.
func made(id, name string, issued, expires int64) string {
	payload := fmt.Sprintf(`{"exp":%d,"jti":%q,"iat":%d,"iss":"O","name":%q,"sub":%q,"nats":{"type":"account","version":2}}`,
		expires, strings.ToUpper(name), issued, name, id)
	return "e30." + raw(payload) + ".c2ln"
}

// record is a Log that keeps its lines.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(level, format string, v ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, level+" "+fmt.Sprintf(format, v...))
}

func (r *record) Noticef(format string, v ...any) { r.add("INF", format, v...) }
func (r *record) Warnf(format string, v ...any)   { r.add("WRN", format, v...) }
func (r *record) Errorf(format string, v ...any)  { r.add("ERR", format, v...) }
func (r *record) Debugf(format string, v ...any)  { r.add("DBG", format, v...) }

func (r *record) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// open returns a directory, a fresh one if none is named.
func open(t testing.TB, cfg DirectoryConfig) (*Directory, *record) {
	t.Helper()
	log := &record{}
	cfg.Log = log
	if cfg.Path == "" {
		cfg.Path = t.TempDir()
	}
	d, err := OpenDirectory(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d, log
}
