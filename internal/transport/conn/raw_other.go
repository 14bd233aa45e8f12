//go:build !unix

package conn

import (
	"errors"
	"net"
	"syscall"
)

// rawConn returns nil: sockets are not tried without waiting on this system.
func rawConn(net.Conn) syscall.RawConn { return nil }

func readNow(uintptr, []byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }

func writeNow(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
