package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/status"
)

const (
	kindHTML = "text/html; charset=utf-8"
	notFound = "404 page not found\n"
)

// source answers with little, but something that tells what it was asked for.
func source() Source {
	return Source{
		Varz: func() *status.Varz { return &status.Varz{ID: "N1", Host: "<&>"} },
		Connz: func(o *status.ConnzOptions) (*status.Connz, error) {
			if !o.Sort.IsValid() && o.Sort != "" {
				return nil, errors.New("invalid sorting option: " + string(o.Sort))
			}
			return &status.Connz{ID: "N1", Limit: o.Limit, Conns: []*status.ConnInfo{}}, nil
		},
		Subsz: func(o *status.SubszOptions) (*status.Subsz, error) {
			if o.Test != "" {
				return nil, errors.New("invalid test subject")
			}
			return &status.Subsz{ID: "N1", Limit: o.Limit, SublistStats: &status.SublistStats{}}, nil
		},
		Health: func(o *status.HealthzOptions) *status.HealthStatus {
			switch {
			case o.Stream != "":
				return &status.HealthStatus{Status: "error", StatusCode: 400, Error: "no account"}
			case o.Consumer != "":
				return &status.HealthStatus{
					Status: "error", StatusCode: 503, Errors: []status.HealthError{{Type: status.HealthErrorConsumer, Error: "gone"}},
				}
			case o.Account != "":
				return &status.HealthStatus{Status: "ok"}
			}
			return &status.HealthStatus{Status: "ok", StatusCode: 200}
		},
	}
}

func get(h http.Handler, target string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(b)
}

func TestAnswers(t *testing.T) {
	h := New(Config{Source: source()})
	const emptyConnz = `{
  "server_id": "N1",
  "now": "0001-01-01T00:00:00Z",
  "num_connections": 0,
  "total": 0,
  "offset": 0,
  "limit": 7,
  "connections": []
}`
	for _, tt := range []struct {
		target string
		code   int
		kind   string
		body   string // empty = any
	}{
		{"/", 200, kindHTML, ""},
		{"/?anything=goes", 200, kindHTML, ""},
		{"/varz", 200, kindJSON, ""},
		{"/varz?callback=f", 200, kindJSON, ""},
		{"/connz?limit=7", 200, kindJSON, emptyConnz},
		{"//connz?limit=7", 200, kindJSON, emptyConnz},
		{"/connz?limit=seven", 400, kindText, `Error decoding int for 'limit': strconv.Atoi: parsing "seven": invalid syntax`},
		{"/connz?sort=size", 400, kindText, `invalid sorting option: size`},
		{"/subsz", 200, kindJSON, ""},
		{"/subscriptionsz", 200, kindJSON, ""},
		{"/subsz?subs=detail", 400, kindText, `Error decoding boolean for 'subs': strconv.ParseBool: parsing "detail": invalid syntax`},
		{"/subsz?test=*", 400, kindText, `invalid test subject`},
		{"/healthz", 200, kindJSON, `{"status":"ok"}`},
		{"/healthz?account=A", 200, kindJSON, `{"status":"ok"}`},
		{"/healthz?stream=S", 400, kindJSON, `{"status":"error","error":"no account"}`},
		{"/healthz?consumer=C", 503, kindJSON, `{"status":"error","errors":[{"type":"CONSUMER","error":"gone"}]}`},
		{"/healthz?details=2", 400, kindText, `Error decoding boolean for 'details': strconv.ParseBool: parsing "2": invalid syntax`},
		{"/connz/", 404, kindText, notFound},
		{"/connz//", 404, kindText, notFound},
		{"/VARZ", 404, kindText, notFound},
		{"/varz/x", 404, kindText, notFound},
		{"/stacksz", 200, kindJSON, ""},
		{"/routez", 404, kindText, notFound},
		{"/metrics", 404, kindText, notFound},
	} {
		r := get(h, tt.target)
		got := body(t, r)
		require.Equal(t, tt.code, r.StatusCode, tt.target)
		require.Equal(t, tt.kind, r.Header.Get("Content-Type"), tt.target)
		if tt.body != "" {
			require.Equal(t, tt.body, got, tt.target)
		}
		require.NotEmpty(t, got, tt.target)

		cors, sniff := "", ""
		if tt.kind == kindJSON {
			cors = "*"
		}
		if tt.code == 404 {
			sniff = "nosniff"
		} else {
			require.Equal(t, fmt.Sprint(len(got)), r.Header.Get("Content-Length"), tt.target)
		}
		require.Equal(t, cors, r.Header.Get("Access-Control-Allow-Origin"), tt.target)
		require.Equal(t, sniff, r.Header.Get("X-Content-Type-Options"), tt.target)
	}
}

func TestJSONLayout(t *testing.T) {
	text := body(t, get(New(Config{Source: source()}), "/varz"))
	require.True(t, strings.HasPrefix(text, "{\n  \"server_id\": \"N1\",\n"), text)
	require.True(t, strings.HasSuffix(text, "\n}"), "no line break at the end")
	require.Contains(t, text, `"host": "\u003c\u0026\u003e"`)
	require.Contains(t, text, `"cluster": {}`)
}

func TestMethods(t *testing.T) {
	server := httptest.NewServer(New(Config{Source: source()}))
	defer server.Close()
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
		for _, path := range []string{"/", "/varz", "/connz", "/subsz", "/healthz"} {
			q, err := http.NewRequest(method, server.URL+path, strings.NewReader(""))
			require.NoError(t, err)
			r, err := server.Client().Do(q)
			require.NoError(t, err)
			text := body(t, r)
			require.NoError(t, r.Body.Close())
			require.Equal(t, 200, r.StatusCode, method+path)
			require.Equal(t, method == "HEAD", text == "", method+path)
			require.Positive(t, r.ContentLength, method+path)
		}
	}
}

