package test_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/test"
)

// someAccounts is the configuration of both servers that are compared.
const someAccounts = `{
	A { users [ { user: a, password: a } ] }
	B { users [ { user: b, password: b } ] }
}`

// runFile starts a server from a configuration file, with monitoring on free ports.
func runFile(t *testing.T, text string) *server.Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	text = "listen: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\n" + text
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	s, _ := test.RunServerWithConfig(file)
	t.Cleanup(s.Shutdown)
	return s
}

// watchedAccounts starts a server and a peer with the same accounts, and lets the same clients use them.
func watchedAccounts(t *testing.T) (ours, theirs string) {
	t.Helper()
	s := runFile(t, "accounts "+someAccounts)
	peer := lab.StartPeer(t, map[string]string{"accounts " + someAccounts + "\nserver_name": "peer"})
	for _, url := range []string{s.ClientURL(), "nats://" + peer.Addr} {
		for _, user := range []string{"a", "b"} {
			nc, err := nats.Connect(url, nats.Name("somebody"), nats.UserInfo(user, user))
			require.NoError(t, err)
			t.Cleanup(nc.Close)
			_, err = nc.SubscribeSync("a.*")
			require.NoError(t, err)
			sub, err := nc.QueueSubscribeSync("a.*", "q")
			require.NoError(t, err)
			require.NoError(t, sub.AutoUnsubscribe(10))
			require.NoError(t, nc.Publish("a.b", []byte("x")))
			require.NoError(t, nc.Flush())
		}
		gone, err := nats.Connect(url, nats.UserInfo("a", "a"))
		require.NoError(t, err)
		_, err = gone.SubscribeSync("gone")
		require.NoError(t, err)
		require.NoError(t, gone.Flush())
		gone.Close()
	}
	for _, base := range []string{monitor(s), peer.Monitor} {
		eventually(t, func() bool { return len(connections(t, base, "?state=closed")) == 1 })
	}
	return monitor(s), peer.Monitor
}

// Every field that a 2.9 server shows is there, with a value of the same kind. What is missing for a
// reason stands in the second column.
func TestPagesHaveTheFieldsOfThePeer(t *testing.T) {
	t.Parallel()
	ours, theirs := watchedAccounts(t)
	for _, tt := range []struct{ path, without string }{
		{"/varz", ""},
		{"/connz", ""},
		{"/connz?subs=1", ""},
		{"/connz?subs=detail&auth=1", ""},
		{"/connz?state=closed&auth=1", ""},
		{"/connz?state=any&acc=A", ""},
		{"/connz?user=a", ""},
		{"/routez", ""},
		{"/routez?subs=detail", ""},
		{"/gatewayz", ""},
		{"/gatewayz?accs=1&gw_name=x", ""},
		{"/leafz", "/leafs"}, // null there, [] here
		{"/subsz", ""},
		{"/subsz?subs=1", ""},
		{"/subscriptionsz?subs=1&test=a.b&acc=A", ""},
		{"/accountz", ""},
		{"/accountz?acc=A", "/account_detail/imports"},    // no automatic imports of the system account
		{"/accountz?acc=$SYS", "/account_detail/exports"}, // nor their exports
		{"/accstatz", ""},
		{"/accstatz?unused=1", ""},
		{"/jsz", ""},
		{"/jsz?accounts=1&streams=1&consumers=1&config=1", ""},
		{"/healthz", ""},
		{"/healthz?details=1", ""},
		{"/ipqueuesz", ""},
	} {
		missing, other := map[string]string{}, map[string]string{}
		kinds(missing, "", object(t, theirs, tt.path))
		kinds(other, "", object(t, ours, tt.path))
		for key, kind := range missing {
			if other[key] == kind || strings.HasPrefix(key, "/http_req_stats/") || tt.without != "" && strings.HasPrefix(key, tt.without) {
				delete(missing, key)
			}
		}
		require.Empty(t, missing, tt.path)
	}
}

