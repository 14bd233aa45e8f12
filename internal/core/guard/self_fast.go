//go:build guard && (amd64 || arm64)

package guard

// self returns what tells the calling goroutine from all others that live: the address of the
// runtime's record of it. To ask for a stack trace instead, as self does elsewhere, takes
// several microseconds for each lock, and tests with deadlines would miss them.
//
//go:noescape
func self() uintptr
