package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
)

// digest is the keyed hash of a secret. All compares are between digests, so their time tells
// neither length nor content.
type digest [sha256.Size]byte

// secret is a password or token. The zero value matches nothing.
type secret struct {
	// known is the digest of the text that matches. Of a bcrypt hash it is that of the last one
	// that did, or nil: so a user whose connections all return at once costs one computation.
	known atomic.Pointer[digest]
	hash  []byte // the bcrypt hash, nil for none
	cost  int    // of hash: 2^cost rounds
	// wrong is the digest of the last text that Recheck found not to match hash, or nil.
	wrong atomic.Pointer[digest]
}

// checker compares secrets.
//
// A compare that fails does the work of one bcrypt computation of the highest cost among all
// secrets, or none if there is no hash at all: the time of a failure does not tell whether there
// is such a user, nor what kind of password it has.
type checker struct {
	key     [sha256.Size]byte
	highest int // cost; 0 for no hash
	// turns bounds the computations at a time, so that logins leave processors to messages.
	turns chan struct{}
	// compare is bcrypt.CompareHashAndPassword. Tests count its work.
	compare func(hash, password []byte) error
}

func newChecker() *checker {
	k := &checker{
		turns:   make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		compare: bcrypt.CompareHashAndPassword,
	}
	_, _ = rand.Read(k.key[:]) // never fails: the runtime ends the process instead
	return k
}

// keep makes s match text, or what text is the hash of. It reports false for what looks like a
// hash but cannot be one; nothing matches that.
func (k *checker) keep(s *secret, text string) bool {
	if !looksHashed(text) {
		d := k.digest(text)
		s.known.Store(&d)
		return true
	}
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || len(text) < hashLen || strings.Trim(text[saltAt:hashLen], alphabet) != "" {
		return false
	}
	s.hash, s.cost = []byte(text), cost
	k.highest = max(k.highest, cost)
	return true
}

// A bcrypt hash is "$2a$", two digits of cost, "$", 22 characters of salt and 31 of hash.
const (
	saltAt   = 7
	hashLen  = saltAt + 22 + 31
	alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// looksHashed reports whether a configured secret is to be taken for a bcrypt hash.
func looksHashed(s string) bool {
	digit := func(b byte) bool { return '0' <= b && b <= '9' }
	return len(s) >= saltAt && s[:2] == "$2" && strings.IndexByte("abxy", s[2]) >= 0 && s[3] == '$' &&
		digit(s[4]) && digit(s[5]) && s[6] == '$'
}

// digest returns the keyed hash of text.
func (k *checker) digest(text string) digest {
	var buf [128]byte // longer texts need memory
	return sha256.Sum256(append(append(buf[:0], k.key[:]...), text...))
}

// longestPassword is what bcrypt looks at, in bytes; the rest of a longer password is ignored.
const longestPassword = 72

// matches reports whether given is the secret s; nil is the secret of nobody. An error means
// that ctx ended before it was known.
func (k *checker) matches(ctx context.Context, s *secret, given string) (bool, error) {
	d := k.digest(given)
	if s.knows(&d) {
		return true, nil
	}
	if k.highest == 0 {
		return false, nil
	}
	if err := k.turn(ctx); err != nil {
		return false, err
	}
	defer k.pass()
	if s.knows(&d) { // another of its connections was first
		return true, nil
	}
	if !k.compute(s, []byte(given[:min(len(given), longestPassword)])) {
		return false, nil
	}
	s.known.Store(new(d))
	return true, nil
}

// turn waits until one more computation may begin. Without an error, pass must follow.
func (k *checker) turn(ctx context.Context) error {
	if ctx.Err() == nil {
		select {
		case k.turns <- struct{}{}:
			return nil
		case <-ctx.Done():
		}
	}
	return fmt.Errorf("auth: waiting to check a password: %w", ctx.Err())
}

// pass gives the turn back.
func (k *checker) pass() { <-k.turns }

// knows reports whether d is the digest of the text that s is known to match.
func (s *secret) knows(d *digest) bool {
	known := &digest{}
	if s != nil {
		if p := s.known.Load(); p != nil {
			known = p
		}
	}
	return subtle.ConstantTimeCompare(d[:], known[:]) == 1
}

// compute reports whether password has the hash of s. If not it has done the rounds of the
// highest cost: 2^c for the hash itself, and 2^c + 2^(c+1) + ... up to the highest for nothing.
func (k *checker) compute(s *secret, password []byte) bool {
	if s == nil || s.hash == nil {
		k.waste(k.highest, password)
		return false
	}
	if k.compare(s.hash, password) == nil {
		return true
	}
	for cost := s.cost; cost < k.highest; cost++ {
		k.waste(cost, password)
	}
	return false
}

// waste does the work of a compare and forgets what comes out.
func (k *checker) waste(cost int, password []byte) {
	_ = k.compare(fmt.Appendf(nil, "$2a$%02d$%s", cost, alphabet[:hashLen-saltAt]), password)
}
