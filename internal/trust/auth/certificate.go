package auth

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"iter"
	"slices"
	"strings"

	"github.com/baridmq/barid/internal/bus/identity"
)

// byCertificate finds the user that the peer's certificate names. What CONNECT says of a user
// does not count, but its password must be the user's; mostly both are empty.
func (l *Logins) byCertificate(ctx context.Context, c *identity.Credentials, proxied bool) (*login, error) {
	in := l.certified(c)
	if in == nil {
		return nil, identity.ErrDenied
	}
	if c.User != "" {
		l.warnf("User %.128q found in connect proto, but user required from cert", c.User)
	}
	return l.bySecret(ctx, in, c.Pass, c.Kind, proxied)
}

// certified returns the user that the peer's certificate names, nil for nobody.
func (l *Logins) certified(c *identity.Credentials) *login {
	if len(c.Certificates) == 0 {
		return nil
	}
	for name := range l.subjects.candidates(c.Certificates[0]) {
		if in := l.users[name]; in != nil && in.takes(c.Kind) {
			return in
		}
	}
	return nil
}

// subjects are the names of users that are distinguished names too.
type subjects struct {
	ordered map[string]string // by what dn.ordered returns
	sorted  map[string]string // by what dn.sorted returns
}

// add enters name if it is a distinguished name. Of two that are the same, the first counts.
func (s *subjects) add(name string) {
	d, ok := parseDN(name)
	if !ok {
		return
	}
	if s.ordered == nil {
		s.ordered, s.sorted = map[string]string{}, map[string]string{}
	}
	if _, there := s.ordered[d.ordered()]; !there {
		s.ordered[d.ordered()] = name
	}
	if _, there := s.sorted[d.sorted()]; !there {
		s.sorted[d.sorted()] = name
	}
}

// candidates yields the names that cert stands for, the most telling first. They need not be
// those of users.
func (s *subjects) candidates(cert *x509.Certificate) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, names := range [][]string{cert.EmailAddresses, cert.DNSNames} {
			for _, name := range names {
				if !yield(name) {
					return
				}
			}
		}
		for _, u := range cert.URIs {
			if !yield(u.String()) {
				return
			}
		}
		for _, name := range s.subjectNames(cert) {
			if !yield(name) {
				return
			}
		}
	}
}

// subjectNames returns the candidates that come from the subject of cert: the user with the
// same name, then the one with the same parts in another order, then what package pkix makes
// of it as text, with and without the domain components that it leaves out.
func (s *subjects) subjectNames(cert *x509.Certificate) (names []string) {
	if d, ok := dnOf(cert.RawSubject); ok && len(d) > 0 {
		for _, name := range []string{s.ordered[d.ordered()], s.sorted[d.sorted()]} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	text := cert.Subject.ToRDNSequence().String()
	var parts []string
	plain := true // of what needs quoting nobody says how these texts quote it
	for _, a := range cert.Subject.Names {
		if value, ok := a.Value.(string); ok && a.Type.Equal(asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}) {
			parts = append(parts, ",DC="+value)
			plain = plain && !strings.ContainsAny(value, `,+="\<>;#`)
		}
	}
	if len(parts) > 0 && plain {
		// Tools print them either as the certificate has them or the other way round.
		names = append(names, text+strings.Join(parts, ""))
		slices.Reverse(parts)
		names = append(names, text+strings.Join(parts, ""))
	}
	return append(names, text)
}
