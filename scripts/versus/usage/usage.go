// Package usage tells what processes take of the machine: CPU time and memory. It knows nothing of what
// they do. It keeps no state, so that any goroutine may ask.
package usage
