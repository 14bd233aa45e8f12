package subject

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAgreementAboutMappings asks another server of the protocol what its mappings make of subjects.
// Left out is a token that has nothing but delimiters: the other one makes an empty token of it, and
// so loses the message.
func TestAgreementAboutMappings(t *testing.T) {
	peer, err := exec.LookPath("nats-server")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "nats-server is not installed, and this run must compare with it")
		t.Skip("nats-server is not installed: nothing to compare with")
	}
	destinations := []string{"$1", "$1.$1", "{{wildcard(1)}}", "{{ Wildcard( 1 ) }}", "{{partition(10,1)}}", "{{Partition(1000,1)}}",
		"{{split(1,-)}}", "{{split(1,--)}}", "{{splitFromLeft(1,3)}}", "{{splitFromRight(1,3)}}", "{{SplitFromLeft(1,1)}}",
		"{{sliceFromLeft(1,3)}}", "{{SliceFromRight(1,3)}}", "{{sliceFromRight(1,5)}}", "x.{{slicefromleft(1,1)}}.y"}
	subjects := []string{"a", "ab", "abc", "abcd", "1234567890", "foo-bar", "a--b-c", "x-y-", "-x", "äöü", "orders"}
	var config strings.Builder
	config.WriteString("listen: \"127.0.0.1:-1\"\nmappings {\n")
	for i, d := range destinations {
		fmt.Fprintf(&config, "  \"in.%d.*\": \"out.%d.%s\"\n", i, i, d)
	}
	config.WriteString("  \"in.two.*.*\": \"out.two.$2.{{partition(10,1,2)}}.$1\"\n}\n")
	destinations = append(destinations, "")
	conn := startPeer(t, peer, config.String())
	in := bufio.NewReader(conn)
	_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false}\r\nSUB out.> 1\r\n")
	require.NoError(t, err)
	for i, d := range destinations {
		for _, s := range subjects {
			source, destination, from := fmt.Sprintf("in.%d.*", i), fmt.Sprintf("out.%d.%s", i, d), fmt.Sprintf("in.%d.%s", i, s)
			if d == "" {
				source, destination, from = "in.two.*.*", "out.two.$2.{{partition(10,1,2)}}.$1", "in.two.k."+s
			}
			tr, err := NewTransform(source, destination)
			require.NoError(t, err)
			ours, ok := tr.Append(nil, []byte(from))
			require.True(t, ok)
			_, err = fmt.Fprintf(conn, "PUB %s 0\r\n\r\nPING\r\n", from)
			require.NoError(t, err)
			require.Equal(t, askPeer(t, in), string(ours), "%s by %s", from, destination)
		}
	}
}

// askPeer returns the subject of the message that comes before the answer to a PING.
func askPeer(t *testing.T, in *bufio.Reader) (subject string) {
	for {
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MSG" {
			subject = fields[1]
		} else if line == "PONG\r\n" {
			return subject
		}
		require.False(t, strings.HasPrefix(line, "-ERR"), line)
	}
}

// startPeer runs the other server until the test ends and returns a connection to it.
func startPeer(t *testing.T, peer, config string) net.Conn {
	dir := t.TempDir()
	file := filepath.Join(dir, "peer.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	var said bytes.Buffer
	cmd := exec.Command(peer, "-c", file, "--ports_file_dir", dir)
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	var address string
	require.Eventually(t, func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "*.ports"))
		if len(files) != 1 {
			return false
		}
		text, _ := os.ReadFile(files[0])
		_, after, found := strings.Cut(string(text), "nats://")
		address, _, _ = strings.Cut(after, `"`)
		return found && address != ""
	}, 10*time.Second, 5*time.Millisecond, "the peer does not start")
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn
}
