// Package conf reads the language of configuration files: pairs of keys and values, with
// variables and includes resolved, each with the place where it stands.
//
// What keys mean it does not know. It imports nothing of barid, owns no goroutine and no lock. A
// Document may be read by many goroutines.
//
// Input is bounded: 8 MiB of files and environment variables, a million values, 128 maps and
// arrays in each other, and as much again as 8 MiB for what variables repeat. Values that were
// referred to are shared, not copied, so change nothing in a tree.
//
// Beyond what nats-server accepts it reads [1,2], absolute include paths, bcrypt hashes of any
// version without quotes, a byte-order mark, and block strings in files with CRLF. It refuses a
// NUL character, units like kbi, sizes that do not fit in 64 bits, a key that starts with a
// separator, and a key without a value before the end of a map.
package conf

import (
	"fmt"
	"time"
)

// Position is a place in a configuration. Line counts from 1; Column is the number of bytes
// between the line feed before and the place, so it counts from 0 on the first line and from 1
// on later ones.
type Position struct {
	File         string // as it was given to ParseFile or found from there; $NAME in the environment; empty for a text
	Line, Column int
}

// String returns the place as FILE:LINE:COLUMN, or LINE:COLUMN if there is no file.
func (p Position) String() string {
	if p.File == "" {
		return fmt.Sprintf("%d:%d", p.Line, p.Column)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Kind says what a Value is.
type Kind uint8

// The kinds of values.
const (
	String Kind = iota
	Integer
	Float
	Boolean
	Time
	Array
	Map
)

// String names the kind as error texts do.
func (k Kind) String() string {
	return [...]string{"string", "integer", "float", "boolean", "date", "array", "map"}[k]
}

// Value is one value of a configuration, with variables replaced.
type Value struct {
	Kind Kind
	// At is where the key of the value stands; for an element of an array, where the element does.
	// Of what has quotes it is the place behind the first one.
	At Position
	// Of these the one that Kind names is set.
	Text  string
	Int   int64
	Float float64
	Bool  bool
	Time  time.Time
	Items []*Value
	Map   *Block
}

// Pair is a key with its value.
type Pair struct {
	// Key as it is written in the file.
	Key   string
	At    Position
	Value *Value
	// Used says that the pair was referred to as a variable, and may be unknown otherwise.
	Used bool
}

// Block is a map in the order of its file. Of pairs with the same key only the last is kept, in
// the place where it stands.
type Block struct {
	Pairs []*Pair
}

// Document is a parsed configuration.
type Document struct {
	// File is its path as given to ParseFile.
	File string
	Root *Block
	// Digest identifies the contents: "sha256:" and 64 hexadecimal digits.
	Digest string
}
