package report

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// ticksPerSecond is the unit of times in /proc, which is the same on all systems that Go supports.
const ticksPerSecond = 100

// measure fills in what only /proc tells.
func (u *Usage) measure() {
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if pages, _, ok := bytes.Cut(b, []byte(" ")); ok {
			n, _ := strconv.ParseInt(string(pages), 10, 64) // 0 if it is none
			u.Virtual = n * int64(os.Getpagesize())
		}
	}
	u.OpenFiles = openFiles()
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return
	}
	uptime, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return
	}
	if ticks, ok := startTicks(stat); ok {
		if up, ok := bootedFor(uptime); ok {
			u.Started = time.Now().Add(ticks - up)
		}
	}
}

// openFiles counts the open descriptors of the process.
func openFiles() int {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer dir.Close()
	n := -1 // not the one that reads
	for {
		names, err := dir.Readdirnames(1024)
		n += len(names)
		if err != nil || len(names) == 0 {
			return n
		}
	}
}

// startTicks reads the 22nd field of stat: the time from boot to the start of the process. The
// second field is the program's name in parentheses, which may hold blanks and parentheses.
func startTicks(stat []byte) (time.Duration, bool) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(fields[19]), 10, 64)
	return time.Duration(n) * (time.Second / ticksPerSecond), err == nil
}

// bootedFor reads the first field of uptime, seconds.
func bootedFor(uptime []byte) (time.Duration, bool) {
	first, _, _ := bytes.Cut(uptime, []byte(" "))
	seconds, err := strconv.ParseFloat(string(first), 64)
	return time.Duration(seconds * float64(time.Second)), err == nil
}
