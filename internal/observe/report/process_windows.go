package report

import (
	"time"

	"golang.org/x/sys/windows"
)

// cpuTime returns the processor time that the process has used, in user and in system mode.
func cpuTime() time.Duration {
	var created, ended, system, user windows.Filetime
	if err := windows.GetProcessTimes(windows.CurrentProcess(), &created, &ended, &system, &user); err != nil {
		return 0
	}
	return span(system) + span(user)
}

// span reads a file time as a duration: it counts units of 100 ns.
func span(t windows.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime)) * 100
}

// maxFiles returns 0: handles have no such bound.
func maxFiles() uint64 { return 0 }
