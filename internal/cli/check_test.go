package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

func TestCheckConnection(t *testing.T) {
	s := serve(t)
	out := succeed(t, "check", "connection")
	require.Regexp(t, `^Connection OK OK:connected to `+s.ClientURL()+` in \S+ OK:round trip in \S+ OK:request in \S+ `+
		`\| connect_time=[0-9.]+s;0\.5;1 rtt=[0-9.]+s;0\.5;1 request_time=[0-9.]+s;0\.5;1\n$`, out)
	status, out, _ := ask(t, "", "check", "connection", "--rtt-warn", "1ns")
	require.Equal(t, 1, status)
	require.Regexp(t, `^Connection WARNING WARNING:round trip in .*, more than 1ns OK:connected`, out)
	status, out, _ = ask(t, "", "check", "connection", "--warn", "1ns", "--critical", "2ns")
	require.Equal(t, 2, status)
	require.Regexp(t, `^Connection CRITICAL CRITICAL:connected`, out)
	s.Shutdown()
	status, out, stderr := ask(t, "", "check", "connection")
	require.Equal(t, 2, status)
	require.Contains(t, out, "Connection CRITICAL CRITICAL:cannot connect to nats://127.0.0.1:")
	require.Empty(t, stderr)
}

// Who may not subscribe to inboxes is connected, but no request works.
func TestCheckConnectionWithoutPermission(t *testing.T) {
	serve(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p",
			Permissions: &server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{">"}}}}}
	})
	status, out, _ := ask(t, "", "check", "connection", "--user", "u", "--password", "p")
	require.Equal(t, 2, status)
	require.Contains(t, out, "CRITICAL:no answer to a request: nats: permissions violation")
}

func TestCheckFormats(t *testing.T) {
	s := serve(t)
	var got resultJSON
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "check", "connection", "--format", "json")), &got))
	require.Equal(t, "OK", got.Status)
	require.Equal(t, "connection", got.Check)
	require.Len(t, got.OK, 3)
	require.Equal(t, "rtt", got.Perf[1].Name)
	require.Equal(t, 0.5, *got.Perf[1].Warning)

	out := succeed(t, "check", "connection", "--format", "prometheus")
	require.Regexp(t, `(?m)^# TYPE nats_server_check_connection_rtt gauge\nnats_server_check_connection_rtt\{item="Connection"\} 0`, out)
	require.Contains(t, out, `nats_server_check_connection_status_code{item="Connection",status="OK"} 0`+"\n")
	status, out, _ := ask(t, "", "check", "server", "--monitor", monitorURL(s), "--format", "prometheus", "--uptime-warn", "1h", "--namespace", "x")
	require.Equal(t, 1, status)
	require.Contains(t, out, `x_server_status_code{item="Server",status="WARNING"} 1`+"\n")
	for _, name := range []string{"uptime", "cpu", "mem", "connections", "subscriptions"} {
		require.Contains(t, out, "\nx_server_"+name+`{item="Server"} `, "\n"+out)
	}
	require.Regexp(t, `^Connection: OK\n  OK       connected to .*\n  OK       round trip in`, succeed(t, "check", "connection", "--format", "text"))
}

// monitored plays the monitoring of a server.
func monitored(t *testing.T, path string, status int, answer string) string {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(web.Close)
	return web.URL
}

