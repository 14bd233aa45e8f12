package callout

import (
	"context"
	"errors"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/core/guard"
	"github.com/baridmq/barid/internal/core/task"
)

const (
	// atOnce bounds the requests that one service has at a time. Other connections wait for their
	// turn, as long as for an answer.
	atOnce = 256
	// mostPorts bounds the accounts that have a port. Beyond fewPorts, those that were idle for
	// idleTime are closed.
	mostPorts = 1024
	fewPorts  = 32
	idleTime  = time.Minute
	// mostPending bounds the answers in one port that nobody has looked at, in bytes.
	mostPending = 8 << 20
)

var (
	errBusy   = errors.New("too many services are asked at a time")
	errClosed = errors.New("the server ends")
)

// Ports are the ways into the accounts of services. They outlive reloads: one of them is enough for a
// server. All methods may be called by any goroutine.
type Ports struct {
	// fixed
	tasks  *task.Group
	next   func() uint64
	atOnce int // requests in one account

	mu struct {
		guard.Leaf
		lines  map[*account.Account]*line
		closed bool
	}
}

// line is the way to one service.
type line struct {
	port  *port.Port
	turns chan struct{} // holds a token for each request that runs

	busy int       // requests that run or wait; guarded by Ports.mu
	last time.Time // when it was last used; guarded by Ports.mu
}

// NewPorts returns Ports whose goroutines belong to tasks. next makes numbers that no connection of the
// server has. Close must be called.
func NewPorts(tasks *task.Group, next func() uint64) *Ports {
	p := &Ports{tasks: tasks, next: next, atOnce: atOnce}
	p.mu.lines = map[*account.Account]*line{}
	return p
}

// Close ends what is asked now, and closes all ports.
func (p *Ports) Close() {
	p.mu.Lock()
	lines := p.mu.lines
	p.mu.lines, p.mu.closed = nil, true
	p.mu.Unlock()
	for _, l := range lines {
		l.port.Close()
	}
}

// request sends m in an account and returns the answer.
func (p *Ports) request(ctx context.Context, acc *account.Account, m func() (*port.Message, error)) (*port.Message, error) {
	l, err := p.enter(acc)
	if err != nil {
		return nil, err
	}
	defer p.leave(l)
	select {
	case l.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-l.turns }()
	out, err := m()
	if err != nil {
		return nil, err
	}
	return l.port.Request(ctx, out)
}

// enter returns the line of an account, which is not closed before leave.
func (p *Ports) enter(acc *account.Account) (*line, error) {
	if l, err := p.use(acc, nil); l != nil || err != nil {
		return l, err
	}
	l := &line{turns: make(chan struct{}, p.atOnce)}
	l.port = port.Open(port.Config{Account: acc, Tasks: p.tasks, Name: "callout", ID: p.next(), MaxPending: mostPending,
		Inbox: "$SYS._INBOX."})
	used, err := p.use(acc, l)
	if used != l {
		l.port.Close() // somebody else was faster, or there is no room
	}
	return used, err
}

// use returns the line of an account. If there is none it enters l, unless that is nil.
func (p *Ports) use(acc *account.Account, l *line) (*line, error) {
	now := time.Now()
	p.mu.Lock()
	if p.mu.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	var idle []*line
	if there := p.mu.lines[acc]; there != nil {
		l = there
	} else if l != nil {
		if idle = p.evictLocked(now); len(p.mu.lines) >= mostPorts {
			l = nil
		} else {
			p.mu.lines[acc] = l
		}
		if l == nil {
			p.mu.Unlock()
			return nil, errBusy
		}
	}
	if l != nil {
		l.busy++
		l.last = now
	}
	p.mu.Unlock()
	for _, l := range idle {
		l.port.Close()
	}
	return l, nil
}

// evictLocked makes room for one more line. Who calls it closes those that it returns.
func (p *Ports) evictLocked(now time.Time) (idle []*line) {
	if len(p.mu.lines) < fewPorts {
		return nil
	}
	var oldest *account.Account
	for acc, l := range p.mu.lines {
		switch {
		case l.busy > 0:
		case now.Sub(l.last) > idleTime:
			delete(p.mu.lines, acc)
			idle = append(idle, l)
		case oldest == nil || l.last.Before(p.mu.lines[oldest].last):
			oldest = acc
		}
	}
	if len(p.mu.lines) >= mostPorts && oldest != nil {
		idle = append(idle, p.mu.lines[oldest])
		delete(p.mu.lines, oldest)
	}
	return idle
}

// leave gives back what enter returned.
func (p *Ports) leave(l *line) {
	now := time.Now()
	p.mu.Lock()
	l.busy--
	l.last = now
	p.mu.Unlock()
}
