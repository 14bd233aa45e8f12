package auth

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseDN(t *testing.T) {
	const cn, o, ou, dc = "2.5.4.3", "2.5.4.10", "2.5.4.11", "0.9.2342.19200300.100.1.25"
	for text, want := range map[string]string{
		`CN=alice`:                       cn + `="alice"`,
		`cn = alice , O = Acme`:          cn + `="alice",` + o + `="Acme"`,
		`2.5.4.3=alice`:                  cn + `="alice"`,
		`CN=`:                            cn + `=""`,
		`CN=,O=x`:                        cn + `="",` + o + `="x"`,
		`CN=Alice Liddell`:               cn + `="Alice Liddell"`,
		`CN=a\,b\+c\"d\\e\<\>\;\=\#`:     cn + `="a,b+c\"d\\e<>;=#"`,
		`CN=a=b`:                         cn + `="a=b"`,
		`CN=\ a\ ,O=x`:                   cn + `=" a ",` + o + `="x"`,
		`CN=a\20`:                        cn + `="a "`,
		`CN=Lu\C4\8Di\C4\87`:             cn + `="Lučić"`,
		`CN=Lučić`:                       cn + `="Lučić"`,
		`OU=b+CN=a,DC=example,DC=com`:    ou + `="b"+` + cn + `="a",` + dc + `="example",` + dc + `="com"`,
		`CN=#0c05616c696365,O=x`:         cn + `="alice",` + o + `="x"`,
		`CN=#0c05616c696365+OU=b`:        ou + `="b"+` + cn + `="alice"`,
		`CN=#0C05616C696365 `:            cn + `="alice"`,
		`emailAddress=a@b.example,UID=u`: `1.2.840.113549.1.9.1="a@b.example",0.9.2342.19200300.100.1.1="u"`,
	} {
		d, ok := parseDN(text)
		require.True(t, ok, text)
		require.Equal(t, want, d.ordered(), text)
	}
	for _, text := range []string{
		"", "alice", "=", "=a", ",", "CN", "CN=a,", "CN=a+", ",CN=a", "CN=a,,O=b", "CN=a;O=b", `CN="a"`, `CN=a<b`, `CN=a\`, `CN=a\x`,
		`CN=a\4`, `CN=\ff`, "CN=a\x00", "CN=\xff", "XX=a", "2.5.4.=a", "2.05=a", "2.-5=a", ".=a", "2.99999999999999999999=a",
		"CN=#", "CN=#0", "CN=#0c", "CN=#0c0561", "CN=#020101", "CN=#0c0161ff", "CN=" + strings.Repeat("a", longestDN),
	} {
		_, ok := parseDN(text)
		require.False(t, ok, text)
	}
}

// Names are the same if their parts are, whatever the order inside a part.
func TestSameDN(t *testing.T) {
	parse := func(text string) dn {
		d, ok := parseDN(text)
		require.True(t, ok, text)
		return d
	}
	a := parse("CN=a+OU=b,DC=x,DC=y")
	require.Equal(t, a.ordered(), parse("ou=b + cn=a, dc=x, dc=y").ordered())
	require.NotEqual(t, a.ordered(), parse("DC=x,DC=y,OU=b+CN=a").ordered())
	require.Equal(t, a.sorted(), parse("DC=y,DC=x,OU=b+CN=a").sorted())
	require.NotEqual(t, a.sorted(), parse("CN=a,OU=b,DC=x,DC=y").sorted())
	require.NotEqual(t, a.sorted(), parse("CN=a+OU=b,DC=x,DC=x,DC=y").sorted())
	require.NotEqual(t, a.sorted(), parse("CN=A+OU=b,DC=x,DC=y").sorted(), "values differ by case")
}

// The name in a certificate is that of the text, whose first part is the last there.
func TestDNOfCertificate(t *testing.T) {
	der, err := asn1.Marshal(pkix.RDNSequence{
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: "SA"}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "Acme, Inc."}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "alice"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 11}, Value: "böse"}},
	})
	require.NoError(t, err)
	d, ok := dnOf(der)
	require.True(t, ok)
	want, ok := parseDN(`OU=böse+CN=alice,O=Acme\, Inc.,C=SA`)
	require.True(t, ok)
	require.Equal(t, want, d)

	_, ok = dnOf(append(der, 0))
	require.False(t, ok)
	_, ok = dnOf(der[:len(der)-1])
	require.False(t, ok)
	der, err = asn1.Marshal(pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: 7}}})
	require.NoError(t, err)
	_, ok = dnOf(der)
	require.False(t, ok, "a number is no name")
}

// FuzzParseDN: no text upsets the parser, and what it takes it takes again in the form in which
// package pkix would write it.
func FuzzParseDN(f *testing.F) {
	for _, s := range []string{
		"", "CN=a", `CN=a\,b,O=c+OU=d`, "CN=#0c05616c696365,DC=x", "2.5.4.3= x ", `CN=\C4\8D`, "CN=#", `CN=\`, "a=b,c=d", "CN=,CN=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := parseDN(text)
		if !ok {
			return
		}
		require.NotEmpty(t, d)
		require.LessOrEqual(t, len(d), len(text)/2)
		require.NotEmpty(t, d.sorted())
		again, ok := parseDN(" " + text)
		require.True(t, ok)
		require.Equal(t, d, again)
		twice, ok := parseDN(text + ",CN=z")
		require.True(t, ok)
		require.Equal(t, append(d, attribute("2.5.4.3", "z")), twice)
	})
}

// FuzzDNOf: no bytes upset the reader of names in DER.
func FuzzDNOf(f *testing.F) {
	der, err := asn1.Marshal(pkix.Name{CommonName: "alice", Organization: []string{"a", "b"}}.ToRDNSequence())
	require.NoError(f, err)
	f.Add(der)
	f.Add([]byte{0x30, 0})
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		if d, ok := dnOf(der); ok {
			_, _ = d.ordered(), d.sorted()
		}
	})
}