// kinds notes the JSON kind of every value below a name.
func kinds(all map[string]string, name string, value any) {
	all[name] = fmt.Sprintf("%T", value)
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			kinds(all, name+"/"+key, inner)
		}
	case []any:
		for _, inner := range value {
			kinds(all, name+"[]", inner)
		}
	}
}

// Fields that are newer than 2.9 are there, too.
func TestPagesHaveNewerFields(t *testing.T) {
	t.Parallel()
	ours, _ := watchedAccounts(t)
	for path, names := range map[string]string{
		"/varz": `addr barid_version config_digest disk_io_wait_stats/max_wait_time disk_io_wait_stats/wait_time
			disk_io_wait_stats/waiters disk_io_wait_stats/waits gomaxprocs in_client_bytes in_client_msgs mqtt websocket
			out_client_bytes out_client_msgs slow_consumer_stats/clients slow_consumer_stats/gateways
			slow_consumer_stats/leafs slow_consumer_stats/routes stale_connection_stats/clients
			stale_connection_stats/gateways stale_connection_stats/leafs stale_connection_stats/routes
			stale_connections stalled_clients`,
		"/connz?auth=1":                  `connections[]/account connections[]/name_tag connections[]/rtt`,
		"/connz?subs=detail":             `connections[]/subscriptions_list_detail[]/qgroup connections[]/subscriptions_list_detail[]/max`,
		"/connz?state=closed":            `connections[]/stop connections[]/reason`,
		"/routez":                        `server_name routes`,
		"/subsz":                         `server_id now total offset limit`,
		"/subsz?subs=1":                  `subscriptions_list[]/account subscriptions_list[]/account_tag subscriptions_list[]/max`,
		"/accountz?acc=A":                `account_detail/name_tag account_detail/sublist_stats/num_subscriptions`,
		"/accstatz":                      `account_statz[]/name account_statz[]/num_subscriptions`,
		"/jsz":                           `api/level total`,
		"/jsz?raft=1&direct-consumers=1": `disabled`,
		"/debug/vars":                    `cmdline memstats/HeapAlloc memstats/NumGC`,
	} {
		_, _, text := page(t, ours, path)
		var value any
		require.NoError(t, json.Unmarshal([]byte(text), &value), path)
		all := map[string]string{}
		kinds(all, "", value)
		for _, name := range strings.Fields(names) {
			require.Contains(t, all, "/"+name, path)
		}
	}
}

// Errors have the status and the text of the peer.
func TestPagesRefuseWhatThePeerRefuses(t *testing.T) {
	t.Parallel()
	ours, theirs := watchedAccounts(t)
	for _, path := range []string{
		"/routez?subs=some", "/gatewayz?accs=2", "/leafz?subs=detail", "/subsz?subs=detail", "/subsz?offset=x",
		"/subsz?limit=99999999999999999999", "/subsz?test=a.*", "/accountz?acc=nobody", "/accstatz?unused=x",
		"/jsz?leader-only=1", "/jsz?limit=x", "/jsz?accounts=x", "/jsz?offset=-", "/ipqueuesz?all=x", "/connz?cid=x",
		"/healthz?js-enabled=x", "/nothing", "/varz/",
	} {
		code, header, body := page(t, theirs, path)
		got, gotHeader, gotBody := page(t, ours, path)
		require.NotEqual(t, http.StatusOK, code, path)
		require.Equal(t, code, got, path)
		require.Equal(t, body, gotBody, path)
		require.Equal(t, header.Get("Content-Type"), gotHeader.Get("Content-Type"), path)
		require.Empty(t, gotHeader.Get("Access-Control-Allow-Origin"), path)
	}
	code, _, body := page(t, ours, "/raftz")
	require.Equal(t, []any{http.StatusNotFound, "No Raft nodes registered"}, []any{code, body})
	code, _, body = page(t, ours, "/healthz?stream=S")
	require.Equal(t, http.StatusBadRequest, code)
	require.JSONEq(t, `{"status":"error","error":"\"account\" must not be empty when checking stream health"}`, body)
	code, _, body = page(t, ours, "/healthz?consumer=C&account=A&details=1")
	require.Equal(t, http.StatusBadRequest, code)
	require.JSONEq(t, `{"status":"error","errors":[{"type":"BAD_REQUEST",
		"error":"\"stream\" must not be empty when checking consumer health"}]}`, body)
}

