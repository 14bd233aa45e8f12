//go:build !unix

package process

import "errors"

// servers finds none: there is nothing that they could be sent.
func servers(string) ([]int, error) { return nil, errFindProcess }

// deliver fails: this system has no signals that a process could send to another one.
func deliver(Command, int) error { return errors.New("signals are not supported on this system") }
