package conf

import (
	"fmt"
	"time"
)

// Position is a place in a configuration. Line counts from 1; Column is the number of bytes
// between the line feed before and the place, so it counts from 0 on the first line and from 1
// on later ones.
type Position struct {
	File         string // as it was given to ParseFile; empty for a text
	Line, Column int
}

// String returns the place as FILE:LINE:COLUMN.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

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
	// Used says that the pair was referred to as a variable.
	Used bool
}

// Block is a map in the order of its file. Of pairs with the same key only the last is kept, in
// the place where it stands.
type Block struct {
	Pairs []*Pair
}

// Get returns the value of the given key, nil if there is none. Letters must match in case.
func (b *Block) Get(key string) *Value {
	for _, p := range b.Pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return nil
}

// Document is a parsed configuration.
type Document struct {
	// File is its path as given to ParseFile.
	File string
	Root *Block
	// Digest identifies the contents: "sha256:" and 64 hexadecimal digits.
	Digest string
}
