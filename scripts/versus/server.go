package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/baridmq/barid/scripts/versus/config"
	"github.com/baridmq/barid/scripts/versus/usage"
)

const (
	startLimit = 10 * time.Second // from the start of a server until its INFO
	stopLimit  = 5 * time.Second  // from the polite signal to the other one
)

// A target is a server under test: a child process that listens on loopback.
type target struct {
	config.Arrangement
	name    string // "peer" or "barid"
	addr    string
	version string
	cipher  string // how connections are encrypted; empty if they are not
	cmd     *exec.Cmd
	said    *tail
	stopped context.CancelFunc
}

// startServer starts binary on a free port and waits until it serves as arranged. The server ends with
// ctx or with stop.
func startServer(ctx context.Context, name, binary string, a config.Arrangement) (*target, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	t := &target{Arrangement: a, name: name, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), said: &tail{}}
	life, stopped := context.WithCancel(ctx)
	t.stopped = stopped
	t.cmd = exec.CommandContext(life, binary, append([]string{"-a", "127.0.0.1", "-p", strconv.Itoa(port)}, a.Args...)...)
	t.cmd.Cancel = func() error { return t.cmd.Process.Signal(os.Interrupt) }
	t.cmd.WaitDelay = stopLimit
	t.cmd.Stdout, t.cmd.Stderr = t.said, t.said
	t.cmd.SysProcAttr = usage.ChildAttributes()
	if err := t.cmd.Start(); err != nil {
		stopped()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	err = t.ready(ctx)
	if err == nil && a.Login != "" {
		err = t.refuses(ctx)
	}
	if err != nil {
		t.stop()
		return nil, fmt.Errorf("%s does not serve: %w; it said:\n%s", name, err, t.said)
	}
	return t, nil
}

// stop ends the server and waits until it is gone.
func (t *target) stop() {
	t.stopped()
	_ = t.cmd.Wait() // it was told to end; how it does is of no interest
}

func (t *target) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		c, err := t.dial(ctx, 4<<10)
		if err == nil {
			t.version, t.cipher = c.info.Version, c.cipher()
			c.close()
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// refuses makes sure that the server keeps strangers out and its user within the permissions: one that
// read over the configuration would have it cheap.
func (t *target) refuses(ctx context.Context) error {
	if c, err := dial(ctx, t.addr, config.Arrangement{TLS: t.TLS}, 4<<10); err == nil {
		c.close()
		return errors.New("it lets in who has no password")
	}
	c, err := t.dial(ctx, 4<<10)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.write(appendPub(nil, []byte(config.Forbidden), nil, nil)); err != nil {
		return err
	}
	if err := c.sync(nil); err == nil || !strings.Contains(err.Error(), "Permissions Violation") {
		return errors.Join(errors.New("it does not refuse what is denied"), err)
	}
	return nil
}

// A mark is the state of the clocks when a measured part begins.
type mark struct {
	at     time.Time
	server time.Duration // CPU time of the server
	own    time.Duration // CPU time of this process
	busy   time.Duration // CPU time of the whole machine
}

// mark begins a measured part.
func (t *target) mark() (mark, error) {
	m := mark{at: time.Now()}
	var errs [3]error
	m.server, errs[0] = usage.CPU(t.cmd.Process.Pid)
	m.own, errs[1] = usage.CPU(os.Getpid())
	m.busy, errs[2] = usage.Busy()
	return m, errors.Join(errs[:]...)
}

// since ends a measured part of ops operations.
func (t *target) since(m mark, ops int) (sample, error) {
	end, err := t.mark()
	if err != nil {
		return sample{}, err
	}
	s := sample{Ops: ops, Wall: end.at.Sub(m.at), CPU: end.server - m.server, Own: end.own - m.own}
	others := end.busy - m.busy - s.CPU - s.Own
	s.Others = max(0, others.Seconds()/s.Wall.Seconds()/float64(runtime.NumCPU()))
	return s, t.weigh(&s)
}

// weigh notes the memory that the server has now.
func (t *target) weigh(s *sample) error {
	var err error
	s.RSS, s.Peak, err = usage.Memory(t.cmd.Process.Pid)
	return err
}

// growth returns how much the server's resident memory has grown since it was before, for each of n.
func (s sample) growth(before sample, n int) float64 { return float64(s.RSS-before.RSS) / float64(n) }

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// info is the part of a server's INFO that is of interest here.
type info struct {
	Version string `json:"version"`
	TLS     bool   `json:"tls_required"`
}

func parseInfo(line []byte) (info, error) {
	var i info
	body, ok := bytes.CutPrefix(line, []byte("INFO "))
	if !ok {
		return i, fmt.Errorf("no INFO but %q", line)
	}
	err := json.Unmarshal(body, &i)
	return i, err
}

// A tail keeps the last bytes written to it.
type tail struct {
	mu struct {
		sync.Mutex
		kept []byte
	}
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.kept = append(t.mu.kept, p...)
	t.mu.kept = t.mu.kept[max(0, len(t.mu.kept)-tailSize):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.mu.kept)
}
