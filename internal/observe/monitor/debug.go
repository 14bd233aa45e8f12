package monitor

import (
	"bytes"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
)

// mostStacks is the number of goroutines up to which all stacks are written out. To write them the
// whole process is stopped, which for many takes so long that traffic would notice.
const mostStacks = 1000

// stacks answers with the stacks of all goroutines or, if there are many, with the different ones
// and how many have each. It is text, though readers of this page expect the type of the others.
func stacks() *answer {
	var b bytes.Buffer
	style := 2 // as in a panic
	if runtime.NumGoroutine() > mostStacks {
		style = 1
	}
	_ = pprof.Lookup("goroutine").WriteTo(&b, style) // a buffer takes everything
	return &answer{code: http.StatusOK, kind: kindJSON, open: true, body: b.Bytes()}
}

// variables answers with the command line, as the process shows it after it has hidden what is
// secret in it, and with the statistics of the memory allocator.
func variables() *answer {
	var v struct {
		CommandLine []string          `json:"cmdline"`
		Memory      *runtime.MemStats `json:"memstats"`
	}
	v.CommandLine, v.Memory = os.Args, new(runtime.MemStats)
	runtime.ReadMemStats(v.Memory)
	a := jsonAnswer(&v, nil, "  ")
	a.kind, a.open = "application/json; charset=utf-8", false
	return a
}
