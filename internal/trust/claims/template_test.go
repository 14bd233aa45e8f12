package claims

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/perm"
)

// templated expands the lists of a scope for a user.
func templated(t *testing.T, lists jwt.Permissions, user func(*jwt.UserClaims)) (perm.Rules, *jwt.UserClaims, *Account, error) {
	t.Helper()
	w := newWorld(t)
	key := newSigner(t, nkeys.CreateAccount)
	a := w.load(t, func(c *jwt.AccountClaims) {
		s := jwt.NewUserScope()
		s.Key, s.Template.Permissions = key.public, lists
		c.SigningKeys.AddScopedSigner(s)
		c.Tags.Add("zone:eu", "zone:us")
	})
	u := w.userClaims(t, key, func(c *jwt.UserClaims) {
		c.SetScoped(true)
		c.Tags.Add("team:red", "team:blue", "n:1", "odd:a b")
		if user != nil {
			user(c)
		}
	})
	r, err := a.signers[key.public].expand(u, a)
	if _, whole := a.Rights(u); err != nil {
		require.ErrorIs(t, whole, ErrTemplate)
	} else {
		require.NoError(t, whole)
	}
	return r, u, a, err
}

func TestOperationsOfTemplates(t *testing.T) {
	for entry, want := range map[string][]string{
		"plain.>":                               {"plain.>"},
		"u.{{name()}}.>":                        {"u.alice.>"},
		"u.{{ NAME() }}":                        {"u.alice"},
		"{{account-name()}}.{{name()}}":         {"team.alice"},
		"t.{{tag(team)}}":                       {"t.red", "t.blue"},
		"t.{{tag(TEAM)}}":                       {"t.red", "t.blue"},
		"{{tag(team)}}.{{account-tag(zone)}}":   {"red.eu", "red.us", "blue.eu", "blue.us"},
		"{{tag(team)}}.{{tag(team)}}":           {"red.red", "blue.blue"},
		"{{tag(team)}}.{{ tag(team)}}":          {"red.red", "red.blue", "blue.red", "blue.blue"},
		"{{tag(none)}}.x":                       nil,
		"{{TAG(team)}}.x":                       nil,
		"{{tag(odd)}}":                          nil,
		"{{name()":                              {"{{name()"},
		"x.{{name()}}.{{tag(n)}}.{{tag(team)}}": {"x.alice.1.red", "x.alice.1.blue"},
	} {
		r, _, _, err := templated(t, jwt.Permissions{Pub: jwt.Permission{Allow: jwt.StringList{"o.{{name()}}", entry}}}, nil)
		require.NoError(t, err, entry)
		require.Equal(t, append([]string{"o.alice"}, want...), r.Publish.Allow, entry)
	}
	r, u, _, err := templated(t, jwt.Permissions{Sub: jwt.Permission{Allow: jwt.StringList{"{{subject()}}", "{{account-subject()}}", "q.{{name()}} queue.{{name()}}"}}}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{u.Subject, u.IssuerAccount, "q.alice queue.alice"}, r.Subscribe.Allow)
}

func TestTemplatesThatAreRefused(t *testing.T) {
	deny := func(entry string) jwt.Permissions {
		return jwt.Permissions{Sub: jwt.Permission{Deny: jwt.StringList{entry}}}
	}
	for entry, text := range map[string]string{
		"{{tag(none)}}.x": `generated invalid subject "{{tag(none)}}.x": "{{tag(none)}}" is not defined`,
		"{{tag(odd)}}":    `generated invalid subject "a b"`,
		"{{other()}}":     `template operation in "{{other()}}": "{{other()}}" is not defined`,
	} {
		_, _, _, err := templated(t, deny(entry), nil)
		require.EqualError(t, err, text)
	}
	_, _, _, err := templated(t, jwt.Permissions{Pub: jwt.Permission{Allow: jwt.StringList{"{{other()}}"}}}, nil)
	require.Error(t, err, "what nobody understands allows nothing")
	_, _, _, err = templated(t, deny("u.{{name()}}.x"), func(u *jwt.UserClaims) { u.Name = "bob smith" })
	require.EqualError(t, err, `generated invalid subject "u.bob smith.x"`)
}

func TestNamesThatMakeNoSubject(t *testing.T) {
	r, _, _, err := templated(t, jwt.Permissions{Pub: jwt.Permission{Allow: jwt.StringList{"u.{{name()}}.>", "t.{{tag(team)}}"}}},
		func(u *jwt.UserClaims) { u.Name = "bob smith" })
	require.NoError(t, err)
	require.Equal(t, []string{"t.red", "t.blue"}, r.Publish.Allow)
	// If nothing is left, nothing is allowed.
	for _, name := range []string{"bob smith", "", "a..b", "a\r\nb"} {
		r, u, a, err := templated(t, jwt.Permissions{Pub: jwt.Permission{Allow: jwt.StringList{"u.{{name()}}.>"}}}, func(u *jwt.UserClaims) { u.Name = name })
		require.NoError(t, err)
		require.Empty(t, r.Publish.Allow)
		require.Equal(t, []string{">"}, r.Publish.Deny)
		rights, err := a.Rights(u)
		require.NoError(t, err)
		require.False(t, rights.Permissions.MayPublish([]byte("u.x")))
	}
	// What is put in is text.
	r, _, _, err = templated(t, jwt.Permissions{Pub: jwt.Permission{Allow: jwt.StringList{"u.{{name()}}"}}}, func(u *jwt.UserClaims) { u.Name = "{{tag(team)}}" })
	require.NoError(t, err)
	require.Equal(t, []string{"u.{{tag(team)}}"}, r.Publish.Allow)
	// The issuer answers for its names.
	r, _, _, _ = templated(t, jwt.Permissions{Pub: jwt.Permission{Allow: jwt.StringList{"u.{{name()}}.x"}}}, func(u *jwt.UserClaims) { u.Name = "*" })
	require.Equal(t, []string{"u.*.x"}, r.Publish.Allow)
}

func TestTemplatesAreBounded(t *testing.T) {
	many := func(n int) func(*jwt.UserClaims) {
		return func(u *jwt.UserClaims) {
			u.Tags = nil
			for i := range n {
				u.Tags.Add(fmt.Sprintf("a:%d", i), fmt.Sprintf("b:%d", i))
			}
		}
	}
	p := jwt.Permissions{Pub: jwt.Permission{Allow: jwt.StringList{"{{tag(a)}}.{{tag(b)}}"}}}
	r, _, _, err := templated(t, p, many(64))
	require.NoError(t, err)
	require.Len(t, r.Publish.Allow, 4096)
	require.True(t, slices.Contains(r.Publish.Allow, "63.0"))
	_, _, _, err = templated(t, p, many(65))
	require.EqualError(t, err, "template expansion exceeds limit: 4096")
	p.Pub.Allow.Add("{{name()}}")
	_, _, _, err = templated(t, p, many(64))
	require.EqualError(t, err, "template expansion exceeds limit: 4096")
	p.Pub.Allow = jwt.StringList{"{{tag(a)}}.{{tag(b)}}.{{ tag(a)}}.{{ tag(b)}}.{{tag(a) }}.{{tag(b) }}.{{ tag(a) }}.{{ tag(b) }}.{{  tag(a)}}.{{  tag(b)}}.{{  tag(b) }}"}
	_, _, _, err = templated(t, p, many(300))
	require.EqualError(t, err, "template expansion exceeds limit: 4096")
}
