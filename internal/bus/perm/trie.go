package perm

import (
	"bytes"
	"slices"
	"strings"
)

// node is a node of a trie of patterns, one level for each token. A nil *node is an empty trie.
// A walk visits a node once at the most, and beside the literal path only those that wildcards
// of the patterns lead to.
type node struct {
	next  []branch         // for the literal tokens
	index map[string]*node // the same, once there are more than few
	one   *node            // for the token "*"
	end   *leaf            // the pattern that ends here
	rest  *leaf            // the pattern that ends with one more token, ">"
}

type branch struct {
	token string
	node  *node
}

// few is the number of branches up to which looking at each is faster than a map.
const few = 4

// leaf is where a pattern ends.
type leaf struct {
	queues *node // the patterns of the queues it is for; nil: for all
}

// query is what is asked of the patterns, beside a subject.
type query struct {
	queue  []byte // the leaf has to be for this queue; nil: for whichever
	covers bool   // the subject is one of a subscription, and all that it matches has to match
}

func (l *leaf) is(q query) bool {
	return l != nil && (q.queue == nil || l.queues == nil || l.queues.find(q.queue, query{}))
}

// add puts a valid pattern into the trie and returns where it ends.
func (n *node) add(pattern string) *leaf {
	for more := true; more; {
		var token string
		token, pattern, more = strings.Cut(pattern, ".")
		switch token {
		case ">":
			return made(&n.rest)
		case "*":
			n = made(&n.one)
		default:
			n = n.grow(token)
		}
	}
	return made(&n.end)
}

// grow returns the branch for token, which it makes if there is none.
func (n *node) grow(token string) *node {
	if child := n.branch([]byte(token)); child != nil {
		return child
	}
	child := new(node)
	token = strings.Clone(token) // and not the whole text that it is a part of
	n.next = append(n.next, branch{token, child})
	if len(n.next) <= few {
		return child
	}
	if n.index == nil {
		n.index = map[string]*node{}
		for _, b := range n.next {
			n.index[b.token] = b.node
		}
	}
	n.index[token] = child
	return child
}

// branch returns where a literal token leads, or nil.
func (n *node) branch(token []byte) *node {
	if n.index != nil {
		return n.index[string(token)]
	}
	for i := range n.next {
		if n.next[i].token == string(token) {
			return n.next[i].node
		}
	}
	return nil
}

// made returns *p, which it makes if it is nil.
func made[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

// find reports whether the trie has a pattern that matches s. The tokens "*" and ">" of s are
// matched by wildcards only, and so are empty ones.
func (n *node) find(s []byte, q query) bool {
	if n == nil {
		return false
	}
	for {
		if n.rest.is(q) {
			return true
		}
		token, more, last := cut(s)
		if q.covers && is(token, '>') {
			return false // only another ">" covers it
		}
		if n.one != nil && (last && n.one.end.is(q) || !last && n.one.find(more, q)) {
			return true
		}
		if n = n.branch(token); n == nil {
			return false
		}
		if last {
			return n.end.is(q)
		}
		s = more
	}
}

// overlaps reports whether the trie has a pattern that matches something that a subscription to
// s, which has to be a valid one, matches too.
func (n *node) overlaps(s []byte, q query) bool {
	if n == nil {
		return false
	}
	token, more, last := cut(s)
	all := is(token, '>')
	goesOn := func(n *node) bool {
		switch {
		case n == nil:
			return false
		case all:
			return n.end.is(q) || n.overlaps(s, q)
		case last:
			return n.end.is(q)
		}
		return n.overlaps(more, q)
	}
	if n.rest.is(q) || goesOn(n.one) {
		return true
	}
	if !all && !is(token, '*') {
		return goesOn(n.branch(token))
	}
	return slices.ContainsFunc(n.next, func(b branch) bool { return goesOn(b.node) })
}

// cut splits s after its first token.
func cut(s []byte) (token, more []byte, last bool) {
	if i := bytes.IndexByte(s, '.'); i >= 0 {
		return s[:i], s[i+1:], false
	}
	return s, nil, true
}

func is(token []byte, wildcard byte) bool { return len(token) == 1 && token[0] == wildcard }
