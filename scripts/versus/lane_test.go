package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/scripts/versus/config"
)

// userLogin is how the user of a mill logs in.
const userLogin = `"user":"miller",`

// A mill is a small server that delivers each message as often as it likes.
type mill struct {
	times func(seq int) int // how often message seq is delivered
	tls   *tls.Config       // if set, connections are encrypted after INFO

	wantsLogin, denies bool // it knows the user, and what is forbidden to it

	mu   sync.Mutex
	seq  int
	subs []millSub
}

type millSub struct {
	subject, sid string
	conn         net.Conn
}

// start listens and returns a target with the mill's address and no process.
func (m *mill) start(t *testing.T) *target {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				m.serve(conn)
			})
		}
	})
	return &target{name: "mill", addr: l.Addr().String()}
}

func (m *mill) serve(conn net.Conn) {
	fmt.Fprintf(conn, "INFO {\"version\":\"1.2.3\",\"tls_required\":%v}\r\n", m.tls != nil)
	if m.tls != nil {
		conn = tls.Server(conn, m.tls)
	}
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch words[0] {
		case "CONNECT":
			if m.wantsLogin && !strings.Contains(line, userLogin) {
				io.WriteString(conn, "-ERR 'Authorization Violation'\r\n")
				return
			}
		case "PING":
			io.WriteString(conn, "PONG\r\n")
		case "SUB":
			m.mu.Lock()
			m.subs = append(m.subs, millSub{words[1], words[len(words)-1], conn})
			m.mu.Unlock()
		case "PUB":
			size, _ := strconv.Atoi(words[2])
			payload := make([]byte, size+2)
			if _, err := io.ReadFull(in, payload); err != nil {
				return
			}
			if m.denies && words[1] == config.Forbidden {
				io.WriteString(conn, "-ERR 'Permissions Violation for Publish'\r\n")
				continue
			}
			m.deliver(words[1], payload)
		}
	}
}

func (m *mill) deliver(subject string, payload []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range m.times(m.seq) {
		for _, s := range m.subs {
			if s.subject == subject {
				fmt.Fprintf(s.conn, "MSG %s %s %d\r\n%s", subject, s.sid, len(payload)-2, payload)
			}
		}
	}
	m.seq++
}

func once(int) int { return 1 }

func TestLanes(t *testing.T) {
	server := &mill{times: once}
	ls, err := openLanes(t.Context(), server.start(t), fan(3, 32, true)())
	defer ls.close()
	require.NoError(t, err)
	require.NoError(t, ls.publish(100))
	require.NoError(t, ls.publish(5000))
	bad, err := ls.finish()
	require.NoError(t, err)
	require.Equal(t, faults{}, bad)
	require.Equal(t, 5100, server.seq)
}

// What a server sends too often is found even if it comes after everything that was expected.
func TestLanesFindDuplicate(t *testing.T) {
	server := &mill{times: func(seq int) int {
		if seq == 99 {
			return 2
		}
		return 1
	}}
	ls, err := openLanes(t.Context(), server.start(t), pairs(1, 16)())
	defer ls.close()
	require.NoError(t, err)
	require.NoError(t, ls.publish(100))
	bad, err := ls.finish()
	require.NoError(t, err)
	require.Equal(t, faults{Duplicate: 1}, bad)
}

func TestLanesFindLoss(t *testing.T) {
	server := &mill{times: func(seq int) int {
		if seq == 50 {
			return 0
		}
		return 1
	}}
	ls, err := openLanes(t.Context(), server.start(t), pairs(1, 16)())
	defer ls.close()
	require.NoError(t, err)
	ls.all[0].gate.patience = 50 * time.Millisecond
	err = ls.publish(100)
	require.ErrorIs(t, err, errStalled)
	require.ErrorContains(t, err, "messages: 1 lost")
}

func TestLanesNoticeEnd(t *testing.T) {
	server := &mill{times: once}
	ls, err := openLanes(t.Context(), server.start(t), pairs(2, 16)())
	defer ls.close()
	require.NoError(t, err)
	server.mu.Lock()
	server.subs[1].conn.Close()
	server.mu.Unlock()
	require.ErrorContains(t, ls.publish(10_000), "a subscriber's connection: EOF")
}

func TestInfo(t *testing.T) {
	server := &mill{times: once}
	c, err := server.start(t).dial(t.Context(), 64)
	require.NoError(t, err)
	defer c.close()
	require.Equal(t, "1.2.3", c.info.Version)
	_, err = parseInfo([]byte("PING"))
	require.Error(t, err)
}
