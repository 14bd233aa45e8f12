package status_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/status"
)

// shapes lists, for each type, its JSON fields in order with their kind; a question mark says
// that an empty field is left out.
var shapes = []struct {
	name   string
	value  any
	fields string
}{
	{"varz", status.Varz{}, `
		server_id string, server_name string, version string, barid_version string, proto number,
		git_commit string?, go string, host string, port number, auth_required bool?,
		tls_required bool?, tls_verify bool?, tls_ocsp_peer_verify bool?, ip string?,
		connect_urls array?, ws_connect_urls array?, addr string, max_connections number,
		max_subscriptions number?, ping_interval number, ping_max number, http_host string,
		http_port number, http_base_path string, https_port number, auth_timeout number,
		max_control_line number, max_payload number, max_pending number, cluster object,
		gateway object, leaf object, mqtt object, websocket object, jetstream object,
		tls_timeout number, write_deadline number, write_timeout string?, start time, now time,
		uptime string, mem number, cores number, gomaxprocs number, gomemlimit number?, cpu number,
		connections number, total_connections number, routes number, remotes number,
		leafnodes number, in_msgs number, in_bytes number, in_client_msgs number,
		in_client_bytes number, out_msgs number, out_bytes number, out_client_msgs number,
		out_client_bytes number, slow_consumers number, stale_connections number,
		stalled_clients number, subscriptions number, http_req_stats object,
		config_load_time time, config_digest string, tags array?, metadata object?,
		feature_flags object?, trusted_operators_jwt array?, trusted_operators_claim array?,
		system_account string?, pinned_account_fails number?, ocsp_peer_cache object?,
		slow_consumer_stats object, stale_connection_stats object, disk_io_wait_stats object,
		proxies object?, tls_cert_not_after time?`},
	{"cluster", status.ClusterOptsVarz{}, `
		name string?, addr string?, cluster_port number?, auth_timeout number?, urls array?,
		tls_timeout number?, tls_required bool?, tls_verify bool?, pool_size number?,
		write_deadline number?, write_timeout string?, tls_cert_not_after time?`},
	{"gateway", status.GatewayOptsVarz{}, `
		name string?, host string?, port number?, auth_timeout number?, tls_timeout number?,
		tls_required bool?, tls_verify bool?, advertise string?, connect_retries number?,
		gateways array?, reject_unknown bool?, write_deadline number?, write_timeout string?,
		tls_cert_not_after time?`},
	{"remote gateway", status.RemoteGatewayOptsVarz{}, `name string, tls_timeout number?, urls array?`},
	{"leaf", status.LeafNodeOptsVarz{}, `
		host string?, port number?, auth_timeout number?, tls_timeout number?, tls_required bool?,
		tls_verify bool?, remotes array?, tls_ocsp_peer_verify bool?, write_deadline number?,
		write_timeout string?, tls_cert_not_after time?`},
	{"remote leaf", status.RemoteLeafOptsVarz{}, `
		local_account string?, tls_timeout number?, urls array?, deny object?,
		tls_ocsp_peer_verify bool?`},
	{"routez", status.Routez{}, `
		server_id string, server_name string, now time, import object?, export object?,
		num_routes number, routes array`},
	{"permission", status.SubjectPermission{}, `allow array?, deny array?`},
	{"route", status.RouteInfo{}, `
		rid number, remote_id string, remote_name string, did_solicit bool, is_configured bool,
		ip string, port number, start time, last_activity time, rtt string, uptime string, idle string,
		import object?, export object?, pending_size number, in_msgs number, out_msgs number,
		in_bytes number, out_bytes number, subscriptions number, subscriptions_list array?,
		subscriptions_list_detail array?, account string?, compression string?`},
	{"gatewayz", status.Gatewayz{}, `
		server_id string, now time, name string?, host string?, port number?,
		outbound_gateways object, inbound_gateways object`},
	{"remote gateway state", status.RemoteGatewayz{}, `configured bool, connection object?, accounts array?`},
	{"gateway account", status.AccountGatewayz{}, `
		name string, interest_mode string, no_interest_count number?, interest_only_threshold number?,
		num_subs number?, num_queue_subs number?, subscriptions_list array?,
		subscriptions_list_detail array?`},
	{"leafz", status.Leafz{}, `server_id string, now time, leafnodes number, leafs array`},
	{"leafnode", status.LeafInfo{}, `
		id number, name string, is_spoke bool, is_isolated bool?, account string, ip string,
		port number, rtt string, in_msgs number, out_msgs number, in_bytes number, out_bytes number,
		subscriptions number, subscriptions_list array?, compression string?, proxy object?`},
	{"accountz", status.Accountz{}, `
		server_id string, now time, system_account string?, accounts array?, account_detail object?`},
	{"account", status.AccountInfo{}, `
		account_name string, update_time time?, is_system bool?, expired bool, complete bool,
		jetstream_enabled bool, leafnode_connections number, client_connections number,
		subscriptions number, mappings object?, exports array?, imports array?, jwt string?,
		issuer_key string?, name_tag string?, tags array?, decoded_jwt object?,
		validation_result_jwt array?, revoked_user object?, sublist_stats object?, responses object?`},
	{"mapping", status.MapDest{}, `subject string, weight number, cluster string?`},
	{"export", status.ExtExport{}, `
		name string?, subject string?, type string?, token_req bool?, revocations object?,
		response_type string?, response_threshold number?, service_latency object?,
		account_token_position number?, allow_trace bool?, approved_accounts array?,
		revoked_activations object?`},
	{"import", status.ExtImport{}, `
		name string?, subject string?, account string?, token string?, to string?,
		local_subject string?, type string?, allow_trace bool?, invalid bool, share bool,
		tracking bool, tracking_header object?, latency object?, m1 object?`},
	{"sampling", status.ServiceSampling{}, `sampling number, results string`},
	{"issue", status.ExtVrIssues{}, `description string, blocking bool, time_check bool`},
	{"accstatz", status.AccountStatz{}, `server_id string, now time, account_statz array`},
	{"account stat", status.AccountStat{}, `
		acc string, name string, conns number, leafnodes number, total_conns number,
		num_subscriptions number, sent object, received object, slow_consumers number`},
	{"traffic", status.DataStats{}, `
		msgs number, bytes number, gateways object?, routes object?, leafs object?`},
	{"jsz", status.JSInfo{}, `
		memory number, storage number, reserved_memory number, reserved_storage number,
		accounts number, ha_assets number, api object, server_id string, now time, disabled bool?,
		config object, limits object?, streams number, streams_leader number?, consumers number,
		consumers_leader number?, messages number, bytes number, meta_cluster object?, total number`},
	{"deny", status.DenyRules{}, `exports array?, imports array?`},
	{"mqtt", status.MQTTOptsVarz{}, `
		host string?, port number?, no_auth_user string?, auth_timeout number?, tls_map bool?,
		tls_timeout number?, tls_pinned_certs array?, js_domain string?, ack_wait number?,
		max_ack_pending number?, tls_ocsp_peer_verify bool?, tls_cert_not_after time?`},
	{"websocket", status.WebsocketOptsVarz{}, `
		host string?, port number?, advertise string?, no_auth_user string?, jwt_cookie string?,
		handshake_timeout number?, auth_timeout number?, no_tls bool?, tls_map bool?,
		tls_pinned_certs array?, same_origin bool?, allowed_origins array?, compression bool?,
		tls_ocsp_peer_verify bool?, tls_cert_not_after time?`},
	{"jetstream", status.JetStreamVarz{}, `config object?, stats object?, meta object?, limits object?`},
	{"jetstream config", status.JetStreamConfig{}, `
		max_memory number, max_storage number, store_dir string?, sync_interval number?,
		sync_always bool?, domain string?, compress_ok bool?, unique_tag string?, strict bool?`},
	{"jetstream stats", status.JetStreamStats{}, `
		memory number, storage number, reserved_memory number, reserved_storage number,
		accounts number, ha_assets number, api object`},
	{"jetstream api", status.JetStreamAPIStats{}, `level number, total number, errors number, inflight number?`},
	{"jetstream limits", status.JSLimitOpts{}, `
		max_request_batch number?, max_ack_pending number?, max_ha_assets number?,
		max_duplicate_window number?, max_batch_inflight_per_stream number?,
		max_batch_inflight_total number?, max_batch_size number?, max_batch_timeout number?`},
	{"meta", status.MetaClusterInfo{}, `
		name string?, leader string?, peer string?, replicas array?, cluster_size number,
		quorum_needed number, rescue bool?, pending number, pending_requests number,
		pending_infos number, snapshot object`},
	{"snapshot", status.MetaSnapshotStats{}, `
		pending_entries number, pending_size number, last_time time, last_duration number?`},
	{"peer", status.PeerInfo{}, `
		name string, current bool, offline bool?, active number, lag number?, peer string,
		pending bool?`},
	{"ocsp cache", status.OCSPResponseCacheVarz{}, `
		cache_type string?, cache_hits number?, cache_misses number?, cached_responses number?,
		cached_revoked_responses number?, cached_good_responses number?,
		cached_unknown_responses number?`},
	{"slow consumers", status.SlowConsumersStats{}, `clients number, routes number, gateways number, leafs number`},
	{"stale connections", status.StaleConnectionStats{}, `clients number, routes number, gateways number, leafs number`},
	{"disk", status.DiskIOWaitStats{}, `waiters number, waits number, wait_time number, max_wait_time number`},
	{"proxies", status.ProxiesOptsVarz{}, `trusted array?`},
	{"proxy", status.ProxyInfo{}, `key string`},
	{"connz", status.Connz{Conns: []*status.ConnInfo{}}, `
		server_id string, now time, num_connections number, total number, offset number,
		limit number, connections array`},
	{"connection", status.ConnInfo{}, `
		cid number, kind string?, type string?, ip string, port number, start time,
		last_activity time, stop time?, reason string?, rtt string, uptime string, idle string,
		pending_bytes number, in_msgs number, out_msgs number, in_bytes number, out_bytes number,
		stalls number?, subscriptions number, name string?, lang string?, version string?,
		tls_version string?, tls_cipher_suite string?, tls_peer_certs array?, tls_first bool?,
		authorized_user string?, account string?, subscriptions_list array?,
		subscriptions_list_detail array?, jwt string?, issuer_key string?, name_tag string?,
		tags array?, mqtt_client string?, proxy object?`},
	{"peer certificate", status.TLSPeerCert{}, `subject string, spki_sha256 string, cert_sha256 string`},
	{"connz options", status.ConnzOptions{}, `
		sort string, auth bool, subscriptions bool, subscriptions_detail bool, offset number,
		limit number, cid number, mqtt_client string, state number, user string, acc string,
		filter_subject string`},
	{"subsz", status.Subsz{SublistStats: &status.SublistStats{}}, `
		server_id string, now time, num_subscriptions number, num_cache number,
		num_inserts number, num_removes number, num_matches number, cache_hit_rate number,
		max_fanout number, avg_fanout number, total number, offset number, limit number,
		subscriptions_list array?`},
	{"subscription", status.SubDetail{}, `
		account string?, account_tag string?, subject string, qgroup string?, sid string,
		msgs number, max number?, cid number`},
	{"subsz options", status.SubszOptions{}, `
		offset number, limit number, subscriptions bool, account string?, test string?`},
	{"healthz", status.HealthStatus{}, `status string, status_code number?, error string?, errors array?`},
	{"health error", status.HealthError{}, `
		type string, account string?, stream string?, consumer string?, error string?`},
	{"server", status.ServerInfo{}, `
		name string, host string, id string, cluster string?, domain string?, ver string, tags array?,
		metadata object?, feature_flags object?, jetstream bool, flags number, seq number, time time`},
	{"client", status.ClientInfo{}, `
		start time?, host string?, id number?, acc string?, svc string?, user string?, name string?,
		lang string?, ver string?, rtt number?, server string?, cluster string?, alts array?, stop time?,
		jwt string?, issuer_key string?, name_tag string?, tags array?, kind string?,
		client_type string?, client_id string?, nonce string?, reply string?`},
	{"connect", status.ConnectEventMsg{}, `
		type string, id string, timestamp time, server object, client object`},
	{"disconnect", status.DisconnectEventMsg{}, `
		type string, id string, timestamp time, server object, client object, sent object,
		received object, reason string`},
	{"account connections", status.AccountNumConns{}, `
		type string, id string, timestamp time, server object, acc string, name string, conns number,
		leafnodes number, total_conns number, num_subscriptions number, sent object, received object,
		slow_consumers number`},
	{"statsz", status.ServerStatsMsg{}, `server object, statsz object`},
	{"load", status.ServerStats{}, `
		start time, mem number, cores number, cpu number, connections number, total_connections number,
		active_accounts number, subscriptions number, sent object, sent_to_clients object,
		received object, received_from_clients object, slow_consumers number,
		slow_consumer_stats object?, stale_connections number?, stale_connection_stats object?,
		stalled_clients number?, routes array?, gateways array?, active_servers number?,
		jetstream object?, gomemlimit number?, gomaxprocs number?`},
	{"route load", status.RouteStat{}, `rid number, name string?, sent object, received object, pending number`},
	{"gateway load", status.GatewayStat{}, `
		gwid number, name string, sent object, received object, inbound_connections number`},
	{"filter", status.EventFilterOptions{}, `
		server_name string?, cluster string?, host string?, exact_match bool?, tags array?, domain string?`},
	{"error", status.ApiError{}, `code number, err_code number?, description string?`},
	{"server id", status.ServerID{}, `name string, host string, id string`},
	{"user", status.UserInfo{}, `
		user string, account string, account_name string?, user_name string?, permissions object?,
		expires number?`},
	{"user permissions", status.UserPermissions{}, `publish object?, subscribe object?, responses object?`},
	{"responses", status.ResponsePermission{}, `max number, ttl number`},
	{"profilez options", status.ProfilezOptions{}, `name string, debug number?, duration number?`},
	{"healthz options", status.HealthzOptions{}, `
		js-enabled bool?, js-enabled-only bool?, js-server-only bool?, js-meta-only bool?,
		account string?, stream string?, consumer string?, details bool?`},
}

