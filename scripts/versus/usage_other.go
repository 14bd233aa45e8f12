//go:build !linux

package main

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

var errNotLinux = errors.New("versus measures by the means of Linux and runs nowhere else")

func cpuTime(int) (time.Duration, error) { return 0, errNotLinux }

func memory(int) (resident, peak int64, err error) { return 0, 0, errNotLinux }

func busyTime() (time.Duration, error) { return 0, errNotLinux }

func raiseFileLimit() (int, error) { return 0, errNotLinux }

func childAttributes() *syscall.SysProcAttr { return nil }

func machine() string { return runtime.GOOS }
