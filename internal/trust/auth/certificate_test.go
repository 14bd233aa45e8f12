package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"slices"
	"testing"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/identity"
)

// certified makes a certificate of what matters in template.
func certified(t *testing.T, template x509.Certificate, subject ...pkix.RelativeDistinguishedNameSET) []*x509.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template.SerialNumber = big.NewInt(1)
	if subject != nil {
		template.RawSubject, err = asn1.Marshal(pkix.RDNSequence(subject))
		require.NoError(t, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, public, private)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return []*x509.Certificate{cert}
}

// is is a part of a subject with one attribute.
func is(value string, oid ...int) pkix.RelativeDistinguishedNameSET {
	return pkix.RelativeDistinguishedNameSET{{Type: oid, Value: value}}
}

func link(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

// A certificate is who the first of its names says that is a user's.
func TestCertificates(t *testing.T) {
	mail, host, uri := "alice@x.example", "alice.x.example", "spiffe://x.example/alice"
	full := x509.Certificate{
		EmailAddresses: []string{"other@x.example", mail}, DNSNames: []string{"other.x.example", host},
		URIs: []*url.URL{link(t, "spiffe://x.example/other"), link(t, uri)}, Subject: pkix.Name{CommonName: "alice", Organization: []string{"X"}},
	}
	dc := []int{0, 9, 2342, 19200300, 100, 1, 25}
	domain := []pkix.RelativeDistinguishedNameSET{is("com", dc...), is("example", dc...), is("b", 2, 5, 4, 11), is("a", 2, 5, 4, 11), is("alice", 2, 5, 4, 3)}

	for _, c := range []struct {
		name  string
		cert  []*x509.Certificate
		users []string // all that there are, last first; the first one is who it is
	}{
		{"email first", certified(t, full), []string{mail, host, uri, "CN=alice,O=X"}},
		{"then host", certified(t, full), []string{host, uri, "CN=alice,O=X"}},
		{"then URI", certified(t, full), []string{uri, "CN=alice,O=X"}},
		{"then subject", certified(t, full), []string{"CN=alice,O=X"}},
		{"subject as LDAP writes it", certified(t, full), []string{"cn=alice, o=X", "o=X,cn=alice"}},
		{"subject in another order", certified(t, full), []string{"O=X, CN=alice", "CN=alice"}},
		{"same order goes first", certified(t, x509.Certificate{}, domain...),
			[]string{"CN=alice,OU=a,OU=b,DC=example,DC=com", "DC=com,DC=example,OU=b,OU=a,CN=alice"}},
		{"any order with domain", certified(t, x509.Certificate{}, domain...), []string{"DC=com,DC=example,OU=b,OU=a,CN=alice"}},
		{"text with domain", certified(t, x509.Certificate{}, domain...), []string{"CN=alice,OU=b+OU=a,DC=com,DC=example", "CN=alice,OU=b+OU=a"}},
		{"text with domain, the other way", certified(t, x509.Certificate{}, domain...), []string{"CN=alice,OU=b+OU=a,DC=example,DC=com", "CN=alice,OU=b+OU=a"}},
		{"text without domain", certified(t, x509.Certificate{}, domain...), []string{"CN=alice,OU=b+OU=a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Certificates: true, Users: []User{{Name: "somebody"}}}
			for _, name := range slices.Backward(c.users) {
				cfg.Users = append(cfg.Users, User{Name: name, CertificateOnly: true})
			}
			l, log := newLogins(t, cfg)
			id, err := try(t, l, identity.Credentials{Certificates: c.cert})
			require.NoError(t, err)
			require.Equal(t, c.users[0], id.User)
			require.Empty(t, log.text())
		})
	}
}

// Of users that have the same name in other words, the first counts.
func TestSameNameTwice(t *testing.T) {
	cert := certified(t, x509.Certificate{Subject: pkix.Name{CommonName: "alice", Organization: []string{"X"}}})
	for _, names := range [][]string{{"CN = alice,O = X", "cn=alice,o=X"}, {"O = X,CN = alice", "o=X,cn=alice"}} {
		l, _ := newLogins(t, Config{Certificates: true, Users: []User{{Name: names[0]}, {Name: names[1]}}})
		id, err := try(t, l, identity.Credentials{Certificates: cert})
		require.NoError(t, err)
		require.Equal(t, names[0], id.User)
	}
}

func TestCertificateRules(t *testing.T) {
	cert := certified(t, x509.Certificate{EmailAddresses: []string{"first@x", "second@x"}})
	stranger := certified(t, x509.Certificate{EmailAddresses: []string{"stranger@x"}})
	key := newSigner(t, nkeys.CreateUser)
	users := []User{
		{Name: "first@x", Kinds: []identity.Kind{"MQTT"}},
		{Name: "second@x", Password: "pw"},
		{Name: "alice", Password: "wonder"},
		{Name: "open"},
		{NKey: key.public},
	}
	for _, c := range []struct {
		name string
		give identity.Credentials
		want string // user, empty for nobody
		log  string
	}{
		{"the first that may have the kind", identity.Credentials{Certificates: cert, Pass: "pw"}, "second@x", ""},
		{"of another kind", identity.Credentials{Certificates: cert, Kind: "MQTT"}, "first@x", ""},
		{"password is asked", identity.Credentials{Certificates: cert}, "", ""},
		{"password must be the user's", identity.Credentials{Certificates: cert, Pass: "wonder"}, "", ""},
		{"password where there is none", identity.Credentials{Certificates: cert, Kind: "MQTT", Pass: "x"}, "", ""},
		{"name does not count", identity.Credentials{Certificates: cert, User: "alice", Pass: "pw"}, "second@x",
			`WRN User "alice" found in connect proto, but user required from cert`},
		{"name and password of somebody else", identity.Credentials{Certificates: cert, User: "alice", Pass: "wonder"}, "",
			`WRN User "alice" found in connect proto, but user required from cert`},
		{"certificate of nobody", identity.Credentials{Certificates: stranger, User: "alice", Pass: "wonder"}, "", ""},
		{"no certificate", identity.Credentials{User: "alice", Pass: "wonder"}, "", ""},
		{"only the first certificate counts", identity.Credentials{Certificates: append(stranger, cert...), Pass: "pw"}, "", ""},
		{"nothing, not even a certificate", identity.Credentials{}, "open", ""},
		{"nothing but a stranger's certificate", identity.Credentials{Certificates: stranger}, "", ""},
		{"nkeys go first", identity.Credentials{Certificates: cert, Pass: "pw", NKey: key.public}, "", "DBG  - cid:0 - Signature missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, log := newLogins(t, Config{Users: users, Certificates: true, NoAuthUser: "open"})
			id, err := try(t, l, c.give)
			if c.want == "" {
				require.ErrorIs(t, err, identity.ErrDenied)
			} else {
				require.NoError(t, err)
				require.Equal(t, c.want, id.User)
			}
			require.Equal(t, c.log, log.text())
		})
	}

	l, _ := newLogins(t, Config{Users: users})
	_, err := try(t, l, identity.Credentials{Certificates: cert, Pass: "pw"})
	require.ErrorIs(t, err, identity.ErrDenied, "certificates count only where the configuration says so")
}

// A domain component that would need quotes cannot pretend to be several.
func TestADomainComponentInDisguise(t *testing.T) {
	dc := []int{0, 9, 2342, 19200300, 100, 1, 25}
	for _, parts := range [][]string{{"example,DC=com"}, {"com", "ex,ample"}, {"com", `a\`}, {"com", "evil+OU=x"}} {
		subject := []pkix.RelativeDistinguishedNameSET{is("alice", 2, 5, 4, 3)}
		for _, p := range parts {
			subject = append(subject, is(p, dc...))
		}
		l, _ := newLogins(t, Config{Certificates: true, Users: []User{
			{Name: "CN=alice,DC=example,DC=com"}, {Name: "CN=alice,DC=com"}, {Name: "CN=alice,DC=com,DC=evil+OU=x"},
		}})
		_, err := try(t, l, identity.Credentials{Certificates: certified(t, x509.Certificate{}, subject...)})
		require.ErrorIs(t, err, identity.ErrDenied, parts)
	}
}
