//go:build !linux

package config

// overwrite does nothing where the system keeps the arguments of a process to itself.
func overwrite(string) {}
