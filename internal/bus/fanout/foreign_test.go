package fanout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
)

// No reply comes any more once the import is gone, or what it is of.
func TestRepliesEndWithTheRight(t *testing.T) {
	for name, change := range map[string]account.Spec{
		"the exporter takes it back": {Name: "A", Limits: account.Unlimited()},
		"the importer gives it up":   {Name: "B", Limits: account.Unlimited()},
	} {
		r := account.NewRegistry()
		from := r.Put(account.Spec{Name: "A", Limits: account.Unlimited(), Exports: []account.Export{{Kind: account.Service, Subject: "help", Response: account.Streamed}}})
		to := r.Put(account.Spec{Name: "B", Limits: account.Unlimited(), Imports: []account.Import{{Kind: account.Service, Account: "A", Subject: "help"}}})
		responder := newTaker(1)
		responder.replies = true
		responder.sub(from, "help", "1", "")
		k := newTaker(2)
		k.sub(to, "inbox", "1", "")
		newPublisher().publish(t, to, "help>inbox=1")
		_, rest, _ := strings.Cut(responder.take(), ">")
		reply, _, _ := strings.Cut(rest, "=")
		newPublisher().publish(t, from, reply+"=one")
		require.Equal(t, "1:inbox=one ", k.take())
		r.Put(change)
		newPublisher().publish(t, from, reply+"=two")
		require.Empty(t, k.take(), name)
	}
}

// What is noted of a header is little, however much there is.
func TestTracedHeadersAreBounded(t *testing.T) {
	header := "NATS/1.0\r\nUber-Trace-Id: 1:2:3:1\r\nUberctx-X: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"
	fields := traced([]byte(header))
	require.Equal(t, map[string][]string{"Uber-Trace-Id": {"1:2:3:1"}}, fields)
}

// One message does not become any number of them, wherever accounts import the same of several others; but
// what is published afterwards has its own share, mapped or not.
func TestHopsOfAMessageAreBounded(t *testing.T) {
	const wide, deep = 4, 7
	r := account.NewRegistry()
	name := func(d, i int) string { return fmt.Sprintf("L%d-%d", d, i) }
	for d := deep; d >= 0; d-- {
		for i := range wide {
			s := account.Spec{Name: name(d, i), Limits: account.Unlimited(), Exports: []account.Export{{Kind: account.Service, Subject: "x"}}}
			for j := 0; d < deep && j < wide; j++ {
				s.Imports = append(s.Imports, account.Import{Kind: account.Service, Account: name(d+1, j), Subject: "x"})
			}
			r.Put(s)
		}
	}
	k := newTaker(5)
	for i := range wide {
		k.sub(r.Get(name(deep, i)), "x", "1", "")
	}
	top := name(0, 0)
	newPublisher().publish(t, r.Get(top), "x=1")
	require.LessOrEqual(t, strings.Count(k.take(), "="), mostHops)
	spec := *r.Get(name(deep-2, 0)).Spec()
	spec.Mappings = []account.Mapping{{Source: "y", Destinations: []account.Destined{{Subject: "x", Weight: 100}}}}
	near := r.Put(spec)
	for _, subject := range []string{"x", "y"} {
		newPublisher().publish(t, near, strings.Repeat(subject+"=1 ", 200))
		require.Equal(t, 200*wide*wide, strings.Count(k.take(), "="), subject)
	}
}
