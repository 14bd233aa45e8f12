package server

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

func TestAccountsAreMadeAndFound(t *testing.T) {
	s, _ := newServer(t, func(o *Options) {
		o.Accounts = []*Account{{Name: "limited", Limits: &AccountLimits{MaxConnections: 3, MaxSubscriptions: -1, MaxPayload: -1}}}
	})
	_, err := s.LookupAccount("A")
	require.ErrorIs(t, err, ErrMissingAccount)
	require.EqualError(t, err, "account missing")
	before := s.NumLoadedAccounts()

	a, err := s.RegisterAccount("A")
	require.NoError(t, err)
	require.Equal(t, "A", a.GetName())
	require.Equal(t, before+1, s.NumLoadedAccounts())
	_, err = s.RegisterAccount("A")
	require.ErrorIs(t, err, ErrAccountExists)
	_, err = s.RegisterAccount("")
	require.Error(t, err)

	again, err := s.LookupAccount("A")
	require.NoError(t, err)
	require.Same(t, a, again)
	again, isNew := s.LookupOrRegisterAccount("A")
	require.Same(t, a, again)
	require.False(t, isNew)
	_, isNew = s.LookupOrRegisterAccount("B")
	require.True(t, isNew)

	limited, err := s.LookupAccount("limited")
	require.NoError(t, err)
	require.Equal(t, 3, limited.Limits.MaxConnections)
	require.Zero(t, s.NumActiveAccounts())
}

// Whoever registers first gets the account, and everybody the same one.
func TestAccountsAreMadeOnce(t *testing.T) {
	s, _ := newServer(t, nil)
	var made sync.Map
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			a, isNew := s.LookupOrRegisterAccount("A")
			if _, twice := made.Swap(isNew, a); isNew && twice {
				t.Error("made twice")
			}
		})
	}
	group.Wait()
	first, _ := made.Load(true)
	other, _ := made.Load(false)
	require.Same(t, first, other)
}

func TestSystemAccount(t *testing.T) {
	s, _ := newServer(t, nil)
	require.Equal(t, "$SYS", s.SystemAccount().Name)
	require.ErrorIs(t, s.SetSystemAccount("S"), ErrMissingAccount)
	_, err := s.RegisterAccount("S")
	require.NoError(t, err)
	require.NoError(t, s.SetSystemAccount("S"))
	require.Equal(t, "S", s.SystemAccount().Name)
	s.Start()
	require.NoError(t, s.SetSystemAccount("S"))
	require.Error(t, s.SetSystemAccount("$SYS"), "of a running server")

	none, _ := newServer(t, func(o *Options) { o.NoSystemAccount = true })
	require.Nil(t, none.SystemAccount())
}

// Accounts and users may be shared by servers that come and go at the same time.
func TestAccountsAreSharedBetweenServers(t *testing.T) {
	a := NewAccount("A")
	u := &User{Username: "u", Password: "p", Account: a}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			o := &Options{Host: "127.0.0.1", Port: RANDOM_PORT, NoSigs: true, Accounts: []*Account{a}, Users: []*User{u}}
			s, err := NewServer(o)
			if err != nil {
				t.Error(err)
				return
			}
			s.Start()
			own, err := s.LookupAccount("A")
			if err != nil || own == a {
				t.Error("the handle belongs to the server", err)
			}
			a.TotalSubs()
			a.Interest("x")
			o.Clone()
			s.Shutdown()
		})
	}
	group.Wait()
	require.Zero(t, a.NumConnections())
}

func TestAnAccountOfNoServerIsEmpty(t *testing.T) {
	a := NewAccount("A")
	require.Zero(t, a.TotalSubs())
	require.Zero(t, a.NumConnections())
	require.False(t, a.SubscriptionInterest("x"))
}

// What barid does not have is refused, not ignored.
func TestAbsentPartsSaySo(t *testing.T) {
	s, _ := newServer(t, nil)
	require.Error(t, s.EnableJetStream(nil))
}

