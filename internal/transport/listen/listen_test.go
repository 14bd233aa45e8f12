package listen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// open listens on a free port; connections are sent to the channel.
func open(t *testing.T) (*Listener, chan net.Conn) {
	t.Helper()
	served := make(chan net.Conn, 10)
	l, err := Listen(Config{
		Addr: "127.0.0.1:0", Name: "Client",
		Serve:  func(nc net.Conn) { served <- nc },
		Errorf: func(format string, v ...any) { t.Errorf(format, v...) },
	})
	require.NoError(t, err)
	return l, served
}

func dial(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	return nc
}

func TestConnectionsAreServed(t *testing.T) {
	l, served := open(t)
	require.NotZero(t, l.Addr().Port)
	early := dial(t, l) // it waits
	tasks := task.New(nil)
	l.Start(tasks)
	require.Equal(t, map[string]int{"acceptor": 1}, tasks.Running())
	for _, theirs := range []net.Conn{early, dial(t, l), dial(t, l)} {
		ours := <-served
		require.Equal(t, theirs.LocalAddr().String(), ours.RemoteAddr().String())
		_, err := io.WriteString(ours, "hello")
		require.NoError(t, err)
		ours.Close()
		got, err := io.ReadAll(theirs)
		require.NoError(t, err)
		require.Equal(t, "hello", string(got))
	}
	l.Close()
	require.Empty(t, tasks.Wait(lab.Patience))
	_, err := net.Dial("tcp", l.Addr().String())
	require.Error(t, err)
}

func TestAPortInUse(t *testing.T) {
	l, _ := open(t)
	defer l.Close()
	_, err := Listen(Config{Addr: l.Addr().String()})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	_, err = Listen(Config{Addr: "no such host or port"})
	require.Error(t, err)
}

// A listener that was never started holds its port until it is closed.
func TestCloseWithoutStart(t *testing.T) {
	l, _ := open(t)
	addr := l.Addr().String()
	l.Close()
	again, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	again.Close()
}

func TestStartAfterTheTasksEnded(t *testing.T) {
	l, _ := open(t)
	tasks := task.New(nil)
	tasks.Close()
	l.Start(tasks)
	require.Empty(t, tasks.Running())
	l.Close()
}

// faulty is a socket that yields what it is told, and then nothing.
type faulty struct {
	yields []error // nil: a connection
	closed chan struct{}
}

func (f *faulty) Accept() (net.Conn, error) {
	if len(f.yields) == 0 {
		<-f.closed
		return nil, &net.OpError{Op: "accept", Err: net.ErrClosed}
	}
	err := f.yields[0]
	f.yields = f.yields[1:]
	if err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	theirs.Close()
	return ours, nil
}

func (f *faulty) Close() error   { close(f.closed); return nil }
func (f *faulty) Addr() net.Addr { return &net.TCPAddr{} }

// accepting runs an acceptor on a faulty socket, in fake time. It returns what the acceptor did,
// with the milliseconds since the beginning.
func accepting(yields []error, until time.Duration) (did []string, late []string) {
	start := time.Now()
	note := func(format string, v ...any) {
		did = append(did, fmt.Sprintf("%d ", time.Since(start).Milliseconds())+fmt.Sprintf(format, v...))
	}
	l := &Listener{
		cfg: Config{Name: "Client", Errorf: note, Serve: func(nc net.Conn) {
			nc.Close()
			note("served")
		}},
		ln: &faulty{yields: yields, closed: make(chan struct{})}, stop: make(chan struct{}),
	}
	tasks := task.New(nil)
	l.Start(tasks)
	time.Sleep(until)
	l.Close()
	synctest.Wait()
	return did, tasks.Wait(0)
}

// errFull is what a process gets that has no file descriptors left.
var errFull = &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}

// Errors are waited out, longer and longer; the next connection ends that.
func TestErrorsAreWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		temporary := "Temporary Client Accept Error(" + errFull.Error() + "), sleeping "
		did, late := accepting([]error{errFull, errFull, nil, nil, errFull, nil}, time.Hour)
		require.Equal(t, []string{
			"0 " + temporary + "10ms", "10 " + temporary + "20ms", "30 served", "30 served", "30 " + temporary + "10ms", "40 served",
		}, did)
		require.Empty(t, late)
	})
}

func TestTheLongestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs []error
		for range 12 {
			errs = append(errs, errFull)
		}
		did, _ := accepting(append(errs, nil), time.Hour)
		require.Contains(t, did[6], ", sleeping 640ms")
		require.Contains(t, did[7], ", sleeping 1000ms")
		require.Contains(t, did[11], ", sleeping 1000ms")
		require.Equal(t, "6270 served", did[12])
	})
}

// An error that is not known to pass is told as such, and does not end the listener either.
func TestOtherErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		did, _ := accepting([]error{errors.New("odd"), nil}, time.Hour)
		require.Equal(t, []string{"0 Client Accept error: odd", "10 served"}, did)
	})
}

func TestPassing(t *testing.T) {
	for err, want := range map[error]bool{
		errFull:              true,
		syscall.ENFILE:       true,
		syscall.ECONNABORTED: true,
		syscall.ENOMEM:       true,
		syscall.EINVAL:       false,
		errors.New("odd"):    false,
	} {
		require.Equal(t, want, passing(err), "%v", err)
	}
}

// Closing ends a pause.
func TestCloseDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		did, late := accepting([]error{errFull, errFull, errFull}, 15*time.Millisecond)
		require.Len(t, did, 2)
		require.Empty(t, late)
	})
}

// A panic costs the connection that it was for, and no other.
func TestAPanicDoesNotEndAccepting(t *testing.T) {
	var panics atomic.Int64
	served := make(chan net.Conn, 10)
	l, err := Listen(Config{
		Addr: "127.0.0.1:0", Name: "Client",
		Serve: func(nc net.Conn) {
			if panics.Load() == 0 {
				panic("boom")
			}
			served <- nc
		},
		Errorf: t.Errorf,
	})
	require.NoError(t, err)
	tasks := task.New(func(string, any, []byte) { panics.Add(1) })
	l.Start(tasks)
	unlucky := dial(t, l)
	require.NoError(t, unlucky.SetDeadline(time.Now().Add(lab.Patience)))
	_, err = unlucky.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	dial(t, l)
	(<-served).Close()
	require.EqualValues(t, 1, panics.Load())
	l.Close()
	require.Empty(t, tasks.Wait(lab.Patience))
}
