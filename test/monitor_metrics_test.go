package test_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

// figure is a sample of a metric: its labels, as "name=value" in order, and its value.
type figure struct {
	labels []string
	value  float64
}

// scraped are the samples of a page by metric.
type scraped map[string][]figure

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*`)
)

// parseMetrics reads the Prometheus text format, version 0.0.4, and takes nothing but what it allows:
// each family once, with its help text, its type and then its samples; names and escapes as written
// there; no sample twice.
func parseMetrics(text string) (scraped, error) {
	if !utf8.ValidString(text) || !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("no text in lines")
	}
	all, seen := scraped{}, map[string]bool{}
	family, kind, helped := "", "", ""
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		fault := func(what string) error { return fmt.Errorf("line %d: %s: %q", i+1, what, line) }
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name := metricName.FindString(rest)
			if name == "" || seen["family "+name] || helped != "" || !strings.HasPrefix(rest[len(name):], " ") {
				return nil, fault("help text")
			}
			if strings.Contains(strings.NewReplacer(`\\`, "", `\n`, "").Replace(rest), `\`) {
				return nil, fault("escape in a help text")
			}
			seen["family "+name], helped, family = true, name, ""
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, k, _ := strings.Cut(rest, " ")
			if name != helped || !slices.Contains([]string{"counter", "gauge", "summary", "histogram", "untyped"}, k) {
				return nil, fault("type")
			}
			family, kind, helped = name, k, ""
			continue
		}
		name, f, err := parseSample(line)
		if err != nil {
			return nil, fault(err.Error())
		}
		own := name == family || kind == "summary" && (name == family+"_sum" || name == family+"_count")
		id := name + fmt.Sprintf("%q", slices.Sorted(slices.Values(f.labels)))
		if family == "" || !own || seen[id] {
			return nil, fault("not of this family, or there already")
		}
		if kind == "counter" && f.value < 0 {
			return nil, fault("negative counter")
		}
		seen[id] = true
		all[name] = append(all[name], f)
	}
	return all, nil
}

func parseSample(line string) (name string, f figure, err error) {
	name = metricName.FindString(line)
	rest := line[len(name):]
	if name == "" {
		return name, f, fmt.Errorf("name")
	}
	if strings.HasPrefix(rest, "{") {
		names := map[string]bool{}
		for rest[0] != '}' {
			rest = rest[1:] // { or ,
			label := labelName.FindString(rest)
			value, after, ok := parseQuoted(strings.TrimPrefix(rest[len(label):], "="))
			if label == "" || names[label] || !strings.HasPrefix(rest[len(label):], `="`) || !ok ||
				after == "" || after[0] != ',' && after[0] != '}' {
				return name, f, fmt.Errorf("label %q", label)
			}
			names[label] = true
			f.labels = append(f.labels, label+"="+value)
			rest = after
		}
		rest = rest[1:]
	}
	number, ok := strings.CutPrefix(rest, " ")
	if !ok || strings.ContainsAny(number, " \t\r") {
		return name, f, fmt.Errorf("value")
	}
	f.value, err = strconv.ParseFloat(number, 64)
	return name, f, err
}

// parseQuoted reads a label's value with its quotes.
func parseQuoted(s string) (value, after string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) || !strings.ContainsRune(`\"n`, rune(s[i])) {
				return "", "", false
			}
			b.WriteByte(map[byte]byte{'\\': '\\', '"': '"', 'n': '\n'}[s[i]])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

