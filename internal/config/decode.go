package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/server/options"
)

// Remarks are what a configuration file makes one say that is no error. Each is one line that
// begins with FILE:LINE:COLUMN, in the order of the file; those that need several keys come last.
type Remarks struct {
	// Warnings are probably mistakes: a server starts in spite of them, a test of the file fails.
	Warnings []string
	// Notes are about settings that are fine and have no effect on barid.
	Notes []string
}

// File reads the options of a configuration file. What the file does not name stays zero; the
// caller completes and validates the options, usually after the command line had its say. The
// error holds everything that is wrong with the file, a line for each, as FILE:LINE:COLUMN:
// reason; but of the language itself only the first error. It shows no value of a key that is for a
// password or token, as far as it could be read: errors of the language quote where they got stuck,
// such as numbers that are too large and names of variables.
func File(path string) (*options.Options, Remarks, error) {
	o := &options.Options{}
	remarks, err := Into(o, path)
	if err != nil {
		return nil, remarks, err
	}
	return o, remarks, nil
}

// Into is File for options that exist: what the file does not name keeps its value. Users,
// accounts and other lists that it names are replaced whole. With an error nothing is changed.
func Into(o *options.Options, path string) (Remarks, error) {
	doc, err := conf.ParseFile(path)
	if err != nil {
		return Remarks{}, err
	}
	return decodeDocument(o, doc)
}

// decodeDocument is Into for a parsed file.
func decodeDocument(o *options.Options, doc *conf.Document) (Remarks, error) {
	next := *o // everything it points to is replaced, never written through
	next.ConfigFile, next.ConfigDigest = doc.File, doc.Digest
	d := &decoder{file: conf.Position{File: doc.File, Line: 1}}
	if len(doc.Root.Pairs) == 0 {
		d.remarks.Warnings = append(d.remarks.Warnings, doc.File+": config has no values or is empty")
	}
	topLevel.decode(d, doc.Root, &next)
	d.entrants.settle(d, &next)
	if len(d.faults) > 0 {
		return d.remarks, errors.Join(d.faults...)
	}
	next.ConfigNotes = d.remarks.Notes
	*o = next
	return d.remarks, nil
}

// decoder collects what comes out of one file, besides the options.
type decoder struct {
	file     conf.Position // its beginning
	faults   []error       // each a *conf.Error
	remarks  Remarks
	entrants entrants
}

// fail notes what is wrong at a place. Faults that are found late, because two places contradict
// each other, are put where they belong in their file.
func (d *decoder) fail(at conf.Position, format string, v ...any) {
	place := len(d.faults)
	for i, err := range slices.Backward(d.faults) {
		other := err.(*conf.Error).At
		if other.File != at.File {
			continue
		}
		if !before(at, other) {
			break
		}
		place = i
	}
	d.faults = slices.Insert(d.faults, place, error(&conf.Error{At: at, Text: fmt.Sprintf(format, v...)}))
}

// before reports whether a stands before b in the file of both.
func before(a, b conf.Position) bool {
	return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
}

// warn notes a probable mistake in the use of a key.
func (d *decoder) warn(p *conf.Pair, format string, v ...any) {
	d.remarks.Warnings = append(d.remarks.Warnings,
		fmt.Sprintf("%s: invalid use of field %q: %s", p.At, p.Key, fmt.Sprintf(format, v...)))
}

// note notes that a key has no effect.
func (d *decoder) note(p *conf.Pair, why string) {
	d.remarks.Notes = append(d.remarks.Notes, fmt.Sprintf("%s: %q has no effect: %s", p.At, p.Key, why))
}

// block is the language of one kind of block: the keys that it knows.
type block[T any] struct {
	keys []key[T]
	// unknown is the error text for other keys, with %q for the key.
	unknown string
	// strict refuses other keys also if they were referred to as variables.
	strict bool
}

// decode puts what stands in the block b into to.
func (l block[T]) decode(d *decoder, b *conf.Block, to T) {
	for _, p := range b.Pairs {
		if k := l.find(p.Key); k != nil {
			k.set(d, p, to)
		} else if !p.Used || l.strict {
			d.fail(p.At, l.unknown, p.Key)
		}
	}
}

// find returns the row of a key, nil if there is none. The case of letters does not matter.
func (l block[T]) find(name string) *key[T] {
	for i := range l.keys {
		for known := range strings.FieldsSeq(l.keys[i].names) {
			if strings.EqualFold(known, name) {
				return &l.keys[i]
			}
		}
	}
	return nil
}

const unknownField = "unknown field %q"