func TestShape(t *testing.T) {
	for _, tt := range shapes {
		t.Run(tt.name, func(t *testing.T) {
			var all, always []string
			for _, f := range strings.Split(tt.fields, ",") {
				f = strings.TrimSpace(f)
				all = append(all, strings.TrimSuffix(f, "?"))
				if !strings.HasSuffix(f, "?") {
					always = append(always, strings.Fields(f)[0])
				}
			}

			full := reflect.New(reflect.TypeOf(tt.value))
			fill(t, full.Elem())
			require.Equal(t, all, fields(t, full.Interface()), "with every field set")

			var names []string
			for _, f := range fields(t, tt.value) {
				names = append(names, strings.Fields(f)[0])
			}
			require.Equal(t, always, names, "with no field set")

			text, err := json.Marshal(full.Interface())
			require.NoError(t, err)
			back := reflect.New(reflect.TypeOf(tt.value))
			require.NoError(t, json.Unmarshal(text, back.Interface()))
			require.Equal(t, full.Interface(), back.Interface(), "decoded again")
		})
	}
}

// fields returns the JSON fields of v in order, each as "name kind".
func fields(t *testing.T, v any) []string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	d := json.NewDecoder(strings.NewReader(string(text)))
	_, err = d.Token()
	require.NoError(t, err)
	var list []string
	for d.More() {
		name, err := d.Token()
		require.NoError(t, err)
		var value any
		require.NoError(t, d.Decode(&value))
		list = append(list, name.(string)+" "+kind(value))
	}
	return list
}