func TestTheParserOfMetricsIsStrict(t *testing.T) {
	t.Parallel()
	const head = "# HELP a x\n# TYPE a gauge\n"
	good, err := parseMetrics(head + "a 1\na{b=\"c\\\"\\\\\\n\",d=\"}\"} +Inf\n# HELP s \n# TYPE s summary\ns{quantile=\"0\"} 0\ns_sum 1\ns_count 1\n")
	require.NoError(t, err)
	require.Equal(t, []string{"b=c\"\\\n", "d=}"}, good["a"][1].labels)
	for _, bad := range []string{
		"", "a 1\n", head + "a 1", head + "b 1\n", head + "a 1\na 2\n", head + "a{b=\"1\"} 1\na{b=\"1\"} 2\n", head + "a 1 2\n",
		head + "a x\n", head + "a{b=\"\\t\"} 1\n", head + "a{b=\"1\",b=\"2\"} 1\n", head + "a{1=\"2\"} 1\n", head + "a{b=\"1\"\n",
		head + "a_sum 1\n", head + "a 1\n" + head, "# TYPE a gauge\na 1\n", "# HELP a x\na 1\n", "# HELP a \\x\n# TYPE a gauge\na 1\n",
		"# HELP a x\n# TYPE a number\na 1\n", "# HELP a x\n# TYPE a counter\na -1\n", head + "a{b=\"\xff\"} 1\n",
	} {
		_, err := parseMetrics(bad)
		require.Error(t, err, bad)
	}
}

// scrape asks for the metrics.
func scrape(t testing.TB, base, query string) scraped {
	t.Helper()
	code, header, text := page(t, base, "/metrics"+query)
	require.Equal(t, http.StatusOK, code, text)
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", header.Get("Content-Type"))
	all, err := parseMetrics(text)
	require.NoError(t, err)
	return all
}

// one returns the value of a metric that has a single sample.
func (s scraped) one(t testing.TB, name string) float64 {
	t.Helper()
	require.Len(t, s[name], 1, name)
	return s[name][0].value
}

// The metrics are those of the pages, under the names that prometheus-nats-exporter gives them.
func TestMetricsAgreeWithThePages(t *testing.T) {
	t.Parallel()
	s := run(t, func(o *server.Options) {
		o.ServerName, o.MaxSubs, o.Metadata = "one", 50, map[string]string{"a b": "c"}
	})
	nc := connect(t, s)
	for i := range 3 {
		_, err := nc.SubscribeSync(fmt.Sprint("a.", i))
		require.NoError(t, err)
		require.NoError(t, nc.Publish("a.1", []byte("12345")))
	}
	require.NoError(t, nc.Flush())
	object(t, monitor(s), "/connz")
	eventually(t, func() bool { return object(t, monitor(s), "/varz")["out_msgs"] == 2.0 })

	all := scrape(t, monitor(s), "")
	varz := object(t, monitor(s), "/varz")
	for _, name := range strings.Fields(`auth_timeout connections cores gomaxprocs http_port https_port in_bytes in_msgs
		in_client_bytes in_client_msgs leafnodes max_connections max_control_line max_payload max_pending max_subscriptions
		out_bytes out_msgs out_client_bytes out_client_msgs ping_interval ping_max port proto remotes routes slow_consumers
		stale_connections stalled_clients subscriptions tls_timeout total_connections write_deadline`) {
		require.Equal(t, varz[name], all.one(t, "gnatsd_varz_"+name), name)
		require.Equal(t, []string{"server_id=" + s.ID()}, all["gnatsd_varz_"+name][0].labels)
	}
	for name, path := range map[string]string{
		"slow_consumer_stats_clients": "slow_consumer_stats", "stale_connection_stats_leafs": "stale_connection_stats",
		"disk_io_wait_stats_max_wait_time": "disk_io_wait_stats",
	} {
		inner := strings.TrimPrefix(name, path+"_")
		require.Equal(t, varz[path].(map[string]any)[inner], all.one(t, "gnatsd_varz_"+name))
	}
	require.Equal(t, 1.0, all.one(t, "gnatsd_varz_http_req_stats_connz"))
	require.Positive(t, all.one(t, "gnatsd_varz_mem"))
	started, err := time.Parse(time.RFC3339Nano, varz["start"].(string))
	require.NoError(t, err)
	require.Equal(t, float64(started.UnixMilli()), all.one(t, "gnatsd_varz_start"))
	require.Contains(t, all, "gnatsd_varz_config_load_time")
	require.Equal(t, []figure{{[]string{"server_id=" + s.ID(), "value=one"}, 1}}, all["gnatsd_varz_server_name"])
	require.NotContains(t, all, "gnatsd_varz_uptime")

	subsz := object(t, monitor(s), "/subsz")
	for _, name := range strings.Fields("num_subscriptions num_cache num_inserts num_removes num_matches cache_hit_rate max_fanout avg_fanout total offset limit") {
		require.Equal(t, subsz[name], all.one(t, "gnatsd_subsz_"+name), name)
	}
	connz := object(t, monitor(s), "/connz")
	for _, name := range strings.Fields("num_connections total offset limit") {
		require.Equal(t, connz[name], all.one(t, "gnatsd_connz_"+name), name)
	}
	entry := connz["connections"].([]any)[0].(map[string]any)
	for _, name := range strings.Fields("subscriptions in_bytes out_bytes in_msgs out_msgs") {
		require.Equal(t, entry[name], all.one(t, "gnatsd_connz_"+name), name)
	}
	for name, want := range map[string]float64{
		"gnatsd_routez_num_routes": 0, "gnatsd_leafz_conn_nodes_total": 0, "gnatsd_healthz_status": 0, "gnatsd_healthz_status_value": 1,
		"gnatsd_healthz_js_enabled_only_status": 0, "gnatsd_healthz_js_server_only_status": 0,
		"jetstream_server_jetstream_disabled": 1, "jetstream_server_total_streams": 0, "go_info": 1,
	} {
		require.Equal(t, want, all.one(t, name), name)
	}
	for _, name := range strings.Fields(`go_goroutines go_threads go_memstats_alloc_bytes go_memstats_sys_bytes go_gc_duration_seconds_count
		process_cpu_seconds_total process_resident_memory_bytes process_start_time_seconds process_open_fds process_max_fds`) {
		require.Contains(t, all, name)
	}
	require.Len(t, all["gnatsd_accstatz_sent_messages"], 2, "$G and $SYS")
	require.Len(t, all["gnatsd_accountz_is_system"], 2)
	for name := range all {
		require.Regexp(t, `^(gnatsd_(varz|subsz|routez|connz|leafz|accstatz|accountz|healthz)|jetstream_server|go|process)_[a-z0-9_]+$`, name)
	}
}

