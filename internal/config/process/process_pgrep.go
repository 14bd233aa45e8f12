//go:build unix && !linux

package process

// servers returns the processes that run the program with that name as a server.
func servers(name string) ([]int, error) { return byTool(name) }