func kind(v any) string {
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return "time"
		}
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}

// fill sets v, and all that it is made of, to something other than its zero value.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 8, 1, 12, 30, 15, 123456789, time.UTC)))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"name":"O"}`)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fill(t, value)
		v.SetMapIndex(reflect.ValueOf("key"), value)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	default:
		require.Failf(t, "no value", "for a field of kind %s", v.Kind())
	}
}

func TestSortOptIsValid(t *testing.T) {
	for _, s := range strings.Fields("cid start subs pending msgs_to msgs_from bytes_to bytes_from last idle uptime stop reason rtt") {
		require.True(t, status.SortOpt(s).IsValid(), s)
	}
	for _, s := range []status.SortOpt{"", "CID", "msgs", " cid"} {
		require.False(t, s.IsValid(), "%q", s)
	}
}

func TestConnStateNumbers(t *testing.T) {
	text, err := json.Marshal([]status.ConnState{status.ConnOpen, status.ConnClosed, status.ConnAll})
	require.NoError(t, err)
	require.JSONEq(t, `[0,1,2]`, string(text), "the numbers of the system account's requests")
}

// Requests over HTTP say a word where those of the system account say a number; both are understood.
func TestConnStateIsANumberOrAWord(t *testing.T) {
	for text, want := range map[string]status.ConnState{
		`0`: status.ConnOpen, `1`: status.ConnClosed, `2`: status.ConnAll, `"open"`: status.ConnOpen,
		`"CLOSED"`: status.ConnClosed, `"any"`: status.ConnAll, `"all"`: status.ConnAll, `""`: status.ConnOpen,
	} {
		var o status.ConnzOptions
		require.NoError(t, json.Unmarshal([]byte(`{"state":`+text+`}`), &o), text)
		require.Equal(t, want, o.State, text)
	}
	for _, text := range []string{`"1"`, `"shut"`, `true`, `1.5`, `{}`} {
		require.Error(t, json.Unmarshal([]byte(`{"state":`+text+`}`), new(status.ConnzOptions)), text)
	}
}

func TestUnlimitedReservationKeepsItsBits(t *testing.T) {
	text, err := json.Marshal(status.JetStreamStats{ReservedMemory: 1<<64 - 1})
	require.NoError(t, err)
	require.Contains(t, string(text), `"reserved_memory":18446744073709551615`)
}