// Single connections are shown to who asks for them. What clients call themselves cannot break the
// page.
func TestMetricsOfConnections(t *testing.T) {
	t.Parallel()
	s := run(t)
	hostile := "a\"} 1\n\\x{b=\"\xff\x00"
	connect(t, s, nats.Name(hostile))
	connect(t, s, nats.Name("plain"))
	require.NotContains(t, scrape(t, monitor(s), ""), "gnatsd_connz_rtt")
	all := scrape(t, monitor(s), "?connz=detailed")
	require.Len(t, all["gnatsd_connz_in_msgs"], 3, "the sum and two connections")
	for _, name := range strings.Fields("start last_activity rtt uptime idle") {
		require.Len(t, all["gnatsd_connz_"+name], 2, name)
	}
	labels := map[string]string{}
	for _, l := range all["gnatsd_connz_rtt"][0].labels {
		name, value, _ := strings.Cut(l, "=")
		labels[name] = value
	}
	require.Equal(t, strings.Fields(`account account_id cid ip kind lang name name_tag port server_id tls_cipher_suite tls_version
		type version`), slices.Sorted(maps.Keys(labels)))
	require.Equal(t, []string{"Client", "nats", "127.0.0.1", "go"}, []string{labels["kind"], labels["type"], labels["ip"], labels["lang"]})
	require.True(t, strings.HasPrefix(labels["name"], "a\"} 1\n\\x{b=\""), labels["name"])

	code, _, body := page(t, monitor(s), "/metrics?connz=all")
	require.Equal(t, []any{http.StatusBadRequest, "Error decoding connz for all"}, []any{code, body})
}
