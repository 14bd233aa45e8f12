package client

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/fanout"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/internal/trust/auth"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// site is a door under test with what it needs.
type site struct {
	*Door
	t        *testing.T
	log      *record
	accounts *account.Registry
	patience time.Duration // bound of each wait
	panics   atomic.Int64
}

// quietly are the options of a client that is told nothing but messages and answers.
const quietly = `{"verbose":false,"pedantic":false}`

// build makes a door; change may change its Config. Everything it started ends with the test.
func build(t *testing.T, change ...func(*site, *Config)) *site {
	t.Helper()
	st := &site{t: t, log: &record{}, accounts: account.NewRegistry(), patience: lab.Patience}
	tasks := task.New(func(string, any, []byte) { st.panics.Add(1) })
	cfg := Config{
		Tasks: tasks, Log: st.log, IDs: new(atomic.Uint64),
		Auth:        auth.NewOpen(st.accounts.Get(account.Global)),
		Info:        proto.ServerInfo{ID: "N1", Name: "one", Version: "2.12.0", Proto: 1, Host: "h", Port: 4222, Headers: true},
		AuthTimeout: time.Hour,
		MaxLine:     4096,
		MaxPayload:  1 << 20, MaxPending: 64 << 20, MaxClosed: 100,
		WriteDeadline: 10 * time.Second,
		Pings:         Pings{Interval: 1000 * time.Hour, Max: 2},
	}
	for _, f := range change {
		f(st, &cfg)
	}
	st.Door = New(cfg)
	t.Cleanup(func() {
		st.Shutdown()
		if len(tasks.Wait(time.Second)) > 0 {
			st.Abort()
		}
		tasks.Close()
		require.Empty(t, tasks.Wait(st.patience))
	})
	return st
}

// global is the account of clients that name no user.
func (st *site) global() *account.Account { return st.accounts.Get(account.Global) }

// eventually waits until cond holds.
func (st *site) eventually(cond func() bool, what string) {
	st.t.Helper()
	for end := time.Now().Add(st.patience); !cond(); <-time.After(time.Millisecond) {
		require.True(st.t, time.Now().Before(end), what)
	}
}

// client connects over a pipe and returns when the server has processed its CONNECT.
func (st *site) client(options string) *peer {
	st.t.Helper()
	p := st.dial()
	p.say("CONNECT " + options + "\r\nPING\r\n")
	p.until("PONG\r\n")
	return p
}

// dial connects over a pipe and takes the INFO.
func (st *site) dial() *peer {
	st.t.Helper()
	ours, theirs := net.Pipe()
	p := newPeer(st, theirs)
	st.Accept(ours, identity.Standard)
	require.Regexp(st.t, `^INFO \{.*\} \r\n$`, p.until("\r\n"))
	return p
}

// hand is a session without a reader goroutine: the test does what the reader would do, step by
// step, so that it can come in between.
type hand struct {
	*session
	t    *testing.T
	peer *peer
}

// hand makes a session that has sent CONNECT with the given options, unless they are empty.
func (st *site) hand(options string) *hand {
	st.t.Helper()
	ours, theirs := net.Pipe()
	h := &hand{session: newSession(st.Door, ours, identity.Standard), t: st.t, peer: newPeer(st, theirs)}
	require.True(st.t, st.table.add(h.session))
	st.t.Cleanup(func() { h.leave(closed.ClientClosed) })
	require.NoError(st.t, h.Open())
	h.peer.until("\r\n")
	if options != "" {
		h.do("CONNECT " + options + "\r\n")
		h.got()
	}
	return h
}

// leave does what the reader does at the end.
func (h *hand) leave(reason closed.Reason) {
	if h.door.table.forgotten(h.session) {
		return
	}
	h.conn.Abort(reason)
	h.Closed(h.conn.Reason())
}

// forgotten reports whether s was removed from the table.
func (t *table) forgotten(s *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.open[s.owner.ID] != s
}

// do has the session read text, which must be whole commands without a fault.
func (h *hand) do(text string) {
	h.t.Helper()
	used, _, err := h.Read([]byte(text), time.Now())
	require.NoError(h.t, err)
	require.Equal(h.t, len(text), used)
}

// fail has the session read text, which must end the connection for reason.
func (h *hand) fail(text string, reason closed.Reason) {
	h.t.Helper()
	_, _, err := h.Read([]byte(text), time.Now())
	require.Error(h.t, err)
	require.Equal(h.t, reason, h.conn.Reason())
}

// stage has the session read text and stops before the flush. The trip must be finished.
func (h *hand) stage(text string) *fanout.Trip {
	h.t.Helper()
	buf := []byte(text)
	h.sweep()
	h.publish.begin(h.door.log.Tracing())
	t := fanout.Get()
	t.Begin(fanout.Batch{Origin: h.owner.ID, Buf: buf, Own: &h.conn.Box, From: h.session, Now: time.Now()})
	used, _, err := h.commands(t, buf)
	require.NoError(h.t, err)
	require.Equal(h.t, len(buf), used)
	t.Settle()
	return t
}

// finish flushes a staged trip.
func finish(t *fanout.Trip) {
	t.Flush()
	t.Put()
}

// got returns everything that was sent to the client since it was last called.
func (h *hand) got() string {
	h.t.Helper()
	const mark = "THAT IS ALL\r\n"
	h.send([]byte(mark))
	return strings.TrimSuffix(h.peer.until(mark), mark)
}

// drained waits until nothing waits for the client.
func (h *hand) drained() {
	h.t.Helper()
	h.peer.st.eventually(func() bool { return h.conn.Box.Load().Held == 0 }, "the box is empty")
}

