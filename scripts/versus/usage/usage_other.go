//go:build !linux

package usage

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

var errNotLinux = errors.New("versus measures by the means of Linux and runs nowhere else")

// CPU fails.
func CPU(int) (time.Duration, error) { return 0, errNotLinux }

// Memory fails.
func Memory(int) (resident, peak int64, err error) { return 0, 0, errNotLinux }

// Busy fails.
func Busy() (time.Duration, error) { return 0, errNotLinux }

// RaiseFileLimit fails.
func RaiseFileLimit() (int, error) { return 0, errNotLinux }

// ChildAttributes is nothing special.
func ChildAttributes() *syscall.SysProcAttr { return nil }

// Machine is the name of the system.
func Machine() string { return runtime.GOOS }
