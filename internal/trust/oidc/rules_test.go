package oidc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/perm"
)

func TestAccounts(t *testing.T) {
	p := newProvider(t)
	first := newBench(t, p).Authenticator // its keys are fetched once
	roles := []Role{{Name: "ops", Account: "B"}, {Name: "dev", Account: "A"}, {Name: "any"}}
	for _, c := range []struct {
		name   string
		change func(*Config)
		claims set
		want   string // empty for nobody
		why    string
	}{
		{"default", func(*Config) {}, set{"group": "B"}, "A", ""},
		{"claim", func(c *Config) { c.AccountClaim = "group" }, set{"group": "B"}, "B", ""},
		{"no such claim", func(c *Config) { c.AccountClaim = "group" }, nil, "A", ""},
		{"claim is null", func(c *Config) { c.AccountClaim = "group" }, set{"group": []any(nil)}, "A", ""},
		{"claim is a list", func(c *Config) { c.AccountClaim = "group" }, set{"group": []string{"B"}}, "", "neither a string nor a number"},
		{"unknown account", func(c *Config) { c.AccountClaim = "group" }, set{"group": "C"}, "", `there is no account "C"`},
		{"system account", func(c *Config) { c.AccountClaim = "group" }, set{"group": "SYS"}, "", `account "SYS" is not allowed`},
		{"listed system account", func(c *Config) { c.AccountClaim, c.AllowedAccounts = "group", []string{"SYS"} }, set{"group": "SYS"}, "SYS", ""},
		{"not listed", func(c *Config) { c.AccountClaim, c.AllowedAccounts = "group", []string{"A"} }, set{"group": "B"}, "", "not allowed"},
		{"inner claim", func(c *Config) { c.AccountClaim = "x.y.z" }, set{"x": set{"y": set{"z": "B"}}}, "B", ""},
		{"claim with dots", func(c *Config) { c.AccountClaim = "https://x.example/acc" }, set{"https://x.example/acc": "B"}, "B", ""},
		{"role", func(c *Config) { c.RolesClaim, c.Roles = "roles", roles }, set{"roles": []string{"any", "dev", "ops"}}, "B", ""},
		{"one role", func(c *Config) { c.RolesClaim, c.Roles = "roles", roles }, set{"roles": "dev"}, "A", ""},
		{"roles in a string", func(c *Config) { c.RolesClaim, c.Roles = "roles", roles }, set{"roles": "x ops"}, "B", ""},
		{"unknown role", func(c *Config) { c.RolesClaim, c.Roles = "roles", roles }, set{"roles": []string{"boss"}}, "", "none of its roles is known"},
		{"no role", func(c *Config) { c.RolesClaim, c.Roles = "roles", roles }, set{"roles": []string{}}, "", "none of its roles is known"},
		{"claim before role", func(c *Config) { c.RolesClaim, c.Roles, c.AccountClaim = "roles", roles, "group" },
			set{"roles": "ops", "group": "A"}, "A", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, p, func(_ *bench, cfg *Config) { c.change(cfg); cfg.Before = first })
			id, err := b.show(p.token(c.claims))
			if c.want == "" {
				require.Error(t, err)
				require.Contains(t, strings.Join(b.lines("DBG"), "\n"), c.why)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, id.Account.Name())
		})
	}
}

