package usage

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the user and system time that a process has used so far, in nanoseconds and with
// the threads that have ended. It is the process's own CPU clock, which the kernel names by the
// process id (clock_getcpuclockid), not the tick counts of /proc/PID/stat (10 ms), and not the sum of
// /proc/PID/task/*/schedstat, which forgets a thread when it ends.
func CPU(pid int) (time.Duration, error) {
	const wholeProcess = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|wholeProcess), &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// Memory returns the resident bytes of a process and the most it ever had.
func Memory(pid int) (resident, peak int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for l := range strings.Lines(string(status)) {
		key, rest, _ := strings.Cut(l, ":")
		if key != "VmRSS" && key != "VmHWM" {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("memory of process %d: %w", pid, err)
		}
		if key == "VmRSS" {
			resident = kib << 10
		} else {
			peak = kib << 10
		}
	}
	return resident, peak, nil
}

// Busy returns the time that all CPUs together have not been idle, with what a hypervisor took away,
// in steps of 10 ms.
func Busy() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	const tick = 10 * time.Millisecond
	const idle, iowait, steal = 3, 4, 7 // fields of the first line; what follows is part of the others
	line, _, _ := strings.Cut(string(stat), "\n")
	var busy time.Duration
	for i, field := range strings.Fields(strings.TrimPrefix(line, "cpu ")) {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i != idle && i != iowait && i <= steal {
			busy += time.Duration(ticks) * tick
		}
	}
	return busy, nil
}

// RaiseFileLimit lets this process and its children open as many files as the system allows it, and
// returns that number.
func RaiseFileLimit() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	return int(min(limit.Cur, 1<<30)), nil
}

// ChildAttributes makes a child end when the thread that started it does, so that it does not outlive
// a killed parent. The threads of this program live as long as the program: none of its goroutines is
// locked to one.
func ChildAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// Machine describes where the figures come from.
func Machine() string {
	var u unix.Utsname
	_ = unix.Uname(&u)
	load, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%s %s, load %s at the start", unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:]), one)
}
