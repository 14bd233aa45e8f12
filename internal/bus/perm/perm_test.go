package perm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

func compiled(t testing.TB, r Rules) *Permissions {
	t.Helper()
	p, err := Compile(r)
	require.NoError(t, err)
	return p
}

func TestNilAllowsEverything(t *testing.T) {
	for _, r := range []Rules{
		{},
		{Publish: List{Allow: []string{}, Deny: []string{}}, Subscribe: List{Allow: []string{}, Deny: []string{}}},
	} {
		p := compiled(t, r)
		require.Nil(t, p, "an empty list restricts nothing")
		require.True(t, p.MayPublish([]byte("a")))
		require.True(t, p.MayPublish(nil))
		require.True(t, p.MaySubscribe(">", ""))
		require.True(t, p.MaySubscribe(">", "q"))
		require.True(t, p.MayReceive([]byte("a"), ""))
		require.False(t, p.Filters(">", ""))
		require.Nil(t, p.Responses())
	}
}

func TestCompileRefusesWhatIsNotValid(t *testing.T) {
	subject := func(s string) string { return "subject " + s + " is not a valid subject" }
	queue := func(s string) string { return "queue " + s + " is not a valid queue" }
	for _, c := range []struct{ entry, publish, subscribe string }{
		{"", subject(`""`), subject(`""`)},
		{".", subject(`"."`), subject(`"."`)},
		{"a..b", subject(`"a..b"`), subject(`"a..b"`)},
		{"a.", subject(`"a."`), subject(`"a."`)},
		{"a.>.b", subject(`"a.>.b"`), subject(`"a.>.b"`)},
		{"a\tb", subject(`"a\tb"`), subject(`"a\tb"`)},
		{"a\r", subject(`"a\r"`), subject(`"a\r"`)},
		{"a\n", subject(`"a\n"`), subject(`"a\n"`)},
		{"a\fb", subject(`"a\fb"`), subject(`"a\fb"`)},
		{"a q", subject(`"a q"`), ""},
		{"a v1.*", subject(`"a v1.*"`), ""},
		{" a", subject(`" a"`), subject(`""`)},
		{"a ", subject(`"a "`), queue(`""`)},
		{"a q r", subject(`"a q r"`), queue(`"q r"`)},
		{"a q..r", subject(`"a q..r"`), queue(`"q..r"`)},
		{"a >.q", subject(`"a >.q"`), queue(`">.q"`)},
		{"a q\t", subject(`"a q\t"`), queue(`"q\t"`)},
		{"a\u00a0\x00\xff", "", ""},
		{"a*.>b", "", ""},
	} {
		for _, l := range []List{{Allow: []string{"ok", c.entry}}, {Deny: []string{"ok", c.entry}}} {
			for want, r := range map[*string]Rules{&c.publish: {Publish: l}, &c.subscribe: {Subscribe: l}} {
				p, err := Compile(r)
				if *want == "" {
					require.NoError(t, err, "%q", c.entry)
					require.NotNil(t, p, "%q", c.entry)
					continue
				}
				require.EqualError(t, err, *want)
				require.Nil(t, p)
			}
		}
	}
}