func TestPermissions(t *testing.T) {
	p := newProvider(t)
	first := newBench(t, p).Authenticator
	own := &perm.Rules{
		Publish:   perm.List{Allow: []string{"user.{{claim(sub)}}.>", "n.{{ claim(number) }}x"}, Deny: []string{"user.*.no"}},
		Subscribe: perm.List{Allow: []string{"in.{{claim(sub)}}"}},
	}
	number := set{"number": 7}
	byRoles := func(c *Config) {
		c.RolesClaim = "roles"
		c.Roles = []Role{
			{Name: "all"},
			{Name: "pub", Permissions: &perm.Rules{Publish: perm.List{Allow: []string{"p"}, Deny: []string{"secret"}}, Subscribe: perm.List{Allow: []string{"s"}}}},
			{Name: "more", Permissions: &perm.Rules{Publish: perm.List{Allow: []string{"q"}}, Subscribe: perm.List{Allow: []string{"t"}}}},
			{Name: "answer", Permissions: &perm.Rules{Subscribe: perm.List{Allow: []string{"ask"}}, Responses: &perm.Responses{}}},
		}
	}
	lists := func(c *Config) { c.PublishClaim, c.SubscribeClaim = "pub", "sub_s" }
	for _, c := range []struct {
		name           string
		change         func(*Config)
		claims         set
		publish, deny  string // subjects that may be published, or not
		receive, never string // the same for subscriptions
	}{
		{"none", func(*Config) {}, nil, "a b.c", "", "> x", ""},
		{"own", func(c *Config) { c.Permissions = own }, number, "user.ann.x n.7x", "user.bob.x user.ann.no n.8x", "in.ann", "in.bob >"},
		{"claims", lists, set{"pub": []string{"a.*"}, "sub_s": "b"}, "a.x", "b", "b", "a.x"},
		{"empty claim", lists, set{"pub": []string{}, "sub_s": "b"}, "", "a b", "b", "a"},
		{"claims that are not there", lists, nil, "", "a", "", "a"},
		{"one claim", lists, set{"pub": "a"}, "a", "b", "", "a"},
		{"claims and the rest", func(c *Config) { lists(c); c.Permissions = own }, set{"number": 7, "pub": "a"}, "a", "user.ann.x", "in.ann", "a"},
		{"one role", byRoles, set{"roles": "pub"}, "p", "q secret", "s", "t"},
		{"two roles", byRoles, set{"roles": "more pub"}, "p q", "r secret", "s t", "u"},
		{"all", byRoles, set{"roles": "all pub"}, "p x", "secret", "> x", ""},
		{"answers", byRoles, set{"roles": "answer"}, "", "p", "ask", "s"},
		{"answers and all", byRoles, set{"roles": "answer all"}, "p", "", "x", ""},
		{"answers and more", byRoles, set{"roles": "answer more"}, "q", "p", "ask t", "s"},
		{"no roles", byRoles, nil, "", "p", "", "s"},
		{"roles and claims", func(c *Config) { byRoles(c); lists(c) }, set{"roles": "pub", "pub": "z"}, "p z", "q", "s", "z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, p, func(_ *bench, cfg *Config) { c.change(cfg); cfg.Before = first })
			for range 2 { // the second time from what is remembered
				id, err := b.show(p.token(c.claims))
				require.NoError(t, err, b.lines("DBG"))
				for _, s := range strings.Fields(c.publish) {
					require.True(t, id.Permissions == nil || id.Permissions.MayPublish([]byte(s)), s)
				}
				for _, s := range strings.Fields(c.deny) {
					require.False(t, id.Permissions == nil || id.Permissions.MayPublish([]byte(s)), s)
				}
				for _, s := range strings.Fields(c.receive) {
					require.True(t, id.Permissions.MaySubscribe(s, ""), s)
				}
				for _, s := range strings.Fields(c.never) {
					require.False(t, id.Permissions.MaySubscribe(s, ""), s)
				}
			}
		})
	}
}

// A claim in a template is one token of a subject; and lists of subjects are bounded and valid.
func TestClaimsThatAreNoSubjects(t *testing.T) {
	p := newProvider(t)
	first := newBench(t, p).Authenticator
	template := func(c *Config) {
		c.Permissions = &perm.Rules{Publish: perm.List{Allow: []string{"{{claim(team)}}.x"}}, Subscribe: perm.List{Deny: []string{"a.{{claim(team)}}"}}}
	}
	list := func(c *Config) { c.PublishClaim = "list" }
	many := make([]string, mostTexts+1)
	for i := range many {
		many[i] = "a"
	}
	for name, c := range map[string]struct {
		change func(*Config)
		claims set
	}{
		"missing": {template, nil}, "empty": {template, set{"team": ""}}, "star": {template, set{"team": "*"}},
		"inner star": {template, set{"team": "a*"}}, "rest": {template, set{"team": ">"}}, "two tokens": {template, set{"team": "a.b"}},
		"blank": {template, set{"team": "a b"}}, "tab": {template, set{"team": "a\tb"}}, "line end": {template, set{"team": "a\nb"}},
		"list": {template, set{"team": []string{"a"}}}, "fraction": {template, set{"team": 1.5}}, "system": {template, set{"team": "$SYS"}},
		"inbox": {template, set{"team": "_INBOX"}}, "template": {template, set{"team": "{{claim(team)}}"}},
		"bad subject": {list, set{"list": "a..b"}}, "numbers": {list, set{"list": []int{1}}}, "object": {list, set{"list": set{}}},
		"too many": {list, set{"list": many}}, "too long": {list, set{"list": strings.Repeat("a", longestText+1)}},
		"no text": {list, set{"list": "a\x00b"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, p, func(_ *bench, cfg *Config) { c.change(cfg); cfg.Before = first })
			_, err := b.show(p.token(c.claims))
			require.Error(t, err)
			require.Len(t, b.lines("DBG"), 1)
			require.Contains(t, b.lines("DBG")[0], `refused the token of "ann" with key "RS256"`)
		})
	}
}

func TestTemplatesAreChecked(t *testing.T) {
	p := newProvider(t)
	b := newBench(t, p)
	for _, entry := range []string{"{{name()}}", "a.{{claim(}}", "a.{{claim()}}", "a.{{claim(x)", "a..{{claim(x)}}"} {
		cfg := b.cfg
		cfg.Permissions = &perm.Rules{Publish: perm.List{Allow: []string{entry}}}
		_, err := New(cfg)
		require.ErrorContains(t, err, "oidc: permissions", entry)
		cfg.Permissions, cfg.Roles = nil, []Role{{Name: "r", Permissions: &perm.Rules{Subscribe: perm.List{Deny: []string{entry}}}}}
		_, err = New(cfg)
		require.ErrorContains(t, err, `of role "r"`, entry)
	}
}

// What is remembered of permissions is bounded.
func TestCompiledIsBounded(t *testing.T) {
	var k compiled
	for i := range 3 * mostCompiled {
		_, err := k.get(&perm.Rules{Publish: perm.List{Allow: []string{fmt.Sprint(i)}}})
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(k.mu.known), mostCompiled)
}
