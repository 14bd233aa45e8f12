package report

import (
	"bytes"
	"os"
	"strconv"
)

// resident returns the bytes of the process that are in memory.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return mapped()
	}
	pages, ok := residentPages(b)
	if !ok {
		return mapped()
	}
	return pages * int64(os.Getpagesize())
}

// residentPages reads the second field of statm, the resident pages.
func residentPages(statm []byte) (int64, bool) {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages, err == nil
}
