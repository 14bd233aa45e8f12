// Package subject knows the grammar of subjects: what a token is, which subjects may be
// subscribed to or published, which pattern matches, covers or overlaps which, and how a subject
// is made of another one.
//
// It holds pure functions and immutable values; what is called for each message allocates nothing.
// It knows nothing of connections, accounts or indexes, starts no goroutine and owns no lock.
//
// A subject is a list of tokens separated by '.'. A token may hold any byte but the ones that
// delimit arguments on the wire (space, tab, CR, LF); these functions do not look for those,
// because a parser has already split at them. The tokens "*" and ">" are wildcards in a
// subscription and ordinary tokens in a published subject; "foo*" is never a wildcard.
package subject

// Text is what a subject may be given as.
type Text interface{ ~string | ~[]byte }

const (
	separator = '.'
	oneToken  = '*'
	allTokens = '>'
)

// ValidSubscription reports whether s may be subscribed to (NATS client protocol, SUB): at
// least one token, none of them empty, and ">" only as the last one.
func ValidSubscription[S Text](s S) bool {
	for i := 0; ; {
		e := tokenEnd(s, i)
		if e == i {
			return false
		}
		if e == len(s) {
			return true
		}
		if isToken(s, i, e, allTokens) {
			return false
		}
		i = e + 1
	}
}

// ValidPublish reports whether a pedantic connection may publish to s (NATS client protocol,
// PUB): at least one token, none of them empty and none a wildcard.
func ValidPublish[S Text](s S) bool {
	return !hasEmptyToken(s) && !HasWildcard(s)
}

// HasWildcard reports whether one of the tokens of s is exactly "*" or ">".
func HasWildcard[S Text](s S) bool {
	for i := 0; i < len(s); {
		e := tokenEnd(s, i)
		if isToken(s, i, e, oneToken) || isToken(s, i, e, allTokens) {
			return true
		}
		i = e + 1
	}
	return false
}

// Tokens returns the number of tokens of s, empty ones included; 0 for an empty s.
func Tokens[S Text](s S) int {
	if len(s) == 0 {
		return 0
	}
	n := 1
	for i := range len(s) {
		if s[i] == separator {
			n++
		}
	}
	return n
}

// hasEmptyToken reports whether s has an empty token; an empty s is one.
func hasEmptyToken[S Text](s S) bool {
	for i := 0; ; {
		e := tokenEnd(s, i)
		if e == i {
			return true
		}
		if e == len(s) {
			return false
		}
		i = e + 1
	}
}

// tokenEnd returns where the token that begins at from ends: the index of the next separator
// or the length of s.
func tokenEnd[S Text](s S, from int) int {
	for from < len(s) && s[from] != separator {
		from++
	}
	return from
}

// isToken reports whether the token s[i:e] is the one byte b.
func isToken[S Text](s S, i, e int, b byte) bool {
	return e-i == 1 && s[i] == b
}
