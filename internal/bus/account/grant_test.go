package account

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAuthorize(t *testing.T) {
	now := time.Unix(1000, 0)
	granted := func(g Grant) *Grant { return &g }
	for _, c := range []struct {
		name    string
		exports []Export
		imp     Import
		refused bool
		expires int64
	}{
		{"what is exported", []Export{{Subject: "a"}}, Import{Subject: "a"}, false, 0},
		{"a part of it", []Export{{Subject: "a.>"}}, Import{Subject: "a.*.b"}, false, 0},
		{"more than it", []Export{{Subject: "a.*"}}, Import{Subject: "a.>"}, true, 0},
		{"nothing", nil, Import{Subject: "a"}, true, 0},
		{"the other kind", []Export{{Subject: "a", Kind: Service}}, Import{Subject: "a"}, true, 0},
		{"to others", []Export{{Subject: "a", Accounts: []string{"C"}}}, Import{Subject: "a"}, true, 0},
		{"to nobody", []Export{{Subject: "a", Accounts: []string{}}}, Import{Subject: "a"}, true, 0},
		{"to it", []Export{{Subject: "a", Accounts: []string{"C", "B"}}}, Import{Subject: "a"}, false, 0},
		{"its own token", []Export{{Subject: "a.*", TokenPosition: 2}}, Import{Subject: "a.B"}, false, 0},
		{"that of others", []Export{{Subject: "a.*", TokenPosition: 2}}, Import{Subject: "a.C"}, true, 0},
		{"everybody's token", []Export{{Subject: "a.*", TokenPosition: 2}}, Import{Subject: "a.*"}, true, 0},
		{"the position alone counts", []Export{{Subject: "a.*", TokenPosition: 2, TokenRequired: true}}, Import{Subject: "a.B"}, false, 0},
		{"the very subject goes first", []Export{{Subject: "a.>"}, {Subject: "a.b", TokenRequired: true}}, Import{Subject: "a.b"}, true, 0},
		{"the most specific counts", []Export{{Subject: ">"}, {Subject: "a.>", TokenRequired: true}, {Subject: "*.b"}}, Import{Subject: "a.b"}, false, 0},
		{"whatever the order", []Export{{Subject: "*.b"}, {Subject: "a.*", TokenRequired: true}, {Subject: ">"}}, Import{Subject: "a.b"}, false, 0},
		{"no grant", []Export{{Subject: "a", TokenRequired: true}}, Import{Subject: "a"}, true, 0},
		{"a grant", []Export{{Subject: "a", TokenRequired: true}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "A"})}, false, 0},
		{"a wider one", []Export{{Subject: "a.>", TokenRequired: true}}, Import{Subject: "a.b", Grant: granted(Grant{Subject: "a.>", Issuer: "A"})}, false, 0},
		{"one for less", []Export{{Subject: "a.>", TokenRequired: true}}, Import{Subject: "a.>", Grant: granted(Grant{Subject: "a.b", Issuer: "A"})}, true, 0},
		{"a signer's", []Export{{Subject: "a", TokenRequired: true}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "S", IssuerAccount: "A"})}, false, 0},
		{"a signer's in no name", []Export{{Subject: "a", TokenRequired: true}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "S"})}, true, 0},
		{"a stranger's in its name", []Export{{Subject: "a", TokenRequired: true}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "X", IssuerAccount: "A"})}, true, 0},
		{"its own in a stranger's name", []Export{{Subject: "a", TokenRequired: true}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "A", IssuerAccount: "X"})}, true, 0},
		{"revoked", []Export{{Subject: "a", TokenRequired: true, Revoked: map[string]int64{"B": 5}}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "A", Issued: 5})}, true, 0},
		{"revoked for all", []Export{{Subject: "a", TokenRequired: true, Revoked: map[string]int64{"*": 6}}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "A", Issued: 5})}, true, 0},
		{"newer than that", []Export{{Subject: "a", TokenRequired: true, Revoked: map[string]int64{"*": 4, "B": 4, "C": 9}}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "A", Issued: 5})}, false, 0},
		{"expired", []Export{{Subject: "a", TokenRequired: true}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "A", Expires: 1000})}, true, 0},
		{"not yet", []Export{{Subject: "a", TokenRequired: true}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "A", Expires: 1001})}, false, 1001},
		{"not before", []Export{{Subject: "a", TokenRequired: true}}, Import{Subject: "a", Grant: granted(Grant{Subject: "a", Issuer: "A", NotBefore: 1001, Expires: 2000})}, true, 1001},
	} {
		for _, kind := range []Kind{Stream, Service} {
			a := &Spec{Name: "A", Signers: map[string]struct{}{"S": {}}}
			for _, e := range c.exports {
				e.Kind ^= kind
				a.Exports = append(a.Exports, e)
			}
			c.imp.Kind, c.imp.Account = kind, "A"
			e, expires, err := a.authorize(&c.imp, "B", now)
			switch {
			case !c.refused:
				require.NoError(t, err, c.name)
				require.NotNil(t, e, c.name)
			case kind == Stream:
				require.ErrorIs(t, err, ErrStreamNotAuthorized, c.name)
			default:
				require.ErrorIs(t, err, ErrServiceNotAuthorized, c.name)
			}
			if c.expires > 0 {
				require.Equal(t, time.Unix(c.expires, 0), expires, c.name)
			} else {
				require.Zero(t, expires, c.name)
			}
		}
	}
}

