//go:build !linux

package report

// resident returns an estimate of the bytes of the process that are in memory: such systems
// tell a process only its peak, or nothing at all, without calls from C.
func resident() int64 { return mapped() }