func TestMayPublish(t *testing.T) {
	for _, c := range []struct {
		name    string
		list    List
		subject string
		want    bool
	}{
		{"no list", List{}, "a", true},
		{"an empty allow list", List{Allow: []string{}}, "a", true},
		{"allowed", List{Allow: []string{"b", "a"}}, "a", true},
		{"not allowed", List{Allow: []string{"b", "a"}}, "c", false},
		{"allowed by *", List{Allow: []string{"a.*"}}, "a.b", true},
		{"* is one token", List{Allow: []string{"a.*"}}, "a.b.c", false},
		{"allowed by >", List{Allow: []string{"a.>"}}, "a.b.c", true},
		{"> is at least one token", List{Allow: []string{"a.>"}}, "a", false},
		{"a literal token does not hide a wildcard", List{Allow: []string{"a.b.c", "a.*.d", "*.b.e"}}, "a.b.e", true},
		{"denied", List{Deny: []string{"a"}}, "a", false},
		{"not denied", List{Deny: []string{"a"}}, "b", true},
		{"denied by a wildcard", List{Deny: []string{"a.>"}}, "a.b.c", false},
		{"everything is denied", List{Deny: []string{">"}}, "a", false},
		{"deny takes away from allow", List{Allow: []string{"a.*"}, Deny: []string{"a.b"}}, "a.b", false},
		{"and leaves the rest", List{Allow: []string{"a.*"}, Deny: []string{"a.b"}}, "a.c", true},
		{"deny is stronger than the same allow", List{Allow: []string{"a"}, Deny: []string{"a"}}, "a", false},
		{"a literal star is matched by wildcards only", List{Allow: []string{"a.b"}}, "a.*", false},
		{"a literal star", List{Allow: []string{"a.*"}}, "a.*", true},
		{"a literal star, denied", List{Deny: []string{"a.*"}}, "a.*", false},
		{"a literal >", List{Allow: []string{"a.*"}}, "a.>", true},
		{"a literal > inside", List{Allow: []string{"a.*.c"}}, "a.>.c", true},
		{"foo* is no wildcard", List{Allow: []string{"a*"}}, "ab", false},
		{"a prefix is not enough", List{Allow: []string{"ab"}}, "a", false},
		{"nor a longer one", List{Allow: []string{"a"}}, "a.b", false},
		{"empty tokens match nothing", List{Allow: []string{">"}}, "a..b", false},
		{"at the start", List{Allow: []string{"*.b"}}, ".b", false},
		{"at the end", List{Allow: []string{"a.*"}}, "a.", false},
		{"an empty subject", List{Allow: []string{">"}}, "", false},
		{"they are not denied either", List{Deny: []string{">"}}, "a..b", true},
	} {
		p := compiled(t, Rules{Publish: c.list, Subscribe: List{Deny: []string{">"}}})
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
		{"an empty allow list", List{Allow: []string{}}, "a", true},
		{"allowed", List{Allow: []string{"b", "a"}}, "a", true},
		{"not allowed", List{Allow: []string{"b", "a"}}, "c", false},
		{"covered", List{Allow: []string{"a.>"}}, "a.*.c", true},
		{"* covers *", List{Allow: []string{"a.*"}}, "a.*", true},
		{"> covers >", List{Allow: []string{"a.>"}}, "a.>", true},
		{"broader than what is allowed", List{Allow: []string{"a.b"}}, "a.*", false},
		{"broader in its tail", List{Allow: []string{"a.*"}}, "a.>", false},
		{"*.> is narrower than >", List{Allow: []string{"*.>"}}, ">", false},
		{"two entries do not cover together", List{Allow: []string{"*", "*.>"}}, ">", false},
		{"denied", List{Deny: []string{"a"}}, "a", false},
		{"covered by a denial", List{Deny: []string{"a.>"}}, "a.*", false},
		{"denied though allowed", List{Allow: []string{">"}, Deny: []string{"a.>"}}, "a.b", false},
		{"broader than a denial", List{Deny: []string{"a.b"}}, "a.*", true},
		{"broader in its tail than a denial", List{Deny: []string{"a.*"}}, "a.>", true},
		{"beside a denial", List{Deny: []string{"a.b"}}, "a.c", true},
		{"allow and a narrower denial", List{Allow: []string{"a.>"}, Deny: []string{"a.b"}}, "a.>", true},
		{"no subject is covered that is not one", List{Allow: []string{">"}}, "a..b", false},
		{"nor with > inside", List{Allow: []string{"*.*.*"}}, "a.>.b", false},
	} {
		p := compiled(t, Rules{Subscribe: c.list, Publish: List{Deny: []string{">"}}})
		require.Equal(t, c.want, p.MaySubscribe(c.subject, ""), c.name)
		require.Equal(t, c.want, p.MaySubscribe(c.subject, "q"), "%s, with a queue", c.name)
	}
}