// Programs may bring their own source of account JWTs, before a server starts and after.
func TestAccountResolverOfAProgram(t *testing.T) {
	operator, err := nkeys.CreateOperator()
	require.NoError(t, err)
	trusted, err := operator.PublicKey()
	require.NoError(t, err)
	pair, err := nkeys.CreateAccount()
	require.NoError(t, err)
	id, err := pair.PublicKey()
	require.NoError(t, err)
	token, err := jwt.NewAccountClaims(id).Encode(operator)
	require.NoError(t, err)

	s, _ := newServer(t, func(o *Options) { o.TrustedKeys = []string{trusted} })
	require.True(t, s.auth.Required())
	s.Start()
	require.NoError(t, s.Err(), "nobody to ask is no reason not to start")
	_, err = s.LookupAccount(id)
	require.ErrorIs(t, err, ErrMissingAccount)
	r := &MemAccResolver{}
	require.NoError(t, r.Store(id, token))
	s.SetAccountResolver(r)
	require.Same(t, r, s.AccountResolver())
	a, err := s.LookupAccount(id)
	require.NoError(t, err)
	require.Equal(t, id, a.GetName())
}

func TestMemAccResolver(t *testing.T) {
	var r MemAccResolver
	_, err := r.Fetch("A")
	require.ErrorIs(t, err, ErrMissingAccountJWT)
	require.NoError(t, r.Store("A", "one"))
	require.NoError(t, r.Store("A", "two"))
	token, err := r.Fetch("A")
	require.NoError(t, err)
	require.Equal(t, "two", token)
	require.False(t, r.IsReadOnly())
}

func TestClaimsOfPrograms(t *testing.T) {
	s, b := newServer(t, nil)
	a, err := s.RegisterAccount("A")
	require.NoError(t, err)
	claims := jwt.NewAccountClaims("A")
	claims.Limits.Conn = 7
	s.UpdateAccountClaims(a, claims)
	require.NotContains(t, b.text(), "ERR")
	require.Equal(t, 7, s.tenants.Registry().Get("A").Limits().Connections)
	require.Equal(t, -1, s.tenants.Registry().Get("A").Limits().Payload)

	claims.Exports = jwt.Exports{{Subject: "x", Type: jwt.Stream}}
	claims.Limits.Conn = jwt.NoLimit
	s.UpdateAccountClaims(a, claims)
	require.Equal(t, -1, s.tenants.Registry().Get("A").Limits().Connections)
	require.Len(t, s.tenants.Registry().Get("A").Spec().Exports, 1)
	s.UpdateAccountClaims(nil, claims)
	require.Contains(t, b.text(), "ERR Claims can not be applied")
}

func TestRoutesFromStr(t *testing.T) {
	require.Empty(t, RoutesFromStr(""))
	routes := RoutesFromStr(" nats://a:1 ,nats://u:p@b:2, nats://%,, ")
	require.Len(t, routes, 2)
	require.Equal(t, "a:1", routes[0].Host)
	require.Equal(t, "u:p", routes[1].User.String())
}

// An Info that is all zero is short: what other servers send must not grow by being sent on.
func TestInfoLeavesOutWhatIsEmpty(t *testing.T) {
	text, err := json.Marshal(Info{})
	require.NoError(t, err)
	require.JSONEq(t, `{"server_id":"","server_name":"","version":"","proto":0,"go":"","host":"","port":0,"headers":false,"max_payload":0}`,
		string(text))
	var i Info
	require.NoError(t, json.Unmarshal([]byte(`{"client_id":5,"lnoc":true,"remote_account":"A","leafnode_urls":["x"],
		"connect_urls":["y"],"api_lvl":1,"gateway_cmd_payload":"JEc="}`), &i))
	require.Equal(t, Info{CID: 5, LNOC: true, RemoteAccount: "A", LeafNodeURLs: []string{"x"}, ClientConnectURLs: []string{"y"},
		JSApiLevel: 1, GatewayCmdPayload: []byte("$G")}, i)
}