// pause has the client stop reading, when nothing waits for it.
func (h *hand) pause() {
	h.t.Helper()
	h.drained()
	h.peer.pause()
}

// pub is a PUB of payload; msgLine is its delivery.
func pub(subject, payload string) string {
	return fmt.Sprintf("PUB %s %d\r\n%s\r\n", subject, len(payload), payload)
}

func msgLine(subject, sid, payload string) string {
	return fmt.Sprintf("MSG %s %s %d\r\n%s\r\n", subject, sid, len(payload), payload)
}

// pubs and msgLines are several of them, numbered from 0.
func pubs(subject string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(pub(subject, fmt.Sprint(i)))
	}
	return b.String()
}

func msgLines(subject, sid string, from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(msgLine(subject, sid, fmt.Sprint(i)))
	}
	return b.String()
}

// payloads returns the payloads of the MSGs in text, in order.
func payloads(t *testing.T, text string) (all []string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
	if text == "" {
		return nil
	}
	require.Zero(t, len(lines)%2, "not only messages: %q", text)
	for i := 0; i < len(lines); i += 2 {
		require.True(t, strings.HasPrefix(lines[i], "MSG "), "not a message: %q", lines[i])
		all = append(all, lines[i+1])
	}
	return all
}

// numbers are the texts of 0 to n-1.
func numbers(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// peer is the client's end of a connection. It reads all the time, unless it was told not to.
type peer struct {
	st    *site
	nc    net.Conn
	grown chan struct{} // a token when something came; never closed
	reads sync.WaitGroup

	mu  sync.Mutex
	in  []byte
	end error
}

func newPeer(st *site, nc net.Conn) *peer {
	p := &peer{st: st, nc: nc, grown: make(chan struct{}, 1)}
	st.t.Cleanup(p.close)
	p.listen()
	return p
}

func (p *peer) listen() { p.reads.Go(p.read) }

// pause stops reading until listen is called; what is written then stays with the writer.
func (p *peer) pause() {
	_ = p.nc.SetReadDeadline(time.Unix(1, 0))
	p.reads.Wait()
	_ = p.nc.SetReadDeadline(time.Time{})
	p.end = nil
}

// close closes the client's end.
func (p *peer) close() {
	_ = p.nc.Close()
	p.reads.Wait()
}

func (p *peer) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := p.nc.Read(buf)
		p.mu.Lock()
		p.in = append(p.in, buf[:n]...)
		p.end = err
		p.mu.Unlock()
		select {
		case p.grown <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// say writes text.
func (p *peer) say(text string) {
	p.st.t.Helper()
	_ = p.nc.SetWriteDeadline(time.Now().Add(p.st.patience))
	_, err := p.nc.Write([]byte(text))
	require.NoError(p.st.t, err)
}

// until returns what came up to and with mark.
func (p *peer) until(mark string) string {
	p.st.t.Helper()
	searched := 0
	return p.await(func(in string, end error) int {
		at := strings.Index(in[searched:], mark)
		if at < 0 {
			searched = max(0, len(in)-len(mark)+1)
			return -1
		}
		return searched + at + len(mark)
	}, mark)
}

// expect takes exactly want.
func (p *peer) expect(want string) {
	p.st.t.Helper()
	got := p.await(func(in string, _ error) int {
		if n := min(len(in), len(want)); n < len(want) && in[:n] == want[:n] {
			return -1
		}
		return min(len(in), len(want))
	}, want)
	require.Equal(p.st.t, want, got)
}

// ended waits for the end of the connection and returns what came before it.
func (p *peer) ended() string {
	p.st.t.Helper()
	return p.await(func(in string, end error) int {
		if end == nil {
			return -1
		}
		return len(in)
	}, "the end")
}

// await waits until enough of what came says how much of it is wanted, which it takes.
func (p *peer) await(enough func(in string, end error) int, what string) string {
	p.st.t.Helper()
	timer := time.NewTimer(p.st.patience)
	defer timer.Stop()
	for {
		p.mu.Lock()
		in, end := string(p.in), p.end
		n := enough(in, end)
		if n >= 0 {
			p.in = p.in[n:]
		}
		p.mu.Unlock()
		if n >= 0 {
			return in[:n]
		}
		if end != nil {
			require.FailNow(p.st.t, "the connection ended", "waiting for %q, have %q", what, in)
		}
		select {
		case <-p.grown:
		case <-timer.C:
			require.FailNow(p.st.t, "nothing more came", "waiting for %q, have %q", what, in)
		}
	}
}

// record is a Log that keeps its lines.
type record struct {
	tracing atomic.Bool

	mu    sync.Mutex
	lines []string
}

func (r *record) add(level, format string, v ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, level+" "+fmt.Sprintf(format, v...))
}

func (r *record) Noticef(format string, v ...any) { r.add("INF", format, v...) }
func (r *record) Warnf(format string, v ...any)   { r.add("WRN", format, v...) }
func (r *record) Errorf(format string, v ...any)  { r.add("ERR", format, v...) }
func (r *record) Debugf(format string, v ...any)  { r.add("DBG", format, v...) }
func (r *record) Tracef(format string, v ...any)  { r.add("TRC", format, v...) }
func (r *record) Tracing() bool                   { return r.tracing.Load() }

// text returns all lines, or those with the given beginnings.
func (r *record) text(levels ...string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, line := range r.lines {
		for _, level := range levels {
			if strings.HasPrefix(line, level) {
				b.WriteString(line + "\n")
			}
		}
		if len(levels) == 0 {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