func TestQueues(t *testing.T) {
	for _, c := range []struct {
		name        string
		list        List
		accepted    []string // subject queue
		notAccepted []string
	}{
		{"an entry without a queue is for all", List{Allow: []string{"foo"}}, []string{"foo", "foo v1", "foo v2"}, []string{"bar", "bar v1"}},
		{"an entry with a queue is for that one", List{Allow: []string{"foo v1"}}, []string{"foo v1"}, []string{"foo", "foo v2", "bar v1"}},
		{"both: plain ones and that queue", List{Allow: []string{"foo", "foo v1"}}, []string{"foo", "foo v1"}, []string{"foo v2"}},
		{"in any order", List{Allow: []string{"foo v1", "foo"}}, []string{"foo", "foo v1"}, []string{"foo v2"}},
		{"queues of several entries", List{Allow: []string{"foo v1", "> v2", "fo v3"}}, []string{"foo v1", "foo v2"}, []string{"foo", "foo v3", "> v1"}},
		{"only entries that match count", List{Allow: []string{"foo.>", "foo.a v1"}}, []string{"foo.a v1", "foo.a", "foo.b v2"}, []string{"foo.a v2"}},
		{"patterns", List{Allow: []string{"foo v1.*", "foo *.dev", "foo all.>"}},
			[]string{"foo v1.a", "foo x.dev", "foo all.a", "foo all.a.b", "foo v1.*", "foo v1."},
			[]string{"foo v1", "foo v1.a.b", "foo all", "foo v1x", "foo x.prod", "foo"}},
		{"a name with a wildcard is no pattern", List{Allow: []string{"foo v1.a"}}, []string{"foo v1.a"}, []string{"foo v1.*", "foo >"}},
		{"any queue, but one", List{Allow: []string{"foo >"}}, []string{"foo v1", "foo a..b"}, []string{"foo"}},

		{"a denial without a queue is for all", List{Deny: []string{"foo"}}, []string{"bar", "bar v1"}, []string{"foo", "foo v1"}},
		{"a denial with a queue is for that one", List{Deny: []string{"foo v1"}}, []string{"foo", "foo v2", "bar v1"}, []string{"foo v1"}},
		{"a denial of a pattern", List{Deny: []string{"foo v1.*", "foo dev.>"}}, []string{"foo", "foo v1", "foo v1.a.b"}, []string{"foo v1.a", "foo v1.*", "foo v1.", "foo dev.a..b"}},
		{"a denial of every queue", List{Deny: []string{"> >"}}, []string{"foo", ">"}, []string{"foo v1", "foo a..b", "foo ."}},
		{"deny takes away from allow", List{Allow: []string{"foo v1.*"}, Deny: []string{"foo v1.b"}}, []string{"foo v1.a"}, []string{"foo v1.b", "foo"}},
		{"a broader subscription is accepted", List{Deny: []string{"foo.a v1"}}, []string{"foo.* v1"}, []string{"foo.a v1"}},
	} {
		p := compiled(t, Rules{Subscribe: c.list})
		for _, s := range c.accepted {
			require.True(t, p.MaySubscribe(parted(s)), "%s: %s", c.name, s)
		}
		for _, s := range c.notAccepted {
			require.False(t, p.MaySubscribe(parted(s)), "%s: %s", c.name, s)
		}
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
		{"a.b v1", "a.*", false, "a.b", true},
		{"a.b v1", "a.* v2", false, "a.b", true},
		{"a.b v1", "a.* v1", true, "a.b", false},
		{"a.b v1", "a.* v1", true, "a.c", true},
		{"a.b v1.*", "a.> v1.x", true, "a.b", false},
		{"a.b v1.*", "a.> v1", false, "a.b", true},
		{"a.b", "> v1", true, "a.b", false},
		{"a.>", ">", true, "a..b", true}, // reaches nobody
	} {
		p := compiled(t, Rules{Subscribe: List{Deny: []string{"zzz.zzz", c.deny}}})
		sub, queue := parted(c.sub)
		require.True(t, p.MaySubscribe(sub, queue), "%s %s", c.deny, c.sub)
		require.Equal(t, c.filters, p.Filters(sub, queue), "%s %s", c.deny, c.sub)
		require.Equal(t, c.receives, p.MayReceive([]byte(c.message), queue), "%s %s", c.deny, c.message)
	}
	allow := compiled(t, Rules{Subscribe: List{Allow: []string{"a"}}, Publish: List{Deny: []string{">"}}})
	require.False(t, allow.Filters("a", ""), "what is allowed needs no look at each message")
	require.True(t, allow.MayReceive([]byte("a"), ""))
}

func TestResponses(t *testing.T) {
	for _, c := range []struct{ given, want Responses }{
		{Responses{}, Responses{1, 2 * time.Minute}},
		{Responses{Max: 5}, Responses{5, 2 * time.Minute}},
		{Responses{Expires: time.Second}, Responses{1, time.Second}},
		{Responses{Max: -3, Expires: -1}, Responses{-3, -1}},
	} {
		p := compiled(t, Rules{Responses: &c.given})
		require.Equal(t, c.want, *p.Responses())
		require.False(t, p.MayPublish([]byte("a")), "without an allow list only answers may be published")
		require.False(t, p.MayPublish([]byte("a..b")))
		require.True(t, p.MaySubscribe(">", ""), "subscriptions are as free as before")
	}
	p := compiled(t, Rules{Publish: List{Allow: []string{"a"}}, Responses: &Responses{}})
	require.True(t, p.MayPublish([]byte("a")), "an allow list stays")
	require.False(t, p.MayPublish([]byte("b")))
	p = compiled(t, Rules{Publish: List{Deny: []string{"a"}}, Responses: &Responses{}})
	require.False(t, p.MayPublish([]byte("b")), "a deny list gives nothing")
}

// What was given to Compile may be changed afterwards.
func TestPermissionsAreTheirOwn(t *testing.T) {
	r := Rules{Publish: List{Allow: []string{"a"}}, Responses: &Responses{Max: 2}}
	p := compiled(t, r)
	r.Publish.Allow[0], r.Responses.Max = "b", 3
	require.True(t, p.MayPublish([]byte("a")))
	require.Equal(t, 2, p.Responses().Max)
}

func TestNoAllocations(t *testing.T) {
	list := append(benchList(100), "orders.>")
	p := compiled(t, Rules{Publish: List{Allow: list, Deny: benchList(50)}, Subscribe: List{Deny: append(benchList(100), "x.y v1.*")}})
	subject, x := benchSubjects()[99], []byte("x.y")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		p.MayPublish(subject)
		p.MayReceive(subject, "")
		p.MayReceive(x, "v1.a")
		p.Filters("orders.*.customer.7.placed.and.more", "v2.a")
	}))
}