func TestBasePath(t *testing.T) {
	for configured, want := range map[string]string{
		"": "/", "/": "/", ".": "/", "mon": "/mon", "/mon": "/mon", "/mon/": "/mon", "mon/./x/../y": "/mon/y", "../a": "/a", "//a//b/": "/a/b",
	} {
		require.Equal(t, want, BasePath(configured), configured)
	}

	h := New(Config{BasePath: "mon/", Source: source()})
	for target, code := range map[string]int{
		"/mon": 200, "/mon/varz": 200, "/mon/subscriptionsz": 200, "/mon//healthz": 200,
		"/mon/": 404, "/": 404, "/varz": 404, "/mon/mon": 404, "/monvarz": 404,
	} {
		require.Equal(t, code, get(h, target).StatusCode, target)
	}
}

// TestRootPage follows the links of the page as a browser does.
func TestRootPage(t *testing.T) {
	href := regexp.MustCompile(`<li><a href="([^"]*)">([^<]*)</a></li>`)
	for _, base := range []string{"/", "/mon", "/a/b", "/with space", `/q"<&>`, "/a:b"} {
		h := New(Config{BasePath: base, Version: "2.12.0", BaridVersion: "0.1<", Source: source()})
		page, err := url.Parse("http://localhost:8222")
		require.NoError(t, err)
		page.Path = base
		text := body(t, get(h, page.String()))
		require.Contains(t, text, ">v2.12.0</a>")
		require.Contains(t, text, "0.1&lt;")

		var labels []string
		for _, m := range href.FindAllStringSubmatch(text, -1) {
			target, err := page.Parse(strings.NewReplacer("&#34;", `"`, "&amp;", "&").Replace(m[1]))
			require.NoError(t, err)
			require.Equal(t, 200, get(h, target.String()).StatusCode, "%s links to %s", base, target)
			labels = append(labels, m[2])
		}
		require.Equal(t, []string{"General", "Connections", "Subscriptions", "Health Probe", "Expvar"}, labels, base)
	}
}

func TestWithoutSource(t *testing.T) {
	all := source()
	h := New(Config{Source: Source{Varz: all.Varz}})
	require.Equal(t, 200, get(h, "/varz").StatusCode)
	for _, path := range []string{"/connz", "/subsz", "/subscriptionsz", "/healthz"} {
		require.Equal(t, 404, get(h, path).StatusCode, path)
		require.NotContains(t, body(t, get(h, "/")), path)
	}
}

func TestCounters(t *testing.T) {
	var c Counters
	require.Equal(t, map[string]uint64{}, c.Requests())

	src := source()
	src.Varz = func() *status.Varz { return &status.Varz{HTTPReqStats: c.Requests()} }
	h := New(Config{BasePath: "/mon", Source: src, Counters: &c})
	var v status.Varz
	require.NoError(t, json.NewDecoder(get(h, "/mon/varz").Body).Decode(&v))
	require.Equal(t, map[string]uint64{"/varz": 1}, v.HTTPReqStats, "a request sees itself")

	for _, target := range []string{
		"/mon", "/mon", "/mon/subsz", "/mon/subscriptionsz", "/mon/subsz?subs=x", "/mon/healthz", "/mon/healthz?details=x",
		"/mon/connz", "/mon/connz?auth=x", "/mon/connz?sort=x", "/mon/routez", "/varz", "/mon/stacksz", "/mon/debug/vars",
	} {
		get(h, target)
	}
	require.Equal(t, map[string]uint64{"/": 2, "/varz": 1, "/connz": 2, "/subsz": 3, "/healthz": 2}, c.Requests())
}

func TestCountersAtTheSameTime(t *testing.T) {
	var c Counters
	var adding sync.WaitGroup
	for range 8 {
		adding.Go(func() {
			for range 100 {
				c.add(VarzPath)
				c.Requests()
			}
		})
	}
	adding.Wait()
	require.Equal(t, map[string]uint64{"/varz": 800}, c.Requests())
}

func TestUnspeakableValue(t *testing.T) {
	src := source()
	src.Varz = func() *status.Varz { return &status.Varz{CPU: math.NaN()} }
	r := get(New(Config{Source: src}), "/varz")
	require.Equal(t, 500, r.StatusCode)
	require.Equal(t, kindText, r.Header.Get("Content-Type"))
	require.Contains(t, body(t, r), "NaN")
}

func TestHealthWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var warnings []string
		h := New(Config{Source: source(), Warnf: func(format string, args ...any) {
			warnings = append(warnings, fmt.Sprintf(format, args...))
		}})
		get(h, "/healthz")
		get(h, "/healthz?js-enabled-only=1")
		require.Empty(t, warnings)

		get(h, "/healthz?stream=S")
		get(h, "/healthz?stream=S")
		get(h, "/healthz?js-enabled=1")
		get(h, "/healthz?js-enabled=1")
		require.Equal(t, []string{
			`Healthcheck failed: "no account"`,
			`Healthcheck: js-enabled deprecated, use js-enabled-only instead`,
		}, warnings)

		time.Sleep(warnEvery - time.Nanosecond)
		get(h, "/healthz?consumer=C")
		require.Len(t, warnings, 2)
		time.Sleep(time.Nanosecond)
		get(h, "/healthz?consumer=C")
		require.Equal(t, `Healthcheck failed: 1 errors`, warnings[2])
	})
}