// The figures of accounts are those of their clients.
func TestAccountPages(t *testing.T) {
	t.Parallel()
	ours, _ := watchedAccounts(t)
	stats := map[string]map[string]any{}
	for _, a := range object(t, ours, "/accstatz")["account_statz"].([]any) {
		stats[a.(map[string]any)["acc"].(string)] = a.(map[string]any)
	}
	require.Len(t, stats, 2, "those without connections are not asked for")
	for _, name := range []string{"A", "B"} {
		a := stats[name]
		require.Equal(t, []any{1.0, 0.0, 1.0, 2.0 + everyAccount}, []any{a["conns"], a["leafnodes"], a["total_conns"], a["num_subscriptions"]})
		for way, n := range map[string]float64{"received": 1, "sent": 2} {
			traffic := a[way].(map[string]any)
			require.Equal(t, []any{n, n}, []any{traffic["msgs"], traffic["bytes"]}, way)
			for _, links := range []string{"gateways", "leafs", "routes"} {
				require.Equal(t, map[string]any{"msgs": 0.0, "bytes": 0.0}, traffic[links], way)
			}
		}

		detail := object(t, ours, "/accountz?acc="+name)["account_detail"].(map[string]any)
		require.Equal(t, []any{name, 1.0, 2.0 + everyAccount, true, false, false}, []any{detail["account_name"], detail["client_connections"],
			detail["subscriptions"], detail["complete"], detail["expired"], detail["jetstream_enabled"]})
	}
	require.ElementsMatch(t, []any{"$G", "$SYS", "A", "B"}, object(t, ours, "/accountz")["accounts"])
	require.Len(t, object(t, ours, "/accstatz?unused=1")["account_statz"], 4)
	sys := object(t, ours, "/accountz?acc=$SYS")
	require.Equal(t, "$SYS", sys["system_account"])
	require.Equal(t, true, sys["account_detail"].(map[string]any)["is_system"])

	all := object(t, ours, "/subsz?subs=1")
	require.Equal(t, all["num_subscriptions"], all["total"])
	require.Equal(t, 1.0, all["num_inserts"].(float64)-all["num_subscriptions"].(float64))
	require.Equal(t, 1.0, all["num_removes"])
	require.Len(t, all["subscriptions_list"], int(all["total"].(float64)))
	one := object(t, ours, "/subsz?subs=1&acc=A&test=a.x")
	require.Equal(t, []any{2.0, 2.0 + everyAccount}, []any{one["total"], one["num_subscriptions"]})
	require.NotContains(t, object(t, ours, "/subsz?subs=1&test=b"), "subscriptions_list")
}

// Settings that few have are shown as they count.
func TestVarzShowsRareSettings(t *testing.T) {
	t.Parallel()
	key, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err := key.PublicKey()
	require.NoError(t, err)
	s := run(t, func(o *server.Options) {
		o.MaxSubs = -1
		o.Proxies = &server.ProxiesConfig{Trusted: []*server.ProxyConfig{{Key: public}}}
		o.Tags, o.Metadata = []string{"a:b"}, map[string]string{"rack": "7"}
	})
	varz := object(t, monitor(s), "/varz")
	require.NotContains(t, varz, "max_subscriptions")
	require.Equal(t, map[string]any{"trusted": []any{map[string]any{"key": public}}}, varz["proxies"])
	require.Equal(t, []any{"a:b"}, varz["tags"])
	require.Equal(t, map[string]any{"rack": "7"}, varz["metadata"])
	require.Equal(t, varz["host"], varz["addr"])
	require.NotContains(t, object(t, monitor(run(t)), "/varz"), "proxies")
}
