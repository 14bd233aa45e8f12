package conn

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/lab"
)

// forger is a client of TLS 1.3 that makes what it sends itself, so that its records can be of any
// kind and size. It reads as others do.
type forger struct {
	*tls.Conn
	raw    *net.TCPConn
	log    bytes.Buffer // the secrets of the handshake
	secret []byte
	seq    uint64
}

// forge serves a connection to a forger.
func (b *bench) forge(r *recorder) *forger {
	b.t.Helper()
	f := &forger{}
	b.serve(func(t *testing.T) (net.Conn, net.Conn) {
		ours, theirs := overTCP(t)
		f.raw = theirs.(*net.TCPConn)
		f.Conn = tls.Client(theirs, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, KeyLogWriter: &f.log})
		return secured{ours, serverConfig(t)}, f.Conn
	}, r)
	if f.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		b.t.Skip("without AES in hardware another cipher is chosen, which the forger does not know")
	}
	for line := range strings.Lines(f.log.String()) {
		if words := strings.Fields(line); words[0] == "CLIENT_TRAFFIC_SECRET_0" {
			f.secret, _ = hex.DecodeString(words[2])
		}
	}
	require.Len(b.t, f.secret, sha256.Size)
	return f
}

// derive is HKDF-Expand-Label (RFC 8446 section 7.1).
func derive(secret []byte, label string, n int) []byte {
	info := append(binary.BigEndian.AppendUint16(nil, uint16(n)), byte(len("tls13 "+label)))
	out, err := hkdf.Expand(sha256.New, secret, string(info)+"tls13 "+label+"\x00", n)
	if err != nil {
		panic(err)
	}
	return out
}

// The types of records that are made below.
const (
	typeHandshake = 22
	typeData      = 23
)

// record makes a record.
func (f *forger) record(kind byte, content string) string {
	block, err := aes.NewCipher(derive(f.secret, "key", 16))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	nonce := derive(f.secret, "iv", 12)
	for i, b := range binary.BigEndian.AppendUint64(nil, f.seq) {
		nonce[4+i] ^= b
	}
	f.seq++
	head := binary.BigEndian.AppendUint16([]byte{typeData, 3, 3}, uint16(len(content)+1+aead.Overhead()))
	return string(aead.Seal(head, nonce, append([]byte(content), kind), head))
}

// keyUpdate makes a change of keys, and asks for one of the other side.
func (f *forger) keyUpdate() string {
	r := f.record(typeHandshake, "\x18\x00\x00\x01\x01")
	f.secret, f.seq = derive(f.secret, "traffic upd", sha256.Size), 0
	return r
}

// Records come in whatever portions the network makes of them, and commands in whatever portions
// the client makes records of.
func TestRecordsInPortions(t *testing.T) {
	lines := strings.SplitAfter(text(200), "z")
	all := strings.Join(lines, "\n") + "\n"
	largest := strings.Repeat(text(99)+"\n", 164)[:16<<10-1] + "\n"
	for _, c := range []struct {
		name    string
		records func(f *forger) string
		want    string
		portion int
	}{
		{"byte by byte", func(f *forger) string { return f.record(typeData, all) }, all, 1},
		{"records of a byte, byte by byte", func(f *forger) (s string) {
			for _, x := range all[:60] {
				s += f.record(typeData, string(x))
			}
			return s + f.record(typeData, "\n")
		}, all[:60] + "\n", 1},
		{"many records at once", func(f *forger) (s string) {
			for _, x := range strings.Repeat(all, 5) {
				s += f.record(typeData, string(x))
			}
			return s
		}, strings.Repeat(all, 5), 1 << 20},
		{"records larger than the buffer", func(f *forger) string {
			return f.record(typeData, largest) + f.record(typeData, largest) + f.record(typeData, largest)
		}, strings.Repeat(largest, 3), 1 << 20},
		{"portions that fit nothing", func(f *forger) string {
			return f.record(typeData, largest) + f.record(typeData, all) + f.record(typeData, largest)
		}, largest + all + largest, 1237},
		{"new keys in between", func(f *forger) (s string) {
			for line := range strings.Lines(all) {
				s += f.record(typeData, line) + f.keyUpdate()
			}
			return s
		}, all, 101},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, r := newBench(t), &recorder{}
			f := b.forge(r)
			for s := c.records(f); len(s) > 0; {
				n := min(c.portion, len(s))
				say(t, f.raw, s[:n])
				s = s[n:]
			}
			want := strings.Split(strings.TrimSuffix(c.want, "\n"), "\n")
			eventually(t, func() bool { return len(r.got()) == len(want) }, "all lines come")
			require.Equal(t, want, r.got())
			r.c.send("and an answer")
			take(t, f, "and an answer")
			require.False(t, r.c.Ended())
		})
	}
}

