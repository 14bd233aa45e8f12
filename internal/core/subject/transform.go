package subject

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Bounds of a Transform, so that what it makes of a subject that somebody else chose stays small.
const (
	maxWildcards = 32       // of the source
	maxPieces    = 256      // tokens of the destination
	maxSource    = 4 << 10  // bytes of source and of destination
	maxAppended  = 64 << 10 // bytes of a new subject
)

// Faults of sources and destinations. The ones of functions begin with the words by which all
// servers of the protocol report them.
var (
	errSubject    = errors.New("invalid subject")
	errTooLong    = errors.New("invalid subject: too long or too many wildcards")
	errOnlyOnce   = errors.New("invalid mapping destination: wildcard used more than once")
	errNotAll     = errors.New("invalid mapping destination: not using all of the token wildcard(s)")
	errNotAllowed = errors.New("invalid mapping destination: the only mapping function allowed for import transforms is {{Wildcard()}}")
)

// Transform makes a new subject of one that matches a pattern. It is immutable.
type Transform struct {
	from   []string // tokens of the source
	to     []piece  // what the destination is made of, a piece for each token
	source string
	rename bool
}

// NewTransform returns the transform of an account's mapping, from the subjects that match source to
// destination. Tokens of the destination may be $n or {{wildcard(n)}} for the n-th wildcard of the
// source, {{partition(count,n,...)}}, {{split(n,delimiter)}}, {{splitFromLeft(n,at)}},
// {{splitFromRight(n,at)}}, {{sliceFromLeft(n,size)}}, {{sliceFromRight(n,size)}}, {{left(n,size)}},
// {{right(n,size)}} and {{random(count)}}; sizes are in bytes. The destination ends in ">" if and only
// if the source does, and has no other wildcard. A wildcard of the source need not be used.
func NewTransform(source, destination string) (*Transform, error) {
	return compile(source, destination, false)
}

// NewRename returns the transform of an import, from the subjects of the exporter that match source
// to the local ones. Every wildcard of the source stands in the destination exactly once, as $n or
// {{wildcard(n)}}; the n-th "*" of the destination counts as $n. So it can be reversed.
func NewRename(source, destination string) (*Transform, error) {
	return compile(source, destination, true)
}

