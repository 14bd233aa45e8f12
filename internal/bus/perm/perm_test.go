package perm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNilAllowsEverything(t *testing.T) {
	var p *Permissions
	require.True(t, p.MayPublish([]byte("a")))
	require.True(t, p.MaySubscribe(">"))
	require.True(t, p.MayReceive([]byte("a")))
	require.False(t, p.Filters(">"))
}

func TestMayPublish(t *testing.T) {
	for _, c := range []struct {
		name    string
		list    List
		subject string
		want    bool
	}{
		{"no list", List{}, "a", true},
		{"an empty allow list", List{Allow: []string{}}, "a", false},
		{"allowed", List{Allow: []string{"b", "a"}}, "a", true},
		{"not allowed", List{Allow: []string{"b", "a"}}, "c", false},
		{"allowed by *", List{Allow: []string{"a.*"}}, "a.b", true},
		{"* is one token", List{Allow: []string{"a.*"}}, "a.b.c", false},
		{"allowed by >", List{Allow: []string{"a.>"}}, "a.b.c", true},
		{"> is at least one token", List{Allow: []string{"a.>"}}, "a", false},
		{"denied", List{Deny: []string{"a"}}, "a", false},
		{"not denied", List{Deny: []string{"a"}}, "b", true},
		{"denied by a wildcard", List{Deny: []string{"a.>"}}, "a.b.c", false},
		{"deny takes away from allow", List{Allow: []string{"a.*"}, Deny: []string{"a.b"}}, "a.b", false},
		{"and leaves the rest", List{Allow: []string{"a.*"}, Deny: []string{"a.b"}}, "a.c", true},
		{"a literal star is matched by wildcards only", List{Allow: []string{"a.b"}}, "a.*", false},
		{"a literal star", List{Allow: []string{"a.*"}}, "a.*", true},
		{"a prefix is not enough", List{Allow: []string{"ab"}}, "a", false},
		{"empty tokens match nothing", List{Allow: []string{">"}}, "a..b", false},
	} {
		p := &Permissions{Publish: c.list, Subscribe: List{Deny: []string{">"}}}
		require.Equal(t, c.want, p.MayPublish([]byte(c.subject)), c.name)
	}
}

func TestMaySubscribe(t *testing.T) {
	for _, c := range []struct {
		name    string
		list    List
		subject string
		want    bool
	}{
		{"no list", List{}, ">", true},
		{"an empty allow list", List{Allow: []string{}}, "a", false},
		{"allowed", List{Allow: []string{"b", "a"}}, "a", true},
		{"covered", List{Allow: []string{"a.>"}}, "a.*.c", true},
		{"broader than what is allowed", List{Allow: []string{"a.b"}}, "a.*", false},
		{"broader in its tail", List{Allow: []string{"a.*"}}, "a.>", false},
		{"denied", List{Deny: []string{"a"}}, "a", false},
		{"covered by a denial", List{Deny: []string{"a.>"}}, "a.*", false},
		{"denied though allowed", List{Allow: []string{">"}, Deny: []string{"a.>"}}, "a.b", false},
		{"broader than a denial", List{Deny: []string{"a.b"}}, "a.*", true},
		{"beside a denial", List{Deny: []string{"a.b"}}, "a.c", true},
		{"allow and a narrower denial", List{Allow: []string{"a.>"}, Deny: []string{"a.b"}}, "a.>", true},
	} {
		p := &Permissions{Subscribe: c.list, Publish: List{Deny: []string{">"}}}
		require.Equal(t, c.want, p.MaySubscribe(c.subject), c.name)
	}
}

// Where Filters says no, MayReceive must have nothing to hold back: deliveries rely on it.
func TestWhatIsDeniedIsHeldBack(t *testing.T) {
	for _, c := range []struct {
		deny, sub string
		filters   bool
		message   string
		receives  bool
	}{
		{"a.b", "a.*", true, "a.b", false},
		{"a.b", "a.*", true, "a.c", true},
		{"a.*", "*.b", true, "a.b", false},
		{"a.*", "*.b", true, "c.b", true},
		{"a.>", ">", true, "a.b.c", false},
		{"a.>", ">", true, "a", true},
		{"a.b", "c.*", false, "c.d", true},
		{"a.b.c", "a.*", false, "a.b", true},
		{"a.*", "a.>", true, "a.*", false}, // literally so
	} {
		p := &Permissions{Subscribe: List{Deny: []string{"zzz", c.deny}}}
		require.Equal(t, c.filters, p.Filters(c.sub), "%s %s", c.deny, c.sub)
		require.Equal(t, c.receives, p.MayReceive([]byte(c.message)), "%s %s", c.deny, c.message)
	}
	allow := &Permissions{Subscribe: List{Allow: []string{"a"}}, Publish: List{Deny: []string{">"}}}
	require.False(t, allow.Filters("a"), "what is allowed needs no look at each message")
	require.True(t, allow.MayReceive([]byte("a")))
}
