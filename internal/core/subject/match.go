package subject

// Matches reports whether a message published to subject reaches a subscription to pattern.
// The subject is taken literally: its tokens "*" and ">" are matched by wildcards only. A
// subject with an empty token is matched by nothing, and an invalid pattern matches nothing.
func Matches[S, P Text](subject S, pattern P) bool {
	for i, j := 0, 0; ; i, j = i+1, j+1 {
		from := i
		switch wildcardAt(pattern, j) {
		case allTokens:
			return j+1 == len(pattern) && !hasEmptyToken(subject[i:])
		case oneToken:
			i, j = tokenEnd(subject, i), j+1
		default:
			for i < len(subject) && j < len(pattern) && subject[i] == pattern[j] && subject[i] != separator {
				i, j = i+1, j+1
			}
			if !endsAt(subject, i) || !endsAt(pattern, j) {
				return false
			}
		}
		if i == from {
			return false
		}
		if i == len(subject) || j == len(pattern) {
			return i == len(subject) && j == len(pattern)
		}
	}
}

// Covers reports whether every subject that sub can match is matched by pattern. Both are
// subscription subjects; the answer is false if one of them is not valid.
func Covers[P, S Text](pattern P, sub S) bool {
	for i, j := 0, 0; ; {
		ie, je := tokenEnd(pattern, i), tokenEnd(sub, j)
		switch {
		case ie == i || je == j:
			return false
		case isToken(pattern, i, ie, allTokens):
			return ie == len(pattern) && ValidSubscription(sub[j:])
		case isToken(sub, j, je, allTokens):
			return false
		case isToken(pattern, i, ie, oneToken):
		case isToken(sub, j, je, oneToken) || !sameToken(pattern, i, ie, sub, j, je):
			return false
		}
		if ie == len(pattern) || je == len(sub) {
			return ie == len(pattern) && je == len(sub)
		}
		i, j = ie+1, je+1
	}
}

// Overlaps reports whether there is a subject that both a and b match. Both are subscription
// subjects; the answer is false if one of them is not valid.
func Overlaps[A, B Text](a A, b B) bool {
	for i, j := 0, 0; ; {
		ie, je := tokenEnd(a, i), tokenEnd(b, j)
		switch {
		case ie == i || je == j:
			return false
		case isToken(a, i, ie, allTokens) || isToken(b, j, je, allTokens):
			return ValidSubscription(a[i:]) && ValidSubscription(b[j:])
		case isToken(a, i, ie, oneToken) || isToken(b, j, je, oneToken):
		case !sameToken(a, i, ie, b, j, je):
			return false
		}
		if ie == len(a) || je == len(b) {
			return ie == len(a) && je == len(b)
		}
		i, j = ie+1, je+1
	}
}

// Intersect returns the pattern of the subjects that both a and b match. Both are subscription
// subjects; it reports false if no subject matches both or one of them is not valid.
func Intersect(a, b string) (string, bool) {
	if !Overlaps(a, b) {
		return "", false
	}
	out := make([]byte, 0, max(len(a), len(b)))
	for i, j := 0, 0; ; {
		ie, je := tokenEnd(a, i), tokenEnd(b, j)
		switch {
		case isToken(a, i, ie, allTokens):
			return string(append(out, b[j:]...)), true
		case isToken(b, j, je, allTokens):
			return string(append(out, a[i:]...)), true
		case isToken(a, i, ie, oneToken):
			out = append(out, b[j:je]...)
		default:
			out = append(out, a[i:ie]...)
		}
		if ie == len(a) {
			return string(out), true
		}
		out = append(out, separator)
		i, j = ie+1, je+1
	}
}

// sameToken reports whether a[i:ie] and b[j:je] hold the same bytes. It is a loop because a
// comparison through strings allocates where the compiler does not see the types.
func sameToken[A, B Text](a A, i, ie int, b B, j, je int) bool {
	if ie-i != je-j {
		return false
	}
	for ; i < ie; i, j = i+1, j+1 {
		if a[i] != b[j] {
			return false
		}
	}
	return true
}

// endsAt reports whether a token of s ends at i.
func endsAt[S Text](s S, i int) bool {
	return i == len(s) || s[i] == separator
}

// wildcardAt returns the wildcard that is the token of s beginning at i, or 0.
func wildcardAt[S Text](s S, i int) byte {
	if i < len(s) && (s[i] == oneToken || s[i] == allTokens) && endsAt(s, i+1) {
		return s[i]
	}
	return 0
}