// A client that forges ends its connection.
func TestForgedRecords(t *testing.T) {
	b, r := newBench(t), &recorder{}
	f := b.forge(r)
	say(t, f.raw, f.record(typeData, "good\n"))
	bad := []byte(f.record(typeData, "bad\n"))
	bad[7] ^= 1
	say(t, f.raw, string(bad))
	require.Equal(t, closed.ReadError, r.reason(t))
	require.Equal(t, []string{"good"}, r.got())
}

// The end of a client is seen although the rest of a record or a change of keys is the last that it
// sent, and both were there when the reader came to look.
func TestTheEndIsSeenBehindHalfARecord(t *testing.T) {
	for name, last := range map[string]func(f *forger) string{
		"nothing":            func(f *forger) string { return "" },
		"a part of a header": func(f *forger) string { return f.record(typeData, "lost\n")[:3] },
		"half a record":      func(f *forger) string { return f.record(typeData, "lost\n")[:12] },
		"a change of keys":   func(f *forger) string { return f.keyUpdate() },
	} {
		t.Run(name, func(t *testing.T) {
			busy, goOn := make(chan struct{}), make(chan struct{})
			b, r := newBench(t), &recorder{}
			r.onLine = func(string) error {
				close(busy)
				<-goOn
				return nil
			}
			f := b.forge(r)
			say(t, f.raw, f.record(typeData, "first\n"))
			<-busy
			say(t, f.raw, last(f))
			require.NoError(t, f.raw.Close())
			close(goOn) // on loopback both have arrived; elsewhere the test is only easier
			select {
			case <-r.over:
			case <-time.After(lab.Patience):
				require.FailNow(t, "the end is not seen")
			}
		})
	}
}

// room is how much memory t holds for output.
func (t *tunnel) room() int {
	t.stage.mu.Lock()
	defer t.stage.mu.Unlock()
	if t.stage.mu.out == nil {
		return 0
	}
	return len(t.stage.mu.out.b)
}

// Whoever asks for new keys again and again and does not read the answers is cut off: what they take
// is bounded like everything that waits for a client.
func TestEndlessChangesOfKeys(t *testing.T) {
	const times = 1300
	b, r := newBench(t), &recorder{}
	b.cfg.MaxPending = 64 << 10
	f := b.forge(r)
	require.NoError(t, f.raw.SetReadBuffer(4<<10))
	tunnel, most := r.c.tunnel.Load(), 0
	for range times {
		var some strings.Builder
		for range 15 { // more in a row are refused by crypto/tls
			some.WriteString(f.keyUpdate())
		}
		if _, err := io.WriteString(f.raw, some.String()+f.record(typeData, "x\n")); err != nil {
			break // it was cut off
		}
		most = max(most, tunnel.room())
	}
	eventually(t, func() bool {
		most = max(most, tunnel.room())
		return r.c.Ended() || len(r.got()) == times || most > 2*b.cfg.MaxPending
	}, "the reader comes to the end of it")
	require.LessOrEqual(t, most, 2*b.cfg.MaxPending, "bytes in memory for one who asks for keys")
}

// New keys are agreed upon while much is sent by many: what the reader answers finds its place in what
// the writers write, and nothing is lost.
func TestNewKeysWhileMuchIsSent(t *testing.T) {
	const senders, each = 4, 300
	filler := text(9000)
	b, r := newBench(t), &recorder{}
	r.onLine = func(string) error {
		r.c.send("key\n")
		return nil
	}
	f := b.forge(r)
	var all sync.WaitGroup
	for p := range senders {
		all.Go(func() {
			for i := range each {
				r.c.send(fmt.Sprintf("%d %d %s\n", p, i, filler[:p*i*31%9000]))
			}
		})
	}
	const changes = 200
	open := make(chan struct{}, 10) // a client takes no more than 16 answers in a row
	all.Go(func() {
		for range changes {
			open <- struct{}{}
			if _, err := io.WriteString(f.raw, f.keyUpdate()+f.record(typeData, "x\n")); err != nil {
				t.Error(err)
				return
			}
		}
	})
	next, keys := [senders]int{}, 0
	in := bufio.NewReaderSize(&small{f}, 64<<10)
	for range senders*each + changes {
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		if line == "key\n" {
			keys++
			<-open
			continue
		}
		var p, i int
		_, err = fmt.Sscanf(line, "%d %d", &p, &i)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%d %d %s\n", p, next[p], filler[:p*i*31%9000]), line)
		next[p]++
	}
	all.Wait()
	require.Equal(t, changes, keys)
	eventually(t, func() bool { return r.c.Box.Load().Held == 0 && b.cfg.Tasks.Running()["writer"] == 0 }, "the writer ends")
	require.False(t, r.c.Ended())
}
