package test_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

// populate lets many connections, which need no sockets, hold some subscriptions each.
func populate(t testing.TB, s *server.Server, conns, each int) {
	t.Helper()
	all := make([]net.Conn, conns)
	t.Cleanup(func() {
		for _, c := range all {
			if c != nil {
				_ = c.Close()
			}
		}
	})
	for i := range all {
		c, err := s.InProcessConn()
		require.NoError(t, err)
		all[i] = c
		lines := bufio.NewReaderSize(c, 512)
		_, err = lines.ReadString('\n') // INFO
		require.NoError(t, err)
		var b strings.Builder
		b.WriteString("CONNECT {\"verbose\":false,\"pedantic\":false}\r\n")
		for j := range each {
			fmt.Fprintf(&b, "SUB crowd.%d.%d %d\r\n", i, j, j+1)
		}
		b.WriteString("PING\r\n")
		_, err = io.WriteString(c, b.String())
		require.NoError(t, err)
		pong, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "PONG\r\n", pong)
	}
}

// converse lets two clients send a message to and fro until the returned function is called, and
// counts how often it went. The longest way is in nanoseconds.
func converse(t testing.TB, s *server.Server) (trips, longest *atomic.Int64, stop func()) {
	t.Helper()
	trips, longest = new(atomic.Int64), new(atomic.Int64)
	one, two := connect(t, s), connect(t, s)
	subscribe(t, two, "there", "", func(m *nats.Msg) { _ = m.Respond(nil) })
	done := make(chan struct{})
	var talking sync.WaitGroup
	talking.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			begun := time.Now()
			if _, err := one.Request("there", nil, soon); err != nil {
				return
			}
			longest.Store(max(longest.Load(), int64(time.Since(begun))))
			trips.Add(1)
		}
	})
	return trips, longest, func() { close(done); talking.Wait() }
}

// get decodes a page into the type that programs use.
func get(t testing.TB, base, path string, into any) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: soon}
	resp, err := client.Get(base + path)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode, path)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into), path)
}

// readAllPages reads the connections with their subscriptions, and the subscriptions, page by page,
// and demands that each is there once. The pages of both have the given sizes.
func readAllPages(t testing.TB, base string, conns, each, connsPerPage, subsPerPage int) {
	t.Helper()
	cids, subs := map[uint64]bool{}, map[string]bool{}
	for offset, total := 0, 1; offset < total; offset += connsPerPage {
		var z server.Connz
		get(t, base, fmt.Sprintf("/connz?subs=detail&sort=subs&offset=%d&limit=%d", offset, connsPerPage), &z)
		total = z.Total
		for _, c := range z.Conns {
			require.False(t, cids[c.Cid], "connection %d", c.Cid)
			cids[c.Cid] = true
			require.Len(t, c.SubsDetail, int(c.NumSubs))
			for _, sub := range c.SubsDetail {
				if strings.HasPrefix(sub.Subject, "crowd.") {
					if c.Cid != sub.Cid || subs[sub.Subject] {
						t.Fatalf("%+v on the page of %d, or twice", sub, c.Cid)
					}
					subs[sub.Subject] = true
				}
			}
		}
	}
	require.Len(t, cids, conns+2, "the crowd and those who talk")
	require.Len(t, subs, conns*each)
	again := make(map[string]bool, len(subs))
	for offset, total := 0, 1; offset < total; offset += subsPerPage {
		var z server.Subsz
		get(t, base, fmt.Sprintf("/subsz?subs=1&offset=%d&limit=%d", offset, subsPerPage), &z)
		total = z.Total
		require.Equal(t, int(z.NumSubs), total)
		for _, sub := range z.Subs {
			if strings.HasPrefix(sub.Subject, "crowd.") {
				if again[sub.Subject] {
					t.Fatalf("%+v twice", sub)
				}
				again[sub.Subject] = true
			}
		}
	}
	require.Equal(t, subs, again)
}

// All pages together show everything once, and messages flow meanwhile.
func TestPagesOfACrowd(t *testing.T) {
	t.Parallel()
	const conns, each = 300, 30
	s := run(t)
	populate(t, s, conns, each)
	trips, _, stop := converse(t, s)
	defer stop()
	eventually(t, func() bool { return trips.Load() > 0 })
	before := trips.Load()
	readAllPages(t, monitor(s), conns, each, 70, 2000)
	require.Greater(t, trips.Load(), before)
	require.Len(t, object(t, monitor(s), "/subsz?subs=1&test=crowd.7.7")["subscriptions_list"], 1)
}

// Who polls pages that cost much holds up neither those that cost little nor messages.
func TestManyPollers(t *testing.T) {
	t.Parallel()
	s := run(t)
	populate(t, s, 100, 30)
	trips, _, stop := converse(t, s)
	defer stop()
	var polling sync.WaitGroup
	for range 10 {
		polling.Go(func() {
			for range 3 {
				code, _, _ := page(t, monitor(s), "/connz?subs=detail")
				if code != http.StatusOK {
					t.Errorf("status %d", code)
				}
			}
		})
	}
	before := trips.Load()
	for range 5 {
		require.Contains(t, object(t, monitor(s), "/varz"), "now")
		require.Equal(t, "ok", object(t, monitor(s), "/healthz")["status"])
	}
	eventually(t, func() bool { return trips.Load() > before })
	polling.Wait()
}

// BenchmarkPagesOfACrowd measures one page of each list at the size that monitoring is made for, and
// what a message waits meanwhile.
func BenchmarkPagesOfACrowd(b *testing.B) {
	const conns, each = 15_000, 67
	s := run(b)
	populate(b, s, conns, each)
	for _, path := range []string{
		"/varz", "/connz", "/connz?sort=bytes_to&offset=7000", "/connz?subs=1&limit=100", "/connz?subs=detail", "/subsz",
		"/subsz?subs=1", "/subsz?subs=1&offset=900000", "/subsz?subs=1&test=crowd.77.7", "/accstatz", "/metrics",
		"/metrics?connz=detailed", "/stacksz",
	} {
		b.Run(path, func(b *testing.B) {
			trips, longest, stop := converse(b, s)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				code, _, body := page(b, monitor(s), path)
				require.Equal(b, http.StatusOK, code)
				b.SetBytes(int64(len(body)))
			}
			runtime.ReadMemStats(&after)
			stop()
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/1e6, "MB-allocated/op")
			b.ReportMetric(float64(trips.Load())/float64(b.N), "trips/op")
			b.ReportMetric(float64(longest.Load())/1e6, "ms-longest")
		})
	}
}
