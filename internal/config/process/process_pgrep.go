//go:build unix && !linux

package process

// processes returns those that run the program with that name.
func processes(name string) ([]int, error) { return byTool(name) }
