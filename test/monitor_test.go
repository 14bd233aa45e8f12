package test_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

// page asks the monitoring for a path and returns status, header and body.
func page(t testing.TB, base, path string) (int, http.Header, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: soon}
	resp, err := client.Get(base + path)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(body)
}

// object asks for a JSON page.
func object(t testing.TB, base, path string) map[string]any {
	t.Helper()
	status, header, body := page(t, base, path)
	require.Equal(t, http.StatusOK, status, body)
	require.Equal(t, "application/json", header.Get("Content-Type"))
	var values map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &values))
	return values
}

func connections(t testing.TB, base, query string) []map[string]any {
	t.Helper()
	var entries []map[string]any
	for _, entry := range object(t, base, "/connz"+query)["connections"].([]any) {
		entries = append(entries, entry.(map[string]any))
	}
	return entries
}

func TestVarz(t *testing.T) {
	t.Parallel()
	s := run(t, func(opts *server.Options) { opts.ServerName, opts.MaxSubs = "name", 7 })
	reader, writer := connect(t, s), connect(t, s)
	sub, err := reader.SubscribeSync("a")
	require.NoError(t, err)
	require.NoError(t, reader.Flush())
	require.NoError(t, writer.Publish("a", []byte("hello")))
	_, err = sub.NextMsg(soon)
	require.NoError(t, err)
	require.NoError(t, writer.Flush())

	got := object(t, monitor(s), "/varz")
	for key, want := range map[string]any{
		"server_name": "name", "host": "127.0.0.1", "proto": 1.0, "max_connections": 65536.0,
		"max_subscriptions": 7.0, "ping_interval": 120e9, "ping_max": 2.0, "http_host": "127.0.0.1",
		"http_port": -1.0, "https_port": 0.0, "max_control_line": 4096.0, "max_payload": 1048576.0,
		"max_pending": 67108864.0, "write_deadline": 10e9, "connections": 2.0, "total_connections": 2.0,
		"routes": 0.0, "remotes": 0.0, "leafnodes": 0.0, "in_msgs": 1.0, "out_msgs": 1.0, "in_bytes": 5.0,
		"out_bytes": 5.0, "slow_consumers": 0.0, "jetstream": map[string]any{}, "cluster": map[string]any{},
		"gateway": map[string]any{}, "leaf": map[string]any{},
	} {
		require.Equal(t, want, got[key], key)
	}
	require.Regexp(t, `^N[A-Z2-7]{55}$`, got["server_id"])
	require.Regexp(t, `^\d+\.\d+\.\d+`, got["version"])
	require.Regexp(t, `^go1\.`, got["go"])
	require.EqualValues(t, s.Addr().String(), fmt.Sprintf("127.0.0.1:%v", got["port"]))
	require.Regexp(t, `^\d+s$`, got["uptime"])
	require.Positive(t, got["mem"])
	require.Positive(t, got["cores"])
	for _, key := range []string{"start", "now", "config_load_time"} {
		at, err := time.Parse(time.RFC3339Nano, got[key].(string))
		require.NoError(t, err, key)
		require.Equal(t, time.UTC, at.Location(), key)
	}
	require.Equal(t, map[string]any{"/varz": 1.0}, got["http_req_stats"])

	_, header, body := page(t, monitor(s), "/varz")
	require.Equal(t, "*", header.Get("Access-Control-Allow-Origin"))
	require.True(t, strings.HasPrefix(body, "{\n  \"server_id\": "), "%s", body)
	require.False(t, strings.HasSuffix(body, "\n"))
	require.Equal(t, map[string]any{"/varz": 3.0}, object(t, monitor(s), "/varz")["http_req_stats"])
}

// What a server shows of its settings without any configuration is what a 2.9 server shows.
func TestVarzShowsTheDefaultsOfThePeer(t *testing.T) {
	t.Parallel()
	theirs := object(t, lab.StartPeer(t, nil).Monitor, "/varz")
	ours := object(t, monitor(run(t)), "/varz")
	for _, key := range []string{
		"proto", "max_connections", "ping_interval", "ping_max", "http_base_path", "https_port", "auth_timeout",
		"max_control_line", "max_payload", "max_pending", "tls_timeout", "write_deadline",
	} {
		require.Equal(t, theirs[key], ours[key], key)
	}
}

