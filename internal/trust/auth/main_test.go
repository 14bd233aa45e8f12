package auth

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// home is the account of the users of a test.
func home() *account.Account { return account.NewRegistry().Get(account.Global) }

// newLogins makes Logins and gives users the account that they do not have.
func newLogins(t testing.TB, cfg Config) (*Logins, *record) {
	t.Helper()
	log := &record{}
	cfg.Warnf, cfg.Debugf = log.add("WRN"), log.add("DBG")
	if cfg.Account == nil {
		cfg.Account = home()
	}
	for i := range cfg.Users {
		if cfg.Users[i].Account == nil {
			cfg.Users[i].Account = cfg.Account
		}
	}
	l, err := New(cfg)
	require.NoError(t, err)
	return l, log
}

// record keeps log lines.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(level string) func(string, ...any) {
	return func(format string, v ...any) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, level+" "+fmt.Sprintf(format, v...))
	}
}

func (r *record) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

// hashed returns the bcrypt hash of password under a version letter, such as "a".
func hashed(t testing.TB, version, password string, cost int) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	require.NoError(t, err)
	return "$2" + version + string(h[3:])
}

// signer is somebody with an nkey.
type signer struct {
	t      testing.TB
	pair   nkeys.KeyPair
	public string
}

func newSigner(t testing.TB, create func() (nkeys.KeyPair, error)) signer {
	t.Helper()
	pair, err := create()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	return signer{t, pair, public}
}

func (s signer) sign(nonce string) []byte {
	s.t.Helper()
	sig, err := s.pair.Sign([]byte(nonce))
	require.NoError(s.t, err)
	return sig
}

// try logs in.
func try(t testing.TB, l *Logins, c identity.Credentials) (*identity.Identity, error) {
	t.Helper()
	if c.Kind == "" {
		c.Kind = identity.Standard
	}
	id, err := l.Authenticate(t.Context(), &c)
	require.Equal(t, err == nil, id != nil, "either an identity or an error")
	return id, err
}
