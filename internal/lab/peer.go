package lab

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Peer is a nats-server that runs as a process of its own, to compare with.
type Peer struct {
	Addr    string // host:port for clients
	Monitor string // http://host:port

	cmd  *exec.Cmd
	logs sync.WaitGroup
}

var listening = regexp.MustCompile(`(Starting http monitor on|Listening for client connections on) (\S+)`)

// StartPeer starts the nats-server of the system with the given entries of a configuration file, on
// free ports, and stops it when the test ends. Where it is not installed the test is skipped, but
// fails if the environment says CI=true.
func StartPeer(t testing.TB, options map[string]string) *Peer {
	t.Helper()
	binary, err := exec.LookPath("nats-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("nats-server is not installed, and this run must compare with it")
		}
		t.Skip("nats-server is not installed: nothing to compare with")
	}
	file := filepath.Join(t.TempDir(), "peer.conf")
	require.NoError(t, os.WriteFile(file, []byte(peerConfig(options)), 0o600))
	p := &Peer{cmd: exec.Command(binary, "-c", file)}
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(p.stop)
	ready := make(chan map[string]string, 1)
	p.logs.Go(func() { readLog(bufio.NewScanner(stderr), ready) })
	select {
	case addrs := <-ready:
		p.Addr = addrs["Listening for client connections on"]
		p.Monitor = "http://" + addrs["Starting http monitor on"]
		require.NotEmpty(t, p.Addr, "nats-server did not start")
	case <-time.After(Patience):
		t.Fatal("nats-server did not get ready")
	}
	return p
}

// stop kills the process: it keeps nothing, and a gentle end would only take time.
func (p *Peer) stop() {
	_ = p.cmd.Process.Kill()
	p.logs.Wait()
	_ = p.cmd.Wait()
}

// readLog gathers the addresses, hands them over when the server is ready or ends, and reads on, so
// that the process never waits for its log.
func readLog(lines *bufio.Scanner, ready chan<- map[string]string) {
	addrs, told := map[string]string{}, false
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			addrs[m[1]] = m[2]
		}
		if !told && strings.HasSuffix(lines.Text(), "Server is ready") {
			ready <- addrs
			told = true
		}
	}
	if !told {
		ready <- nil
	}
}

func peerConfig(options map[string]string) string {
	var b strings.Builder
	b.WriteString("listen: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\n")
	for name, value := range options {
		_, notNumber := strconv.Atoi(value)
		_, notBool := strconv.ParseBool(value)
		if notNumber != nil && notBool != nil {
			value = strconv.Quote(value)
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	return b.String()
}

// Target is the peer as stories meet it, over TCP.
func (p *Peer) Target() Target {
	return Target{
		Dial:     func() (net.Conn, error) { return net.DialTimeout("tcp", p.Addr, Patience) },
		Reason:   ClosedReasons(p.Monitor),
		OwnPings: true,
	}
}

// ClosedReasons makes a Target's Reason from the list of closed connections that a server shows at
// the base URL of its monitoring.
func ClosedReasons(monitor string) func(cid uint64) (string, bool) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: Patience}
	return func(cid uint64) (string, bool) {
		resp, err := client.Get(monitor + "/connz?state=closed")
		if err != nil {
			return "", false
		}
		defer resp.Body.Close()
		var page struct {
			Connections []struct {
				CID    uint64 `json:"cid"`
				Reason string `json:"reason"`
			} `json:"connections"`
		}
		if json.NewDecoder(resp.Body).Decode(&page) != nil {
			return "", false
		}
		for _, c := range page.Connections {
			if c.CID == cid {
				return c.Reason, true
			}
		}
		return "", false
	}
}
