package conn

import (
	"syscall"
	"unsafe"
)

// A system call that may block is announced to the Go scheduler, before and after. These two
// never wait, for their sockets are non-blocking: at the most they copy what fits a buffer. The
// announcements are a third of the cost of a small request and its reply, so they are left out.

// read is read(2).
func read(fd uintptr, p []byte) (int, error) { return call(syscall.SYS_READ, fd, p) }

// write is write(2).
func write(fd uintptr, p []byte) (int, error) { return call(syscall.SYS_WRITE, fd, p) }

func call(number, fd uintptr, p []byte) (int, error) {
	n, _, e := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}
