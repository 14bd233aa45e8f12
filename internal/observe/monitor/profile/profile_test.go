package profile

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/trace"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

func get(t *testing.T, quit <-chan struct{}, path string) (status int, kind, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(quit).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	text, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return w.Code, w.Header().Get("Content-Type"), string(text)
}

func TestProfiles(t *testing.T) {
	const text, binary, page = "text/plain; charset=utf-8", "application/octet-stream", "text/html; charset=utf-8"
	const gzipped = "\x1f\x8b"
	for _, c := range []struct {
		path   string
		status int
		kind   string
		begins string
	}{
		{"/debug/pprof/", 200, page, "<!DOCTYPE html>"},
		{"/debug/pprof/goroutine?debug=1", 200, text, "goroutine profile: total"},
		{"/debug/pprof/goroutine?debug=2", 200, text, "goroutine "},
		{"/debug/pprof/heap", 200, binary, gzipped},
		{"/debug/pprof/heap?gc=1", 200, binary, gzipped},
		{"/debug/pprof/allocs", 200, binary, gzipped},
		{"/debug/pprof/block", 200, binary, gzipped},
		{"/debug/pprof/mutex", 200, binary, gzipped},
		{"/debug/pprof/threadcreate", 200, binary, gzipped},
		{"/debug/pprof/profile?seconds=0.01", 200, binary, gzipped},
		{"/debug/pprof/trace?seconds=0.01", 200, binary, "go 1."},
		{"/debug/pprof/cmdline", 200, text, "/"},
		{"/debug/pprof/symbol", 200, text, "num_symbols: "},
		{"/debug/pprof/none", 404, text, "Unknown profile"},
		{"/debug/pprof/a/b", 404, text, "404 page not found"},
		{"/", 404, text, "404 page not found"},
		{"/debug/pprof/heap?seconds=1", 400, text, "seconds are for profile and trace only"},
		{"/debug/pprof/profile?seconds=0", 400, text, "seconds must be a number up to 600"},
		{"/debug/pprof/profile?seconds=601", 400, text, "seconds must be"},
		{"/debug/pprof/trace?seconds=NaN", 400, text, "seconds must be"},
		{"/debug/pprof/trace?seconds=-1", 400, text, "seconds must be"},
		{"/debug/pprof/trace?seconds=x", 400, text, "seconds must be"},
	} {
		status, kind, body := get(t, nil, c.path)
		require.Equal(t, c.status, status, "%s: %s", c.path, body)
		require.Equal(t, c.kind, kind, c.path)
		require.GreaterOrEqual(t, len(body), len(c.begins), c.path)
		require.Equal(t, c.begins, body[:len(c.begins)], c.path)
	}
}

// One trace can be taken at a time, and none keeps a server from ending.
func TestTraceEndsWithTheServer(t *testing.T) {
	quit := make(chan struct{})
	server := httptest.NewServer(Handler(quit))
	defer server.Close()
	done := make(chan error, 1)
	go func() {
		r, err := http.Get(server.URL + "/debug/pprof/trace?seconds=600")
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		done <- err
	}()
	require.Eventually(t, trace.IsEnabled, lab.Patience, time.Millisecond)
	status, kind, _ := get(t, nil, "/debug/pprof/trace?seconds=600")
	require.Equal(t, http.StatusInternalServerError, status)
	require.Equal(t, "text/plain; charset=utf-8", kind)
	close(quit)
	require.NoError(t, <-done)
	http.DefaultClient.CloseIdleConnections()
}

// What a program serves on its own stays as it is.
func TestTheProgramsMuxIsLeftAlone(t *testing.T) {
	_, pattern := http.DefaultServeMux.Handler(httptest.NewRequest(http.MethodGet, "/debug/pprof/heap", nil))
	require.Empty(t, pattern)
}
