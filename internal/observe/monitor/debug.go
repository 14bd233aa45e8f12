package monitor

import (
	"bytes"
	"net/http"
	"runtime"
	"runtime/pprof"

	"github.com/baridmq/barid/internal/observe/report"
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

// variables answers with what the process tells of itself.
func variables() *answer {
	a := jsonAnswer(report.Variables(), nil, "  ")
	a.kind, a.open = "application/json; charset=utf-8", false
	return a
}
