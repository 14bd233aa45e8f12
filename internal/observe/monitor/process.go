package monitor

import (
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"runtime/pprof"
	"time"

	"github.com/baridmq/barid/internal/observe/report"
)

// runtimeFigure is a metric of the Go runtime: the sum of some samples of package runtime/metrics,
// under the name and with the type that Prometheus users know from other Go programs.
type runtimeFigure struct {
	name, kind, help string
	sum              []string
}

// runtimeFigures lists them. The runtime tells all of them without stopping the program.
func runtimeFigures() []runtimeFigure {
	const heap, meta = "/memory/classes/heap/", "/memory/classes/metadata/"
	return []runtimeFigure{
		{"go_goroutines", gauge, "Number of goroutines that currently exist.", []string{"/sched/goroutines:goroutines"}},
		{"go_sched_gomaxprocs_threads", gauge, "Number of threads that may run Go code at the same time.",
			[]string{"/sched/gomaxprocs:threads"}},
		{"go_gc_gogc_percent", gauge, "Heap size target of the garbage collector.", []string{"/gc/gogc:percent"}},
		{"go_gc_gomemlimit_bytes", gauge, "Memory limit of the Go runtime.", []string{"/gc/gomemlimit:bytes"}},
		{"go_memstats_alloc_bytes", gauge, "Number of bytes allocated in heap and currently in use.",
			[]string{heap + "objects:bytes"}},
		{"go_memstats_alloc_bytes_total", counter, "Total number of bytes allocated in heap.", []string{"/gc/heap/allocs:bytes"}},
		{"go_memstats_mallocs_total", counter, "Total number of heap objects allocated.",
			[]string{"/gc/heap/allocs:objects", "/gc/heap/tiny/allocs:objects"}},
		{"go_memstats_frees_total", counter, "Total number of heap objects freed.",
			[]string{"/gc/heap/frees:objects", "/gc/heap/tiny/allocs:objects"}},
		{"go_memstats_heap_alloc_bytes", gauge, "Number of heap bytes allocated and currently in use.",
			[]string{heap + "objects:bytes"}},
		{"go_memstats_heap_objects", gauge, "Number of currently allocated objects.", []string{"/gc/heap/objects:objects"}},
		{"go_memstats_heap_idle_bytes", gauge, "Number of heap bytes waiting to be used.",
			[]string{heap + "released:bytes", heap + "free:bytes"}},
		{"go_memstats_heap_inuse_bytes", gauge, "Number of heap bytes that are in use.",
			[]string{heap + "objects:bytes", heap + "unused:bytes"}},
		{"go_memstats_heap_released_bytes", gauge, "Number of heap bytes released to the system.", []string{heap + "released:bytes"}},
		{"go_memstats_heap_sys_bytes", gauge, "Number of heap bytes obtained from the system.",
			[]string{heap + "objects:bytes", heap + "unused:bytes", heap + "released:bytes", heap + "free:bytes"}},
		{"go_memstats_next_gc_bytes", gauge, "Number of heap bytes when the next garbage collection will take place.",
			[]string{"/gc/heap/goal:bytes"}},
		{"go_memstats_stack_inuse_bytes", gauge, "Number of bytes of stacks in use.", []string{heap + "stacks:bytes"}},
		{"go_memstats_stack_sys_bytes", gauge, "Number of bytes of stacks obtained from the system.",
			[]string{heap + "stacks:bytes", "/memory/classes/os-stacks:bytes"}},
		{"go_memstats_mspan_inuse_bytes", gauge, "Number of bytes in use by mspan structures.", []string{meta + "mspan/inuse:bytes"}},
		{"go_memstats_mspan_sys_bytes", gauge, "Number of bytes of mspan structures obtained from the system.",
			[]string{meta + "mspan/inuse:bytes", meta + "mspan/free:bytes"}},
		{"go_memstats_mcache_inuse_bytes", gauge, "Number of bytes in use by mcache structures.", []string{meta + "mcache/inuse:bytes"}},
		{"go_memstats_mcache_sys_bytes", gauge, "Number of bytes of mcache structures obtained from the system.",
			[]string{meta + "mcache/inuse:bytes", meta + "mcache/free:bytes"}},
		{"go_memstats_buck_hash_sys_bytes", gauge, "Number of bytes used by profiling.", []string{"/memory/classes/profiling/buckets:bytes"}},
		{"go_memstats_gc_sys_bytes", gauge, "Number of bytes used for garbage collection metadata.", []string{meta + "other:bytes"}},
		{"go_memstats_other_sys_bytes", gauge, "Number of bytes used for other things of the runtime.",
			[]string{"/memory/classes/other:bytes"}},
		{"go_memstats_sys_bytes", gauge, "Number of bytes obtained from the system.", []string{"/memory/classes/total:bytes"}},
	}
}

// runtime adds what the Go runtime tells of itself.
func (m *metrics) runtime() {
	for _, f := range runtimeFigures() {
		samples := make([]runtimemetrics.Sample, len(f.sum))
		for i, name := range f.sum {
			samples[i].Name = name
		}
		runtimemetrics.Read(samples)
		sum, known := 0.0, true
		for _, s := range samples {
			if s.Value.Kind() == runtimemetrics.KindUint64 {
				sum += float64(s.Value.Uint64())
			} else {
				known = false // this version of Go does not have it
			}
		}
		if known {
			m.add(f.name, f.kind, f.help, sum)
		}
	}
	m.add("go_threads", gauge, "Number of OS threads created.", float64(pprof.Lookup("threadcreate").Count()))
	m.add("go_info", gauge, "Information about the Go environment.", 1, label{"version", runtime.Version()})
	m.pauses()
}

// pauses adds the stops of the program by the garbage collector.
func (m *metrics) pauses() {
	const name, help = "go_gc_duration_seconds", "Pause duration of garbage collection cycles."
	stats := debug.GCStats{PauseQuantiles: make([]time.Duration, 5)}
	debug.ReadGCStats(&stats)
	for i, q := range []string{"0", "0.25", "0.5", "0.75", "1"} {
		m.add(name, summary, help, stats.PauseQuantiles[i].Seconds(), label{"quantile", q})
	}
	m.addPart(name, "_sum", summary, help, stats.PauseTotal.Seconds())
	m.addPart(name, "_count", summary, help, float64(stats.NumGC))
	if !stats.LastGC.IsZero() {
		m.add("go_memstats_last_gc_time_seconds", gauge, "Unix time of the last garbage collection.",
			float64(stats.LastGC.UnixNano())/1e9)
	}
}

// process adds what the operating system tells of the process; what it does not tell is left out.
func (m *metrics) process(u report.Usage) {
	m.add("process_cpu_seconds_total", counter, "Total user and system CPU time spent in seconds.", u.CPU.Seconds())
	for _, f := range []struct {
		name, help string
		value      float64
	}{
		{"process_resident_memory_bytes", "Resident memory size in bytes.", float64(u.Resident)},
		{"process_virtual_memory_bytes", "Virtual memory size in bytes.", float64(u.Virtual)},
		{"process_open_fds", "Number of open file descriptors.", float64(u.OpenFiles)},
		{"process_max_fds", "Maximum number of open file descriptors.", float64(u.MaxFiles)},
	} {
		if f.value != 0 {
			m.add(f.name, gauge, f.help, f.value)
		}
	}
	if !u.Started.IsZero() {
		m.add("process_start_time_seconds", gauge, "Start time of the process since unix epoch in seconds.",
			float64(u.Started.UnixMilli())/1e3)
	}
}