// everything is exported by an account.
var everything = []Export{{Subject: ">"}, {Subject: ">", Kind: Service}}

func TestCheck(t *testing.T) {
	spec := func(name string, imports ...Import) Spec {
		return Spec{Name: name, Exports: everything, Imports: imports}
	}
	from := func(kind Kind, account, subject, local string) Import {
		return Import{Kind: kind, Account: account, Subject: subject, Local: local}
	}
	for _, c := range []struct {
		name  string
		specs []Spec
		err   string
	}{
		{"nothing", nil, ""},
		{"a chain", []Spec{spec("A", from(Stream, "B", "a", "b")), spec("B", from(Stream, "C", "a", ""))}, "account missing"},
		{"a good chain", []Spec{spec("C"), spec("A", from(Stream, "B", "a", "b")), spec("B", from(Stream, "C", "a", ""))}, ""},
		{"a stream twice", []Spec{spec("A"), spec("B", from(Stream, "A", "a", "b"), from(Stream, "A", "a", "c"))}, "stream import already exists"},
		{"a stream of two", []Spec{spec("A"), spec("C"), spec("B", from(Stream, "A", "a", ""), from(Stream, "C", "a", ""))}, ""},
		{"a service twice", []Spec{spec("A"), spec("B", from(Service, "A", "a", "x"), from(Service, "A", "b", "x"))},
			`duplicate service import subject "x", previously used in import for account "A", subject "a"`},
		{"a service of two", []Spec{spec("A"), spec("C"), spec("B", from(Service, "A", "a", "x"), from(Service, "C", "b", "x"))}, ""},
		{"two that import from each other", []Spec{spec("A", from(Service, "B", "x", "y")), spec("B", from(Service, "A", "y", "x"))}, "import forms a cycle"},
		{"other subjects are no cycle", []Spec{spec("A", from(Service, "B", "x", "y")), spec("B", from(Service, "A", "z", "x"))}, ""},
		{"other kinds are none", []Spec{spec("A", from(Service, "B", "x", "y")), spec("B", from(Stream, "A", "y", "x"))}, ""},
		{"of three", []Spec{spec("A", from(Stream, "B", "b.>", "a.>")), spec("B", from(Stream, "C", "c.*", "b.$1")), spec("C", from(Stream, "A", "a.x", "c.x"))}, "import forms a cycle"},
		{"with itself", []Spec{spec("A", from(Stream, "A", "a", ""))}, "import forms a cycle"},
		{"with itself elsewhere", []Spec{spec("A", from(Stream, "A", "a", "b"))}, ""},
		{"a bad renaming", []Spec{spec("A"), spec("B", from(Stream, "A", "a.*.*", "b.$1"))}, "invalid mapping destination: not using all of the token wildcard(s)"},
		{"a bad subject", []Spec{spec("A"), spec("B", from(Stream, "A", "a..b", ""))}, "invalid subject"},
	} {
		err := NewRegistry().Check(c.specs)
		if c.err == "" {
			require.NoError(t, err, c.name)
			continue
		}
		require.ErrorContains(t, err, c.err, c.name)
		var e *ImportError
		require.True(t, errors.As(err, &e), c.name)
		require.NotNil(t, e.Import, c.name)
		require.NotEmpty(t, e.Account, c.name)
	}
}

