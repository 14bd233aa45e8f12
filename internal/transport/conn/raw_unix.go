//go:build unix

package conn

import (
	"net"
	"syscall"
)

// rawConn returns the descriptor of nc if it can be read and written without waiting, as that of
// a plain TCP or Unix socket, else nil.
func rawConn(nc net.Conn) syscall.RawConn {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		if raw, err := nc.(syscall.Conn).SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// readNow reads what is there; again says that nothing is.
func readNow(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		n, err = read(fd, p)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, true, nil
		}
		return max(n, 0), false, err
	}
}

// writeNow writes what the socket takes at once.
func writeNow(fd uintptr, p []byte) (int, error) {
	for {
		n, err := write(fd, p)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, nil
		}
		return max(n, 0), err
	}
}
