//go:build unix && !linux

package conn

import "syscall"

// read is read(2).
func read(fd uintptr, p []byte) (int, error) { return syscall.Read(int(fd), p) }

// write is write(2).
func write(fd uintptr, p []byte) (int, error) { return syscall.Write(int(fd), p) }
