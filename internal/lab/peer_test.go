package lab

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadLog(t *testing.T) {
	read := func(log string) map[string]string {
		ready := make(chan map[string]string, 1)
		readLog(bufio.NewScanner(strings.NewReader(log)), ready)
		return <-ready
	}
	require.Equal(t, map[string]string{
		"Starting http monitor on":            "127.0.0.1:1",
		"Listening for client connections on": "127.0.0.1:2",
	}, read("[1] [INF] Starting http monitor on 127.0.0.1:1\n[1] [INF] Listening for client connections on 127.0.0.1:2\n[1] [INF] Server is ready\nmore\n"))
	require.Nil(t, read("[1] [FTL] no\n"))
}

func TestPeerConfig(t *testing.T) {
	const fixed = "listen: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\n"
	for value, want := range map[string]string{"64": "64", "true": "true", "100ms": `"100ms"`, "a": `"a"`} {
		require.Equal(t, fixed+"key: "+want+"\n", peerConfig(map[string]string{"key": value}))
	}
}

func TestClosedReasons(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/connz?state=closed", r.URL.String())
		_, _ = w.Write([]byte(`{"connections":[{"cid":1,"reason":"One"},{"cid":2,"reason":"Two"}]}`))
	}))
	ask := ClosedReasons(server.URL)
	reason, known := ask(2)
	require.Equal(t, "Two", reason)
	require.True(t, known)
	_, known = ask(3)
	require.False(t, known)
	server.Close()
	_, known = ask(2)
	require.False(t, known)
}