func TestCheckServer(t *testing.T) {
	url := monitored(t, "/varz", 200, `{"server_id":"N","start":"2026-01-01T00:00:00Z","now":"2026-01-01T00:10:00Z",
		"cpu":50,"mem":2000000,"connections":10,"subscriptions":20}`)
	for _, c := range []struct {
		flags  string
		status int
		want   string
	}{
		{"", 0, "uptime=600s;; cpu=50%;; mem=2000000B;; connections=10;; subscriptions=20;;"},
		{"--cpu-warn 50 --mem-warn 2M --conn-warn 10 --subs-warn 20 --uptime-warn 10m", 0, "uptime=600s;600:; cpu=50%;50; mem=2000000B;2000000;"},
		{"--cpu-warn 49", 1, "WARNING:cpu 50%, limit 49%"},
		{"--cpu-warn 40 --cpu-critical 49.5", 2, "CRITICAL:cpu 50%, limit 49.5%"},
		{"--mem-critical 1MB", 2, "CRITICAL:mem 2000000B, limit 1048576B"},
		{"--uptime-warn 1h --uptime-critical 5m", 1, "WARNING:uptime 600s, limit 3600s"},
		{"--uptime-critical 11m", 2, "uptime 600s, limit 660s"},
		{"--conn-warn 5 --conn-critical 20", 1, "connections 10, limit 5"},
		{"--conn-warn 20 --conn-critical 5", 1, "connections 10, limit 20"}, // less is worse
		{"--subs-warn 50 --subs-critical 30", 2, "subscriptions 20, limit 30"},
		{"--auth-required --tls-required", 2, "CRITICAL:authentication is not required CRITICAL:TLS is not required"},
	} {
		status, out, stderr := ask(t, "", append([]string{"check", "server", "--monitor", url}, strings.Fields(c.flags)...)...)
		require.Equal(t, c.status, status, "%s: %s%s", c.flags, out, stderr)
		require.Contains(t, out, c.want)
	}
	status, out, _ := ask(t, "", "check", "server", "--monitor", monitored(t, "/varz", 200, "{}"))
	require.Equal(t, 3, status)
	require.Contains(t, out, "Server UNKNOWN UNKNOWN:/varz of 127.0.0.1:")
	status, out, _ = ask(t, "", "check", "server", "--monitor", monitored(t, "/varz", 200, "<html>"))
	require.Equal(t, 2, status)
	require.Contains(t, out, "is no monitoring answer")
}

func TestCheckHealth(t *testing.T) {
	s := serve(t)
	require.Regexp(t, `^Health OK OK:127\.0\.0\.1:\d+ is healthy \| time=`, succeed(t, "check", "health", "--monitor", monitorURL(s)))
	port := monitorURL(s)[strings.LastIndex(monitorURL(s), ":")+1:]
	succeed(t, "check", "health", "-m", port, "--js-server-only")
	succeed(t, "check", "health", "--monitor", strings.TrimPrefix(monitorURL(s), "http://"))
	s.Shutdown()
	for _, c := range []struct{ url, want string }{
		{monitorURLOf(port), "CRITICAL:no answer of 127.0.0.1:" + port + ": "},
		{"http://u:s3cret@127.0.0.1:" + port, "CRITICAL:no answer of 127.0.0.1:"},
		{monitored(t, "/healthz", 503, `{"status":"unavailable","error":"no | \u001b quorum"}`), `status 503: no / \x1b quorum`},
		{monitored(t, "/healthz", 500, "oops\nand more"), "status 500: oops"},
		{monitored(t, "/healthz", 200, `{"status":"error"}`), `says: {"status":"error"}`},
		{monitored(t, "/none", 200, ""), "status 404"},
	} {
		status, out, stderr := ask(t, "", "check", "health", "--monitor", c.url)
		require.Equal(t, 2, status, out)
		require.Contains(t, out, c.want)
		require.NotContains(t, out+stderr, "s3cret")
	}
}

func monitorURLOf(port string) string { return "http://127.0.0.1:" + port }

func TestMonitoringWithTLS(t *testing.T) {
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"ok"}`)) }))
	defer web.Close()
	web.Config.ErrorLog = nil
	succeed(t, "check", "health", "--monitor", web.URL, "-k")
	status, out, _ := ask(t, "", "check", "health", "--monitor", web.URL)
	require.Equal(t, 2, status)
	require.Contains(t, out, "certificate")
	_, cert, _ := certificate(t)
	status, _, _ = ask(t, "", "check", "health", "--monitor", web.URL, "--tlsca", cert)
	require.Equal(t, 2, status, "signed by another")
	status, _, stderr := ask(t, "", "check", "health", "--monitor", web.URL, "--tlsca", "no-file")
	require.Equal(t, 3, status)
	require.Contains(t, stderr, "no-file")
}
