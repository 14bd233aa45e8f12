//go:build guard && !amd64 && !arm64

package guard

import (
	"bytes"
	"runtime"
	"strconv"
)

// self returns what tells the calling goroutine from all others: its number, which the runtime
// tells only in the first line of a stack trace, "goroutine 12 [running]:".
func self() uintptr {
	var buf [64]byte
	line := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(line, []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 0)
	if err != nil {
		panic("guard: no goroutine number in a stack trace: " + err.Error())
	}
	return uintptr(id)
}
