package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

func TestTopUnderLoad(t *testing.T) {
	s := serve(t)
	nc := connect(t, s, nats.Name("the \x1b name"))
	_, err := nc.Subscribe("load", func(*nats.Msg) {})
	require.NoError(t, err)
	done := start(t, "", "pub", "load", "0123456789", "--count", "1000000", "--sleep", "1ms", "-q")
	require.Eventually(t, func() bool { return nc.Stats().InMsgs > 10 }, lab.Patience, time.Millisecond)

	var got readingJSON
	out := succeed(t, "top", "--monitor", monitorURL(s), "--json", "-d", "300ms", "--subs", "--sort", "msgs_to")
	require.Equal(t, 1, strings.Count(out, "\n"))
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.GreaterOrEqual(t, got.Interval, 0.25)
	require.Positive(t, got.Rates.InMsgs)
	require.Less(t, got.Rates.InMsgs, 1100.0)
	require.InDelta(t, got.Rates.InMsgs*10, got.Rates.InBytes, 1)
	require.Equal(t, s.ID(), got.Server.ID)
	require.Len(t, got.Conns, 2)
	require.Equal(t, []string{"load"}, got.Conns[0].Subjects)
	require.Equal(t, "the \x1b name", got.Conns[0].Name)
	require.Positive(t, got.Conns[0].OutMsgs)

	out = succeed(t, "top", "--monitor", monitorURL(s), "--once", "-d", "20ms", "-u")
	require.Contains(t, out, "Connections: 2 of 2\n")
	require.Regexp(t, `(?m)^  127\.0\.0\.1:\d+ +\d+ +the \\x1b name +1 .* go .*load$`, out)
	file := filepath.Join(t.TempDir(), "top.txt")
	require.Empty(t, succeed(t, "top", "--monitor", monitorURL(s), "-o", file, "-d", "20ms", "-r", "2"))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(text), "Connections: "))

	done.interrupt()
	require.Equal(t, 1, done.wait())
	require.Contains(t, done.stderr.String(), "interrupted")
}

func TestTopFails(t *testing.T) {
	s := serve(t)
	url := monitorURL(s)
	s.Shutdown()
	for _, c := range []struct{ url, want string }{
		{url, "barid: no answer of 127.0.0.1:"},
		{monitored(t, "/none", 200, ""), "status 404: 404 page not found"},
		{monitored(t, "/varz", 500, strings.Repeat("x", 100)), "status 500: " + strings.Repeat("x", 80) + "\n"},
		{monitored(t, "/varz", 200, "[]"), "is no monitoring answer"},
	} {
		status, out, stderr := ask(t, "", "top", "--monitor", c.url)
		require.Equal(t, 1, status)
		require.Empty(t, out)
		require.Contains(t, stderr, c.want)
	}
}

func TestAnInterruptedTop(t *testing.T) {
	s := serve(t)
	r := start(t, "", "top", "--monitor", monitorURL(s), "-d", "1h")
	r.interrupt()
	require.Contains(t, []int{0, 1}, r.wait()) // 1 if it had not read once
}

// Rates are differences over the clock of the server, and none of another server.
func TestRates(t *testing.T) {
	n := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/connz" {
			fmt.Fprint(w, `{"connections":null,"total":0}`)
			return
		}
		id := "A"
		if n == 2 {
			id = "B"
		}
		fmt.Fprintf(w, `{"server_id":%q,"now":"2026-01-01T00:00:%02dZ","in_msgs":%d,"out_bytes":%d}`, id, n*10, n*50, n*1000)
		n++
	}))
	defer web.Close()
	out := succeed(t, "top", "--monitor", web.URL, "--json", "-d", "10ms", "-r", "2")
	lines := strings.Split(out, "\n")
	require.Contains(t, lines[0], `"rates":{"in_msgs":5,"out_msgs":0,"in_bytes":0,"out_bytes":100},"total_connections":0,"connections":[]`)
	require.Contains(t, lines[0], `"interval_seconds":10,`)
	require.Contains(t, lines[1], `"interval_seconds":0,`)
	require.Contains(t, lines[1], `"rates":{"in_msgs":0,`)
}

func TestKeysOfTop(t *testing.T) {
	s := serve(t)
	top := &top{interval: time.Hour, limit: 5, sort: "uptime", monitor: monitorOf(&cobra.Command{})}
	top.monitor.url = monitorURL(s)
	require.NoError(t, top.monitor.open())
	defer top.monitor.shut()
	pressed := make(chan byte, 8)
	for _, key := range []byte("so?q") {
		pressed <- key
	}
	shown := 0
	require.NoError(t, top.obey(t.Context(), pressed, func(r *reading, err error) {
		shown++
		require.NoError(t, err)
		require.Equal(t, s.ID(), r.varz.ID)
	}))
	require.Equal(t, 4, shown)
	require.Equal(t, "cid", top.sort)
	require.True(t, top.subs)
	require.Equal(t, []byte("ab"), []byte{<-keys(strings.NewReader("a")), <-keys(strings.NewReader("b"))})
}

func TestPicturesFitTheScreen(t *testing.T) {
	require.Equal(t, "größ\r\nb", fitted("größer\nb\nc\n", 4, 2))
	require.Equal(t, "a", fitted("a\n", 80, 24))
	for n, want := range map[float64]string{0: "0", 9.96: "10", 999: "999", 1000: "1.0K", 1234567: "1.2M", 5e15: "5000.0T"} {
		require.Equal(t, want, count(n))
	}
	require.Equal(t, "1.0M", size(1<<20))
}
