package report

import (
	"os"
	"runtime"

	"github.com/baridmq/barid/server/status"
)

// Variables reports the command line, as the process shows it after it has hidden what is secret in
// it, and the statistics of the memory allocator, for which the process is stopped for a moment.
func Variables() *status.ExpvarzStatus {
	stats := new(runtime.MemStats)
	runtime.ReadMemStats(stats)
	return &status.ExpvarzStatus{Memstats: stats, Cmdline: os.Args}
}