// The client's first INFO decodes into Info.
func TestInfoOfAServer(t *testing.T) {
	s, _ := newServer(t, func(o *Options) { o.ServerName, o.Cluster.Name = "me", "mine" })
	s.Start()
	nc, err := s.InProcessConn()
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.SetDeadline(time.Now().Add(10*time.Second)))
	line := make([]byte, 4096)
	n, err := nc.Read(line)
	require.NoError(t, err)
	var i Info
	require.NoError(t, json.Unmarshal(line[len("INFO "):n], &i))
	require.Equal(t, s.ID(), i.ID)
	require.Equal(t, "me", i.Name)
	require.Equal(t, "mine", i.Cluster)
	require.Equal(t, VERSION, i.Version)
	require.True(t, i.Headers)
}

func TestLatencyOfTheServiceIsNotThatOfNATS(t *testing.T) {
	l := &ServiceLatency{ServiceLatency: time.Second, TotalLatency: 3 * time.Second}
	require.Equal(t, 2*time.Second, l.NATSTotalTime())
}

// SetLoggerV2 changes what is traced in the options in force, and not those of the program.
func TestSystemIsTracedOnDemand(t *testing.T) {
	s, b := newServer(t, nil)
	s.Start()
	s.SetLoggerV2(b, false, true, true)
	require.True(t, s.options().TraceVerbose)
	require.False(t, s.given.TraceVerbose)
	s.SetLoggerV2(b, false, true, false)
	require.False(t, s.options().TraceVerbose)
}

// A program may be built to trust certain operators and no others.
func TestOperatorsOfTheProgram(t *testing.T) {
	defer func() { trustedKeys = "" }()
	key := func() string {
		pair, err := nkeys.CreateOperator()
		require.NoError(t, err)
		public, err := pair.PublicKey()
		require.NoError(t, err)
		return public
	}
	one, two := key(), key()
	for _, stamped := range []string{one, one + " " + two} {
		trustedKeys = stamped
		s, _ := newServer(t, nil)
		require.Equal(t, strings.Fields(stamped), s.options().TrustedKeys)
		require.True(t, s.auth.Required())
		s.Start()
		require.NoError(t, s.ReloadOptions(s.options().Clone()), "a reload keeps them")
		require.ErrorContains(t, s.ReloadOptions(&Options{TrustedKeys: []string{two}, Host: "127.0.0.1", Port: -1}), "Error processing trusted operator keys")
		s.Shutdown()
	}
	_, err := NewServer(&Options{TrustedKeys: []string{two}})
	require.ErrorContains(t, err, "Error processing trusted operator keys")
	for _, bad := range []string{"x", one + " x", one[:55]} {
		trustedKeys = bad
		_, err := NewServer(nil)
		require.ErrorContains(t, err, "Error processing trusted operator keys", bad)
	}
}

// countedResolver notes what its server does with it.
type countedResolver struct {
	MemAccResolver
	calls []string
}

// Start calls the server, as a resolver may.
func (c *countedResolver) Start(s *Server) error {
	c.calls = append(c.calls, "start")
	_, err := s.RegisterAccount("OWN")
	return err
}

func (c *countedResolver) Reload() error { c.calls = append(c.calls, "reload"); return nil }
func (c *countedResolver) Close()        { c.calls = append(c.calls, "close") }

func TestResolverInTheOptions(t *testing.T) {
	operator, err := nkeys.CreateOperator()
	require.NoError(t, err)
	trusted, err := operator.PublicKey()
	require.NoError(t, err)
	r := &countedResolver{}
	s, _ := newServer(t, func(o *Options) { o.TrustedKeys, o.AccountResolver = []string{trusted}, r })
	require.Empty(t, r.calls)
	s.Start()
	require.NoError(t, s.Err())
	require.Equal(t, []string{"start"}, r.calls)
	require.Same(t, r, s.AccountResolver())
	require.NoError(t, s.ReloadOptions(s.options().Clone()))
	other := s.options().Clone()
	other.AccountResolver = &countedResolver{}
	require.ErrorContains(t, s.ReloadOptions(other), "another account resolver")
	s.Shutdown()
	require.Equal(t, []string{"start", "reload", "close"}, r.calls)
}