// Which import is out of force for a cycle depends on which came last, and it comes back when the other goes.
func TestCyclesInARegistry(t *testing.T) {
	r := NewRegistry()
	put := func(name string, imports ...Import) { r.Put(Spec{Name: name, Exports: everything, Imports: imports}) }
	put("B")
	put("A", Import{Kind: Service, Account: "B", Subject: "x", Local: "y"})
	put("B", Import{Kind: Service, Account: "A", Subject: "y", Local: "x"})
	require.NoError(t, r.Get("A").Imports()[0].Err)
	require.ErrorIs(t, r.Get("B").Imports()[0].Err, ErrCycle)
	put("A")
	require.NoError(t, r.Get("B").Imports()[0].Err)
	put("A", Import{Kind: Service, Account: "B", Subject: "x", Local: "y"})
	require.ErrorIs(t, r.Get("A").Imports()[0].Err, ErrCycle)
}

func TestRewireSeesGrantsThatEnded(t *testing.T) {
	r := NewRegistry()
	soon := time.Now().Unix() + 1
	r.Put(Spec{Name: "A", Exports: []Export{{Subject: "a", TokenRequired: true}}})
	b := r.Put(Spec{Name: "B", Imports: []Import{{Account: "A", Subject: "a", Grant: &Grant{Subject: ">", Issuer: "A", Expires: soon}}}})
	if time.Now().Unix() < soon {
		require.NoError(t, b.Imports()[0].Err)
		require.Equal(t, time.Unix(soon, 0), b.Imports()[0].Expires)
	}
	require.Eventually(t, func() bool {
		r.Rewire("B")
		return b.Imports()[0].Err != nil
	}, 5*time.Second, 20*time.Millisecond)
	require.ErrorIs(t, b.Imports()[0].Err, ErrStreamNotAuthorized)
	r.Rewire("nobody")
}

func TestSystemImports(t *testing.T) {
	r := NewRegistry()
	r.Put(Spec{Name: "SYS", Limits: Unlimited(), Exports: SystemExports()})
	a := r.Put(Spec{Name: "A", Limits: Unlimited(), Imports: SystemImports("SYS", "A")})
	require.Len(t, a.Imports(), 4)
	for _, i := range a.Imports() {
		require.NoError(t, i.Err, i.Import.Subject)
	}
	require.Equal(t, 4, a.Subscriptions())
	require.Empty(t, SystemImports("SYS", "SYS"))
	require.Empty(t, SystemImports("", "A"))
	require.Empty(t, SystemImports("SYS", "a b"))
	require.Error(t, r.Check([]Spec{{Name: "SYS", Exports: SystemExports()}, {Name: "A", Imports: SystemImports("SYS", "B")}}))
}

// Thousands of accounts that import from one are wired in no time that anybody would notice.
func TestManyAccounts(t *testing.T) {
	r := NewRegistry()
	began := time.Now()
	name := func(i int) string { return "A" + string(newTokenFor(i)) }
	for i := range 3000 {
		n := name(i)
		r.Put(Spec{Name: n, Limits: Unlimited(), Imports: SystemImports("SYS", n)})
	}
	r.Put(Spec{Name: "SYS", Limits: Unlimited(), Exports: SystemExports()})
	r.Put(Spec{Name: "SYS", Limits: Unlimited(), Exports: SystemExports()})
	for _, i := range r.Get(name(2999)).Imports() {
		require.NoError(t, i.Err)
	}
	require.Less(t, time.Since(began), time.Minute)
}

func newTokenFor(i int) []byte {
	var out []byte
	for ; i > 0; i /= 62 {
		out = append(out, base62[i%62])
	}
	return append(out, 'x')
}
