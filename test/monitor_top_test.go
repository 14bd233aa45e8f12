package test_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

// A reader like nats-top takes rates from differences between two readings. They are those of what
// clients send and get.
func TestRatesWhileMessagesFlow(t *testing.T) {
	t.Parallel()
	s := run(t)
	reader, writer := connect(t, s, nats.Name("reader")), connect(t, s, nats.Name("writer"))
	const msgs, size = 20_000, 100
	done := make(chan struct{})
	got := 0
	subscribe(t, reader, "a", "", func(*nats.Msg) {
		if got++; got == msgs {
			close(done)
		}
	})
	var first, last server.Varz
	get(t, monitor(s), "/varz", &first)
	var sending sync.WaitGroup
	sending.Go(func() {
		for range msgs {
			if writer.Publish("a", make([]byte, size)) != nil {
				return
			}
		}
		_ = writer.Flush()
	})
	seen := first
	for seen.InMsgs < msgs {
		var next server.Varz
		get(t, monitor(s), "/varz", &next)
		elapsed := next.Now.Sub(seen.Now).Seconds()
		require.Positive(t, elapsed)
		for _, pair := range [][2]int64{
			{seen.InMsgs, next.InMsgs}, {seen.OutMsgs, next.OutMsgs}, {seen.InBytes, next.InBytes}, {seen.OutBytes, next.OutBytes},
		} {
			require.GreaterOrEqual(t, float64(pair[1]-pair[0])/elapsed, 0.0, "counters never go back")
		}
		require.LessOrEqual(t, next.InMsgs, int64(msgs))
		require.GreaterOrEqual(t, next.CPU, 0.0)
		seen = next
	}
	sending.Wait()
	select {
	case <-done:
	case <-time.After(soon):
		t.Fatal("messages are missing")
	}
	eventually(t, func() bool {
		get(t, monitor(s), "/varz", &last)
		return last.OutMsgs-first.OutMsgs == msgs
	})
	rate := float64(last.InMsgs-first.InMsgs) / last.Now.Sub(first.Now).Seconds()
	require.Positive(t, rate)
	require.EqualValues(t, msgs, last.InMsgs-first.InMsgs)
	require.EqualValues(t, msgs*size, last.InBytes-first.InBytes)
	require.EqualValues(t, msgs*size, last.OutBytes-first.OutBytes)
	require.Equal(t, []int64{last.InMsgs, last.OutMsgs}, []int64{last.InClientMsgs, last.OutClientMsgs})

	var conns server.Connz
	get(t, monitor(s), "/connz?limit=1024&sort=msgs_to&subs=1", &conns)
	require.Equal(t, 2, conns.NumConns)
	require.Equal(t, []any{"reader", int64(msgs), int64(0), []string{"a"}},
		[]any{conns.Conns[0].Name, conns.Conns[0].OutMsgs, conns.Conns[0].InMsgs, conns.Conns[0].Subs})
	require.Equal(t, []any{"writer", int64(0), int64(msgs)}, []any{conns.Conns[1].Name, conns.Conns[1].OutMsgs, conns.Conns[1].InMsgs})
	require.Equal(t, []string{"127.0.0.1", "go", nats.Version}, []string{conns.Conns[0].IP, conns.Conns[0].Lang, conns.Conns[0].Version})

	// What an account has sent and got outlives its connections.
	reader.Close()
	writer.Close()
	eventually(t, func() bool { return s.NumClients() == 0 })
	z, err := s.AccountStatz(&server.AccountStatzOptions{Accounts: []string{"$G"}, IncludeUnused: true})
	require.NoError(t, err)
	require.Len(t, z.Accounts, 1)
	require.Equal(t, []any{0, server.MsgBytes{Msgs: msgs, Bytes: msgs * size}, server.MsgBytes{Msgs: msgs, Bytes: msgs * size}},
		[]any{z.Accounts[0].Conns, z.Accounts[0].Received.MsgBytes, z.Accounts[0].Sent.MsgBytes})
}