func TestConnzOfOpenConnections(t *testing.T) {
	t.Parallel()
	s := run(t)
	nc := connect(t, s, nats.Name("first"))
	connect(t, s, nats.Name("second"))
	_, err := nc.SubscribeSync("a.b")
	require.NoError(t, err)
	_, err = nc.QueueSubscribeSync("c", "workers")
	require.NoError(t, err)
	require.NoError(t, nc.Publish("x", []byte("12345")))
	require.NoError(t, nc.Publish("a.b", []byte("1")))
	require.NoError(t, nc.Flush())

	whole := object(t, monitor(s), "/connz")
	require.Equal(t, []any{2.0, 2.0, 0.0, 1024.0},
		[]any{whole["num_connections"], whole["total"], whole["offset"], whole["limit"]})
	require.Regexp(t, `^N[A-Z2-7]{55}$`, whole["server_id"])

	entry := connections(t, monitor(s), "?sort=cid")[0]
	id, err := nc.GetClientID()
	require.NoError(t, err)
	for key, want := range map[string]any{
		"cid": float64(id), "kind": "Client", "type": "nats", "ip": "127.0.0.1", "in_msgs": 2.0, "in_bytes": 6.0,
		"out_msgs": 1.0, "out_bytes": 1.0, "subscriptions": 2.0, "name": "first", "lang": "go",
		"version": nats.Version,
	} {
		require.Equal(t, want, entry[key], key)
	}
	// The client may have read the last bytes before the server counts them as written.
	eventually(t, func() bool { return connections(t, monitor(s), "?sort=cid")[0]["pending_bytes"] == 0.0 })
	require.Regexp(t, `^\d+s$`, entry["uptime"])
	require.Regexp(t, `^\d+s$`, entry["idle"])
	require.NotContains(t, entry, "stop")
	require.NotContains(t, entry, "reason")
	require.NotContains(t, entry, "subscriptions_list")
	for _, key := range []string{"start", "last_activity"} {
		_, err := time.Parse(time.RFC3339Nano, entry[key].(string))
		require.NoError(t, err, key)
	}

	entry = connections(t, monitor(s), fmt.Sprint("?subs=1&cid=", id))[0]
	require.ElementsMatch(t, []any{"a.b", "c"}, entry["subscriptions_list"])
	entry = connections(t, monitor(s), fmt.Sprint("?subs=detail&cid=", id))[0]
	details := map[string]any{}
	for _, d := range entry["subscriptions_list_detail"].([]any) {
		detail := d.(map[string]any)
		details[detail["subject"].(string)] = detail["qgroup"]
		require.Equal(t, float64(id), detail["cid"])
	}
	require.Equal(t, map[string]any{"a.b": nil, "c": "workers"}, details)
}

func TestConnzPagesAndOrder(t *testing.T) {
	t.Parallel()
	s := run(t)
	const conns = 7
	for i := range conns {
		nc := connect(t, s)
		for j := range (i*3 + 1) % conns {
			_, err := nc.SubscribeSync(fmt.Sprint("s.", j))
			require.NoError(t, err)
			require.NoError(t, nc.Publish("nobody", make([]byte, j+1)))
		}
		require.NoError(t, nc.Flush())
	}
	column := func(query, key string) (values []float64) {
		for _, entry := range connections(t, monitor(s), query) {
			values = append(values, entry[key].(float64))
		}
		return values
	}
	all := column("", "cid")
	require.Len(t, all, conns)
	require.IsIncreasing(t, all)
	require.Equal(t, all, column("?sort=start", "cid"))
	require.Equal(t, all[2:5], column("?offset=2&limit=3", "cid"))
	require.Equal(t, all[5:], column("?offset=5&limit=100", "cid"))
	require.Equal(t, all, column("?offset=-3&limit=-1", "cid"))
	require.Empty(t, column("?offset=100", "cid"))
	require.Equal(t, all[3:4], column(fmt.Sprint("?cid=", all[3]), "cid"))
	require.Empty(t, column("?cid=99999", "cid"))
	for sort, key := range map[string]string{"subs": "subscriptions", "msgs_from": "in_msgs", "bytes_from": "in_bytes", "msgs_to": "out_msgs"} {
		require.IsNonIncreasing(t, column("?sort="+sort, key), sort)
	}
	for _, sort := range []string{"pending", "bytes_to", "last", "idle", "uptime", "rtt"} {
		require.ElementsMatch(t, all, column("?sort="+sort, "cid"), sort)
	}
	paged := object(t, monitor(s), "/connz?offset=2&limit=3")
	require.Equal(t, []any{3.0, 7.0, 2.0, 3.0}, []any{paged["num_connections"], paged["total"], paged["offset"], paged["limit"]})
}