func compile(source, destination string, rename bool) (*Transform, error) {
	if !ValidSubscription(source) || hasBlank(source) {
		return nil, errSubject
	}
	t := &Transform{from: strings.Split(source, "."), source: source, rename: rename}
	wildcards := 0
	for _, token := range t.from {
		if token == "*" {
			wildcards++
		}
	}
	if wildcards > maxWildcards || len(source) > maxSource || len(destination) > maxSource {
		return nil, errTooLong
	}
	var err error
	if t.to, err = parsePieces(destination, wildcards, rename); err != nil {
		return nil, err
	}
	if last := len(t.to) - 1; (t.from[len(t.from)-1] == ">") != (t.to[last].op == opRest) {
		return nil, errSubject
	}
	if rename {
		if err := t.checkReversible(wildcards); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// checkReversible makes sure that each wildcard is used once.
func (t *Transform) checkReversible(wildcards int) error {
	var used [maxWildcards + 1]bool
	for _, p := range t.to {
		if p.op != opWildcard {
			continue
		}
		if used[p.wildcard] {
			return errOnlyOnce
		}
		used[p.wildcard] = true
		wildcards--
	}
	if wildcards > 0 {
		return errNotAll
	}
	return nil
}

// Source returns the pattern of the subjects that are transformed.
func (t *Transform) Source() string { return t.source }

// Append appends to dst what the transform makes of a subject. It reports false, and returns dst as
// it was, if the subject does not match the source or becomes longer than 64 KiB. The subject may be a
// pattern that the source covers: its wildcards are tokens like others. Nothing is allocated but what
// dst needs to grow.
func (t *Transform) Append(dst, subject []byte) (out []byte, ok bool) {
	var found spans
	rest, ok := t.match(subject, &found)
	if !ok {
		return dst, false
	}
	out = dst
	for i := range t.to {
		if i > 0 {
			out = append(out, separator)
		}
		out = t.to[i].append(out, subject, &found, rest)
		if len(out)-len(dst) > maxAppended {
			return dst, false
		}
	}
	return out, true
}

// Matches reports whether a literal subject is one that the transform is for.
func (t *Transform) Matches(subject []byte) bool { return Matches(subject, t.source) }

// Reverse returns the transform that gives back the subjects that a rename was fed with.
func (t *Transform) Reverse() (*Transform, error) {
	if !t.rename {
		return nil, errNotAllowed
	}
	var place [maxWildcards + 1]int // of each wildcard of the source in the destination, from 1
	n := 0
	for _, p := range t.to {
		if p.op == opWildcard {
			n++
			place[p.wildcard] = n
		}
	}
	r := &Transform{source: t.Pattern(), rename: true}
	r.from = strings.Split(r.source, ".")
	r.to = make([]piece, 0, len(t.from)) // every import of every account has one
	n = 0
	for _, token := range t.from {
		p := piece{op: opLiteral, literal: token}
		switch token {
		case "*":
			n++
			p = piece{op: opWildcard, wildcard: place[n]}
		case ">":
			p = piece{op: opRest}
		}
		r.to = append(r.to, p)
	}
	return r, nil
}

// Pattern returns a subscription pattern that covers all that Append makes. A token that depends on
// the subject is "*" there, and a function that makes several tokens of one is a final ">".
func (t *Transform) Pattern() string {
	tokens := make([]string, 0, len(t.to))
	for _, p := range t.to {
		switch {
		case p.op == opLiteral:
			tokens = append(tokens, p.literal)
		case p.op == opRest || p.op.splits():
			return strings.Join(append(tokens, ">"), ".")
		default:
			tokens = append(tokens, "*")
		}
	}
	return strings.Join(tokens, ".")
}

// span is where a token begins and ends in a subject; spans are those of wildcards, from 1.
type (
	span  struct{ from, to int }
	spans [maxWildcards + 1]span
)

// match finds the wildcards of the source in a subject, and where the part begins that ">" stands for.
func (t *Transform) match(subject []byte, found *spans) (rest int, ok bool) {
	at, n := 0, 0
	for i, want := range t.from {
		if want == ">" {
			return at, !hasEmptyToken(subject[at:])
		}
		end := tokenEnd(subject, at)
		if end == at {
			return 0, false
		}
		if want == "*" {
			n++
			found[n] = span{at, end}
		} else if string(subject[at:end]) != want {
			return 0, false
		}
		last := i == len(t.from)-1
		if end == len(subject) || last {
			return 0, last && end == len(subject)
		}
		at = end + 1
	}
	return 0, false
}

// op is what a token of a destination does.
type op uint8

const (
	opLiteral op = iota
	opRest
	opWildcard
	opPartition
	opSplit
	opSplitFromLeft
	opSplitFromRight
	opSliceFromLeft
	opSliceFromRight
	opLeft
	opRight
	opRandom
)

// splits reports whether several tokens may come of one.
func (o op) splits() bool { return o >= opSplit && o <= opSliceFromRight }

// piece is a compiled token of a destination.
type piece struct {
	op       op
	wildcard int    // which one it is about, from 1
	size     int    // a place, size or count
	literal  string // the token, or the delimiter of split
	hashed   []int  // the wildcards that partition looks at
}

func (p *piece) append(out, subject []byte, found *spans, rest int) []byte {
	switch p.op {
	case opLiteral:
		return append(out, p.literal...)
	case opRest:
		return append(out, subject[rest:]...)
	case opRandom:
		return strconv.AppendInt(out, int64(rand.IntN(p.size)), 10)
	case opPartition:
		return strconv.AppendUint(out, uint64(p.partition(subject, found)), 10)
	}
	at := found[p.wildcard]
	token := subject[at.from:at.to]
	if p.op == opSplit {
		return appendSplit(out, token, p.literal)
	}
	if p.size <= 0 || p.size >= len(token) {
		return append(out, token...)
	}
	switch p.op {
	case opSplitFromLeft:
		return appendPair(out, token, p.size)
	case opSplitFromRight:
		return appendPair(out, token, len(token)-p.size)
	case opSliceFromLeft:
		return appendSlices(out, token, p.size, p.size)
	case opSliceFromRight:
		return appendSlices(out, token, len(token)%p.size, p.size)
	case opLeft:
		return append(out, token[:p.size]...)
	case opRight:
		return append(out, token[len(token)-p.size:]...)
	}
	return append(out, token...)
}

// partition spreads subjects evenly by the FNV-1a hash of some of their tokens, as clients and tools
// that know the partitions compute it.
func (p *piece) partition(subject []byte, found *spans) uint32 {
	h := uint32(2166136261)
	for _, n := range p.hashed {
		for _, b := range subject[found[n].from:found[n].to] {
			h = (h ^ uint32(b)) * 16777619
		}
	}
	return h % uint32(p.size)
}

func appendPair(out, token []byte, at int) []byte {
	out = append(append(out, token[:at]...), separator)
	return append(out, token[at:]...)
}

// appendSlices appends the token in slices of a size; the first one may be of another, or empty: then
// it is left out.
func appendSlices(out, token []byte, first, size int) []byte {
	if first == 0 {
		first = size
	}
	for len(token) > first {
		out = append(append(out, token[:first]...), separator)
		token, first = token[first:], size
	}
	return append(out, token...)
}

// appendSplit appends the parts between the delimiters. Empty parts are left out; a token that has
// no others stays as it is.
func appendSplit(out, token []byte, delimiter string) []byte {
	begin := len(out)
	for i := 0; i < len(token); {
		end := i
		for end < len(token) && !hasPrefix(token[end:], delimiter) {
			end++
		}
		if end > i {
			if len(out) > begin {
				out = append(out, separator)
			}
			out = append(out, token[i:end]...)
		}
		i = end + len(delimiter)
	}
	if len(out) == begin {
		return append(out, token...)
	}
	return out
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// hasBlank reports whether s has a byte that delimits arguments on the wire.
func hasBlank(s string) bool { return strings.ContainsAny(s, " \t\r\n\f\x00") }
