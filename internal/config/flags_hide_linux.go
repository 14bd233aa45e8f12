package config

import (
	"bytes"
	"os"
	"strconv"
	"unsafe"
)

// overwrite makes a part of an argument of this process unreadable for ps, which reads it from
// the memory of the process. The strings of os.Args point there, and nobody else does when main
// has just begun. Strings that are somewhere else are left alone.
func overwrite(s string) {
	from, to := argumentMemory()
	start := uintptr(unsafe.Pointer(unsafe.StringData(s)))
	if start < from || start+uintptr(len(s)) > to {
		return
	}
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	for i := copy(b, redacted); i < len(b); i++ {
		b[i] = ' '
	}
}

// argumentMemory is where the arguments of this process are in its memory; nowhere if the system
// does not say.
func argumentMemory() (from, to uintptr) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0
	}
	// The fields are counted from 1; the second is the name of the program, in brackets, and may
	// have blanks and brackets itself. See proc(5).
	const begin, end, behindName = 48, 49, 3
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= end-behindName {
		return 0, 0
	}
	number := func(i int) uintptr {
		n, _ := strconv.ParseUint(string(fields[i-behindName]), 10, strconv.IntSize) // 0 is nowhere
		return uintptr(n)
	}
	return number(begin), number(end)
}