// A program may serve the pages on a listener of its own, or one of them at any path.
func TestHandlersForPrograms(t *testing.T) {
	t.Parallel()
	s := run(t, func(o *server.Options) { o.HTTPPort, o.HTTPBasePath = 0, "/mon" })
	require.Nil(t, s.MonitorAddr())
	ask := func(h http.Handler, path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	code, body := ask(s.HTTPHandler(), "/mon"+server.VarzPath)
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, s.ID())
	code, _ = ask(s.HTTPHandler(), server.VarzPath)
	require.Equal(t, http.StatusNotFound, code)
	for want, handle := range map[string]http.HandlerFunc{
		"barid": s.HandleRoot, `"in_msgs"`: s.HandleVarz, `"connections"`: s.HandleConnz, `"routes"`: s.HandleRoutez,
		`"num_subscriptions"`: s.HandleSubsz, "goroutine ": s.HandleStacksz,
	} {
		code, body := ask(handle, "/somewhere")
		require.Equal(t, http.StatusOK, code)
		require.Contains(t, body, want)
	}
	varz, err := s.Varz(nil)
	require.NoError(t, err)
	require.Equal(t, map[string]uint64{"/": 1, "/varz": 2, "/connz": 1, "/routez": 1, "/subsz": 1}, varz.HTTPReqStats)
}

// The methods take nil for the defaults.
func TestReportsForPrograms(t *testing.T) {
	t.Parallel()
	s := run(t)
	connect(t, s)
	connz, err := s.Connz(nil)
	require.NoError(t, err)
	require.Equal(t, 1, connz.NumConns)
	subsz, err := s.Subsz(nil)
	require.NoError(t, err)
	require.EqualValues(t, s.NumSubscriptions(), subsz.NumSubs)
	routez, err := s.Routez(nil)
	require.NoError(t, err)
	require.Equal(t, []any{0, []*server.RouteInfo{}}, []any{routez.NumRoutes, routez.Routes})
	leafz, err := s.Leafz(nil)
	require.NoError(t, err)
	require.Equal(t, []*server.LeafInfo{}, leafz.Leafs)
	gatewayz, err := s.Gatewayz(nil)
	require.NoError(t, err)
	require.Empty(t, gatewayz.OutboundGateways)
	jsz, err := s.Jsz(nil)
	require.NoError(t, err)
	require.True(t, jsz.Disabled)
	accountz, err := s.Accountz(nil)
	require.NoError(t, err)
	require.Equal(t, []string{"$G", "$SYS"}, accountz.Accounts)
	statz, err := s.AccountStatz(nil)
	require.NoError(t, err)
	require.Len(t, statz.Accounts, 1)
	require.Equal(t, "ok", s.Healthz(nil).Status)
	s.Shutdown()
	require.Equal(t, http.StatusInternalServerError, s.Healthz(nil).StatusCode)
	_, err = s.Connz(nil)
	require.NoError(t, err)
}

// Secrets of the command line are nowhere on the pages.
func TestPagesShowNoSecretsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "barid")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/baridmq/barid").CombinedOutput()
	require.NoError(t, err, "%s", out)
	const secret = "open-sesame"
	for _, args := range [][]string{
		{"--user", "ann", "--pass", secret}, {"--user", "ann", "--pass=" + secret}, {"--auth", secret}, {"-auth=" + secret},
	} {
		c := program{binary}.start(t, append(args, "-m", "-1")...)
		base := "http://" + c.await(`Starting http monitor on (\S+)$`)
		c.await(listeningOn)
		require.Contains(t, anyObject(t, base, "/debug/vars"), "cmdline")
		for _, path := range strings.Fields("/ /varz /connz?auth=1 /subsz?subs=1 /accountz /jsz /stacksz /debug/vars /metrics") {
			_, _, body := page(t, base, path)
			require.NotContains(t, body, secret, path)
		}
		require.Zero(t, c.stop(syscall.SIGTERM))
	}
}

// anyObject asks for a page whatever its content type says.
func anyObject(t testing.TB, base, path string) (values map[string]any) {
	t.Helper()
	get(t, base, path, &values)
	return values
}
