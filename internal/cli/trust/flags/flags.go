// Package flags holds the flags of barid trust that describe claims: the limits of an account, what users
// and roles may do, and how long a token counts.
//
// The package knows no store and no keys. It starts no goroutine and has no lock; its values are for the
// one command that they were added to. Its errors are all errors of the command line.
package flags

import (
	"fmt"
	"strconv"
)

// number is a flag whose least value is -1, which stands for any number.
type number int64

// count makes a flag of a number with a default.
func count(to *int64, value int64) *number {
	*to = value
	return (*number)(to)
}

// String is the number in decimal.
func (n *number) String() string { return strconv.FormatInt(int64(*n), 10) }

// Type is how help shows the value.
func (n *number) Type() string { return "int64" }

// Set takes the text of a command line.
func (n *number) Set(text string) error {
	v, err := strconv.ParseInt(text, 0, 64)
	if err != nil || v < -1 {
		return fmt.Errorf("it has to be a number from 0, or -1 for any number")
	}
	*n = number(v)
	return nil
}