func TestMonitorErrors(t *testing.T) {
	t.Parallel()
	s := run(t)
	for path, want := range map[string]string{
		"/connz?sort=size":                 `invalid sorting option: size`,
		"/connz?sort=stop":                 `sort by stop only valid on closed connections`,
		"/connz?sort=stop&state=any":       `sort by stop only valid on closed connections`,
		"/connz?sort=reason":               `sort by reason only valid on closed connections`,
		"/connz?offset=x":                  `Error decoding int for 'offset': strconv.Atoi: parsing "x": invalid syntax`,
		"/connz?limit=1.5":                 `Error decoding int for 'limit': strconv.Atoi: parsing "1.5": invalid syntax`,
		"/connz?auth=maybe":                `Error decoding boolean for 'auth': strconv.ParseBool: parsing "maybe": invalid syntax`,
		"/connz?subs=all":                  `Error decoding boolean for 'subs': strconv.ParseBool: parsing "all": invalid syntax`,
		"/connz?cid=-1":                    `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "-1": invalid syntax`,
		"/connz?state=ajar":                `Error decoding state for ajar`,
		"/healthz?js-enabled-only=perhaps": `Error decoding boolean for 'js-enabled-only': strconv.ParseBool: parsing "perhaps": invalid syntax`,
	} {
		status, header, body := page(t, monitor(s), path)
		require.Equal(t, http.StatusBadRequest, status, path)
		require.Equal(t, want, body, path)
		require.Equal(t, "text/plain; charset=utf-8", header.Get("Content-Type"), path)
	}
	for _, path := range []string{"/nothing", "/connz/", "/varz/x"} {
		status, _, body := page(t, monitor(s), path)
		require.Equal(t, http.StatusNotFound, status, path)
		require.Equal(t, "404 page not found\n", body, path)
	}
}

func TestConnzOfClosedConnections(t *testing.T) {
	t.Parallel()
	s := run(t, func(opts *server.Options) { opts.MaxClosedClients = 3 })
	open := connect(t, s, nats.Name("open"))
	for i := range 5 {
		nc := connect(t, s, nats.Name(fmt.Sprint("gone ", i)))
		_, err := nc.SubscribeSync("a")
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		nc.Close()
		eventually(t, func() bool { return s.NumClients() == 1 })
	}
	var closed []map[string]any
	eventually(t, func() bool {
		closed = connections(t, monitor(s), "?state=closed&sort=stop")
		return len(closed) == 3 && closed[0]["name"] == "gone 4"
	})
	require.Equal(t, "gone 2", closed[2]["name"], "only the last three are kept")
	for _, entry := range closed {
		require.Equal(t, "Client Closed", entry["reason"])
		require.Equal(t, 1.0, entry["subscriptions"])
		start, err := time.Parse(time.RFC3339Nano, entry["start"].(string))
		require.NoError(t, err)
		stop, err := time.Parse(time.RFC3339Nano, entry["stop"].(string))
		require.NoError(t, err)
		require.False(t, stop.Before(start))
	}
	require.Len(t, connections(t, monitor(s), "?state=ANY"), 4)
	require.Len(t, connections(t, monitor(s), "?state=all&limit=2"), 2)
	require.Len(t, connections(t, monitor(s), "?state=open"), 1)
	require.NoError(t, open.Flush())
}

func TestHealthz(t *testing.T) {
	t.Parallel()
	s := run(t)
	for _, path := range []string{"/healthz", "/healthz?js-enabled-only=true", "/healthz?js-server-only=1", "/healthz?details=true"} {
		status, header, body := page(t, monitor(s), path)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, `{"status":"ok"}`, body)
		require.Equal(t, "application/json", header.Get("Content-Type"))
	}
}

func TestRootPageLinksTheOthers(t *testing.T) {
	t.Parallel()
	s := run(t)
	status, header, body := page(t, monitor(s), "/")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "text/html; charset=utf-8", header.Get("Content-Type"))
	for _, link := range []string{"./varz", "./connz", "./healthz"} {
		require.Contains(t, body, link)
	}
}
