package subject

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Faults of functions.
var (
	errFunction  = errors.New("unknown function")
	errRange     = errors.New("wildcard index out of range")
	errArguments = errors.New("function argument is invalid or in the wrong format")
	errTooFew    = errors.New("not enough arguments passed to the function")
	errTooMany   = errors.New("too many arguments passed to the function")
)

// parsePieces compiles a destination for a source with that many wildcards.
func parsePieces(destination string, wildcards int, rename bool) ([]piece, error) {
	tokens := strings.Split(destination, ".")
	if len(tokens) > maxPieces {
		return nil, errTooLong
	}
	pieces := make([]piece, 0, len(tokens))
	stars := 0
	for i, token := range tokens {
		var p piece
		var err error
		switch {
		case token == "" || token == ">" && i < len(tokens)-1:
			return nil, errSubject
		case token == ">":
			p.op = opRest
		case token == "*":
			stars++
			if !rename {
				return nil, errSubject
			}
			p = piece{op: opWildcard, wildcard: stars}
			err = inRange(stars, wildcards)
		default:
			p, err = parsePiece(token, wildcards)
		}
		if err == nil && rename && p.op > opWildcard {
			return nil, errNotAllowed
		}
		if err != nil {
			return nil, destinationError(err, token, rename)
		}
		if p.op == opLiteral && hasBlank(token) {
			return nil, errSubject
		}
		pieces = append(pieces, p)
	}
	return pieces, nil
}

// destinationError tells what is wrong with a token. About renames the words are those that tools
// look for, without the token.
func destinationError(err error, token string, rename bool) error {
	var index indexError
	switch {
	case errors.Is(err, errNotAllowed):
		return err
	case rename:
		return fmt.Errorf("invalid mapping destination: %w", err)
	case errors.As(err, &index):
		return fmt.Errorf("invalid mapping destination: %w in %s: [%d]", errRange, token, int(index))
	}
	return fmt.Errorf("invalid mapping destination: %w in %s", err, token)
}

// indexError is the number of a wildcard that the source does not have.
type indexError int

func (e indexError) Error() string { return errRange.Error() }

func inRange(n, wildcards int) error {
	if n < 1 || n > wildcards {
		return indexError(n)
	}
	return nil
}

// parsePiece compiles a token that is no wildcard.
func parsePiece(token string, wildcards int) (piece, error) {
	if number, ok := strings.CutPrefix(token, "$"); ok {
		if n, err := strconv.Atoi(number); err == nil {
			return piece{op: opWildcard, wildcard: n}, inRange(n, wildcards)
		}
	}
	call, ok := strings.CutPrefix(token, "{{")
	if !ok {
		return piece{op: opLiteral, literal: token}, nil
	}
	call, ok = strings.CutSuffix(call, "}}")
	name, arguments, open := strings.Cut(strings.TrimSpace(call), "(")
	arguments, shut := strings.CutSuffix(arguments, ")")
	if !ok || !open || !shut {
		return piece{}, errFunction
	}
	var list []string
	if strings.TrimSpace(arguments) != "" {
		list = strings.Split(arguments, ",")
	}
	return parseCall(strings.TrimSpace(name), list, wildcards)
}

// operation returns what the function of that name does. Capitals make no difference.
func operation(name string) (op, bool) {
	switch strings.ToLower(name) {
	case "wildcard":
		return opWildcard, true
	case "partition":
		return opPartition, true
	case "split":
		return opSplit, true
	case "splitfromleft":
		return opSplitFromLeft, true
	case "splitfromright":
		return opSplitFromRight, true
	case "slicefromleft":
		return opSliceFromLeft, true
	case "slicefromright":
		return opSliceFromRight, true
	case "left":
		return opLeft, true
	case "right":
		return opRight, true
	case "random":
		return opRandom, true
	}
	return opLiteral, false
}

func parseCall(name string, arguments []string, wildcards int) (piece, error) {
	o, ok := operation(name)
	if !ok {
		return piece{}, errFunction
	}
	least, most := 2, 2
	switch o {
	case opWildcard, opRandom:
		least, most = 1, 1
	case opPartition:
		most = maxWildcards + 1
	}
	if len(arguments) < least {
		return piece{}, errTooFew
	}
	if len(arguments) > most {
		return piece{}, errTooMany
	}
	if o == opPartition {
		return parsePartition(arguments, wildcards)
	}
	n, err := number(arguments[0])
	if err != nil {
		return piece{}, err
	}
	p := piece{op: o, wildcard: n}
	switch o {
	case opRandom:
		p.wildcard, p.size = 0, n
		return p, positive(n)
	case opWildcard:
	case opSplit:
		p.literal = strings.TrimSpace(arguments[1])
		if p.literal == "" || hasBlank(p.literal) {
			return piece{}, errArguments
		}
	default:
		if p.size, err = number(arguments[1]); err != nil {
			return piece{}, err
		}
	}
	return p, inRange(n, wildcards)
}

func parsePartition(arguments []string, wildcards int) (piece, error) {
	count, err := number(arguments[0])
	if err == nil {
		err = positive(count)
	}
	p := piece{op: opPartition, size: count}
	for _, a := range arguments[1:] {
		var n int
		if err == nil {
			n, err = number(a)
		}
		if err == nil {
			err = inRange(n, wildcards)
		}
		p.hashed = append(p.hashed, n)
	}
	return p, err
}

func number(s string) (int, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	if err != nil || n < 0 {
		return 0, errArguments
	}
	return int(n), nil
}

func positive(n int) error {
	if n < 1 || n > math.MaxInt32 {
		return errArguments
	}
	return nil
}
