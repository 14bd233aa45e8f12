package monitor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

// Answers that wait for slow readers are bounded together, but one may be as large as it is.
func TestLargeAnswersAreBounded(t *testing.T) {
	h := New(Config{})
	send := func(size int) int {
		w := httptest.NewRecorder()
		h.send(w, &answer{code: 200, kind: kindText, body: make([]byte, size)})
		return w.Code
	}
	h.onTheWay.Store(mostOnTheWay)
	require.Equal(t, http.StatusServiceUnavailable, send(1))
	require.EqualValues(t, mostOnTheWay, h.onTheWay.Load(), "nothing is left behind")
	h.onTheWay.Store(mostOnTheWay - 10)
	require.Equal(t, 200, send(10))
	require.Equal(t, http.StatusServiceUnavailable, send(11))
	h.onTheWay.Store(0)
	require.Equal(t, 200, send(3*chunk+1))
	require.Zero(t, h.onTheWay.Load())
	w := httptest.NewRecorder()
	h.send(w, nil)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
}

// all adds to source what is needed for every endpoint.
func all() Source {
	src := source()
	src.Routez = func(*status.RoutezOptions) (*status.Routez, error) { return &status.Routez{}, nil }
	src.Gatewayz = func(*status.GatewayzOptions) (*status.Gatewayz, error) { return &status.Gatewayz{}, nil }
	src.Leafz = func(*status.LeafzOptions) (*status.Leafz, error) {
		return &status.Leafz{NumLeafs: 1, Leafs: []*status.LeafInfo{{Name: "l", RTT: "2ms", NumSubs: 3}}}, nil
	}
	src.Accountz = func(o *status.AccountzOptions) (*status.Accountz, error) {
		return &status.Accountz{Account: &status.AccountInfo{AccountName: o.Account}}, nil
	}
	src.AccountStatz = func(*status.AccountStatzOptions) (*status.AccountStatz, error) {
		return &status.AccountStatz{Accounts: []*status.AccountStat{{Account: "A"}}}, nil
	}
	src.Jsz = func(*status.JSzOptions) (*status.JSInfo, error) {
		return &status.JSInfo{Meta: &status.MetaClusterInfo{Name: "C", Leader: "other"}}, nil
	}
	src.Open = func() report.OpenTotals { return report.OpenTotals{Connections: 1, Pending: 2} }
	return src
}

func TestEveryEndpoint(t *testing.T) {
	h := New(Config{Source: all()})
	require.Equal(t, strings.Fields("/varz /jsz /connz /accountz /accstatz /subsz /routez /leafz /gatewayz /raftz /healthz /debug/vars /metrics"),
		strings.Fields(strings.NewReplacer(`<li><a href=".`, " ", `">`, " <").Replace(linksOf(body(t, get(h, "/"))))))
	for path, kind := range map[string]string{
		"/stacksz": kindJSON, "/debug/vars": "application/json; charset=utf-8", "/metrics": kindMetrics, "/ipqueuesz": kindJSON,
		"/ipqueuesz?all=1&queues=x": kindJSON, "/jsz?consumers=1": kindJSON, "/gatewayz?accs=1": kindJSON,
	} {
		r := get(h, path)
		require.Equal(t, 200, r.StatusCode, path)
		require.Equal(t, kind, r.Header.Get("Content-Type"), path)
		require.Equal(t, kind == kindJSON, r.Header.Get("Access-Control-Allow-Origin") != "", path)
	}
	require.Equal(t, "{}", body(t, get(h, "/ipqueuesz")))
	require.Contains(t, body(t, get(h, "/stacksz")), "TestEveryEndpoint")
	text := body(t, get(h, "/metrics"))
	require.Contains(t, text, `gnatsd_leafz_conn_rtt{server_id="N1",account="",account_id="",ip="",port="0",name="l"} 0.002`+"\n")
	require.Contains(t, text, `cluster="C",domain="",meta_leader="other",is_meta_leader="false"} 0`+"\n")

	w := httptest.NewRecorder()
	h.Serve(VarzPath, w, httptest.NewRequest("GET", "/whatever", nil))
	require.Equal(t, 200, w.Code)
}

// linksOf keeps of the root page the targets of its list.
func linksOf(page string) string {
	var b strings.Builder
	for _, line := range strings.Split(page, "\n") {
		if rest, ok := strings.CutPrefix(line, `<li><a href=".`); ok {
			target, _, _ := strings.Cut(rest, `"`)
			b.WriteString(target + " ")
		}
	}
	return b.String()
}
