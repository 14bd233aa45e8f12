package fanout

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
)

// land is a registry whose accounts are written in lines.
type land struct {
	t        *testing.T
	registry *account.Registry
	specs    map[string]*account.Spec
}

func newLand(t *testing.T, lines ...string) *land {
	l := &land{t: t, registry: account.NewRegistry(), specs: map[string]*account.Spec{}}
	for _, line := range lines {
		l.add(line)
	}
	for _, line := range lines { // in the order of the lines
		l.put(strings.Fields(line)[0])
	}
	return l
}

// add notes "A exports stream s", "A exports service s", "B imports stream A s as t", "A maps s to t".
func (l *land) add(line string) {
	w := strings.Fields(line)
	s := l.specs[w[0]]
	if s == nil {
		s = &account.Spec{Name: w[0], Limits: account.Unlimited()}
		l.specs[w[0]] = s
	}
	kind := account.Stream
	if len(w) > 2 && w[2] == "service" {
		kind = account.Service
	}
	switch {
	case len(w) == 1:
	case w[1] == "exports":
		s.Exports = append(s.Exports[:len(s.Exports):len(s.Exports)], account.Export{Kind: kind, Subject: w[3]})
	case w[1] == "imports":
		i := account.Import{Kind: kind, Account: w[3], Subject: w[4]}
		if len(w) > 6 {
			i.Local = w[6]
		}
		s.Imports = append(s.Imports[:len(s.Imports):len(s.Imports)], i)
	case w[1] == "maps":
		s.Mappings = append(s.Mappings[:len(s.Mappings):len(s.Mappings)], account.Mapping{Source: w[2],
			Destinations: []account.Destined{{Subject: w[4], Weight: 100}}})
	default:
		l.t.Fatalf("what is %q?", line)
	}
}

func (l *land) put(name string) *account.Account { return l.registry.Put(*l.specs[name]) }

// change puts the account again after f has changed its spec.
func (l *land) change(name string, f func(s *account.Spec)) {
	s := *l.specs[name]
	f(&s)
	l.specs[name] = &s
	l.put(name)
}

func (l *land) in(name string) *account.Account {
	a := l.registry.Get(name)
	require.NotNil(l.t, a, name)
	return a
}

// taker subscribes a new one in an account, with the sid 1.
func (l *land) taker(name, subject string) *taker {
	k := newTaker(uint64(100 + len(name) + len(subject)))
	k.replies = true
	k.sub(l.in(name), subject, "1", "")
	return k
}

// inForce reports which imports of the account are.
func (l *land) errors(name string) (all []string) {
	for _, i := range l.in(name).Imports() {
		text := "ok"
		if i.Err != nil {
			text = i.Err.Error()
		}
		all = append(all, text)
	}
	return all
}

func TestStreamImports(t *testing.T) {
	for _, c := range []struct {
		name                  string
		land                  []string
		subject, publish, got string
	}{
		{"the same subject", []string{"A exports stream s", "B imports stream A s"}, "s", "s=1", "1:s=1 "},
		{"another subject", []string{"A exports stream s.>", "B imports stream A s.a as t"}, "t", "s.a=1 s.b=2", "1:t=1 "},
		{"a prefix", []string{"A exports stream s.>", "B imports stream A s.> as from.A.s.>"}, "from.>", "s.a=1 s.b.c=2", "1:from.A.s.a=1 1:from.A.s.b.c=2 "},
		{"wildcards in another order", []string{"A exports stream s.*.*", "B imports stream A s.*.* as t.$2.$1"}, "t.*.a", "s.a.b=1 s.b.c=2", "1:t.b.a=1 "},
		{"only what is imported", []string{"A exports stream >", "B imports stream A a.*"}, ">", "a.b=1 a=2 a.b.c=3 b=4", "1:a.b=1 "},
		{"not what is not exported", []string{"A exports stream a", "B imports stream A b"}, ">", "a=1 b=2", ""},
		{"not by an export of services", []string{"A exports service a", "B imports stream A a"}, ">", "a=1", ""},
		{"a chain", []string{"A exports stream a.>", "B imports stream A a.* as b.$1", "B exports stream b.>", "C imports stream B b.* as c.$1"}, "c.x", "a.x=1 a.y=2", "1:c.x=1 "},
		{"a chain over what the middle exports", []string{"A exports stream a.>", "B imports stream A a.> as b.>", "B exports stream b.one", "C imports stream B b.one as c"}, ">", "a.one=1 a.two=2", "1:c=1 "},
		{"one of a chain of three", []string{"A exports stream a.*", "B imports stream A a.*", "B exports stream a.*", "C imports stream B a.* as c.$1.x", "C exports stream c.>", "D imports stream C c.*.x as d.$1"}, "d.*", "a.x=1 a.y=2", "1:d.x=1 1:d.y=2 "},
		{"by two imports, once under each name", []string{"A exports stream >", "B imports stream A a.* as x.$1", "B imports stream A a.b as y"}, ">", "a.b=1", "1:y=1 1:x.b=1 "},
		{"by two imports under one name, once", []string{"A exports stream >", "B imports stream A a.*", "B imports stream A a.b"}, ">", "a.b=1 a.c=2", "1:a.b=1 1:a.c=2 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLand(t, c.land...)
			last := strings.Fields(c.land[len(c.land)-1])[0]
			k := l.taker(last, c.subject)
			p := newPublisher()
			p.publish(t, l.in("A"), c.publish)
			require.Equal(t, c.got, k.take())
			p.publish(t, l.in(last), strings.ReplaceAll(c.publish, "=", "x="))
			k.take()
			require.Empty(t, p.take(), "nothing goes back")
		})
	}
}

// The order in which accounts come makes no difference, nor does it matter when somebody subscribes.
func TestStreamImportsComeAndGo(t *testing.T) {
	l := newLand(t, "B imports stream A a.* as b.$1", "B exports stream b.*", "C imports stream B b.*")
	k, p := l.taker("C", "b.>"), newPublisher()
	require.Equal(t, []string{"account missing"}, l.errors("B"))
	l.add("A exports stream a.*")
	l.put("A")
	require.Equal(t, []string{"ok"}, l.errors("B"))
	p.publish(t, l.in("A"), "a.x=1")
	require.Equal(t, "1:b.x=1 ", k.take())

	l.change("A", func(s *account.Spec) { s.Exports = nil })
	p.publish(t, l.in("A"), "a.x=2")
	require.Empty(t, k.take())
	require.Equal(t, []string{"stream import not authorized"}, l.errors("B"))
	require.Zero(t, l.in("A").Subscriptions())

	l.change("A", func(s *account.Spec) { s.Exports = []account.Export{{Subject: "a.>"}} })
	l.change("B", func(s *account.Spec) { s.Exports = nil })
	p.publish(t, l.in("A"), "a.x=3")
	require.Empty(t, k.take())
	l.change("B", func(s *account.Spec) { s.Exports = []account.Export{{Subject: "b.y"}, {Subject: "b.*"}} })
	p.publish(t, l.in("A"), "a.x=4")
	require.Equal(t, "1:b.x=4 ", k.take())

	old := l.in("A")
	require.True(t, l.registry.Remove("A"))
	p.publish(t, old, "a.x=5")
	require.Empty(t, k.take())
	require.Zero(t, old.Subscriptions())
	l.put("A")
	p.publish(t, l.in("A"), "a.x=6")
	require.Equal(t, "1:b.x=6 ", k.take())
}

// A subscription counts what comes from everywhere together, and its shadows end with it.
func TestMaximumOverAccounts(t *testing.T) {
	l := newLand(t, "A exports stream a.*", "B imports stream A a.* as b.$1")
	k, p := newTaker(2), newPublisher()
	s := k.sub(l.in("B"), "b.*", "1", "")
	s.SetMax(3)
	p.publish(t, l.in("A"), "a.x=1")
	p.publish(t, l.in("B"), "b.x=2")
	p.publish(t, l.in("A"), "a.x=3 a.y=4")
	p.publish(t, l.in("B"), "b.x=5")
	require.Equal(t, "1:b.x=1 1:b.x=2 1:b.x=3 ", k.take())
	require.Equal(t, 1, l.in("A").Subscriptions())
	require.True(t, l.in("B").Unsubscribe(s))
	require.Zero(t, l.in("A").Subscriptions())
	require.Zero(t, l.in("B").Subscriptions())
}

// A group of several accounts gets each message once.
func TestQueueOverAccounts(t *testing.T) {
	l := newLand(t, "A exports stream a.*", "B imports stream A a.* as b.$1", "C imports stream A a.*")
	var all []*taker
	for i, at := range []string{"A a.x", "A a.*", "B b.x", "B b.>", "C a.x", "C >"} {
		name, subject, _ := strings.Cut(at, " ")
		k := newTaker(uint64(i + 2))
		k.sub(l.in(name), subject, "1", "q")
		all = append(all, k)
	}
	p := newPublisher()
	for range 50 {
		p.publish(t, l.in("A"), "a.x=1 a.x=2")
	}
	n := 0
	for _, k := range all {
		got := strings.Count(k.take(), "=")
		require.NotZero(t, got, "everybody gets a share")
		n += got
	}
	require.Equal(t, 100, n)
}

// What a member in another account gave up while it was staged goes to another one, in the right account.
func TestLostMembersOverAccounts(t *testing.T) {
	l := newLand(t, "A exports stream a.*", "B imports stream A a.* as b.$1")
	b := l.in("B")
	first, second, p := newTaker(2), newTaker(3), newPublisher()
	s := first.sub(b, "b.x", "1", "q")
	trip, msgs := p.begin(t, "a.x=1")
	trip.Add(l.in("A"), &msgs[0])
	trip.Settle()
	second.sub(b, "b.*", "1", "q")
	s.GiveUp()
	b.Unsubscribe(s)
	first.box.Invalidate()
	trip.Flush()
	require.Empty(t, first.take())
	require.Equal(t, "1:b.x=1 ", second.take())
}

// Somebody who gets messages directly and by a way through another account gets them in their order.
func TestOrderOverAccounts(t *testing.T) {
	l := newLand(t, "A exports service ask", "A exports stream ask", "B imports service A ask as out", "B imports stream A ask as back")
	k, p := newTaker(2), newPublisher()
	k.sub(l.in("B"), "*", "1", "")
	p.publish(t, l.in("B"), "x=1 out=2 x=3 out=4 x=5")
	require.Equal(t, "1:x=1 1:back=2 1:out=2 1:x=3 1:back=4 1:out=4 1:x=5 ", k.take())
}

var replySubject = regexp.MustCompile(`^1:(\S+)>(_R_\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{6})=(\S*) $`)

// asked checks what a responder got and returns the reply subject.
func asked(t *testing.T, k *taker, subject, payload string) string {
	t.Helper()
	text := k.take()
	m := replySubject.FindStringSubmatch(text)
	require.NotNil(t, m, "%q", text)
	require.Equal(t, subject, m[1])
	require.Equal(t, payload, m[3])
	return m[2]
}

func TestServiceImport(t *testing.T) {
	l := newLand(t, "A exports service help.*.*", "B imports service A help.*.* as b.$2.$1")
	responder, requester := l.taker("A", "help.>"), l.taker("B", "inbox.*")
	p, answering := newPublisher(), newPublisher()
	p.publish(t, l.in("B"), "b.x.y>inbox.1=ask")
	reply := asked(t, responder, "help.y.x", "ask")
	require.Equal(t, "NATS/1.0\r\nNats-Request-Info: {\"acc\":\"B\"}\r\n\r\n", responder.header)
	require.Equal(t, 1, l.in("A").PendingReplies())

	answering.publish(t, l.in("A"), reply+"=yes "+reply+"=again")
	require.Equal(t, "1:inbox.1=yes ", requester.take(), "one answer and no more")
	require.Zero(t, l.in("A").PendingReplies())
	require.Empty(t, p.unheard)

	p.publish(t, l.in("B"), "b.x.y=tell")
	require.Equal(t, "1:help.y.x=tell ", responder.take())
	p.publish(t, l.in("B"), "b.x.y>$JS.ACK.s.c=ack")
	require.Equal(t, "1:help.y.x>$JS.ACK.s.c=ack ", responder.take())
	require.Zero(t, l.in("A").PendingReplies())
	answering.publish(t, l.in("A"), "_R_.abcdef.ghijkl=guess "+reply+".x=long "+reply[:10]+"=short")
	require.Empty(t, requester.take())
}

// Requests that nobody takes are told, whatever is the reason.
func TestServiceImportUnheard(t *testing.T) {
	l := newLand(t, "A exports service help", "B imports service A help as b", "B exports service b", "C imports service B b as c")
	p := newPublisher()
	p.publish(t, l.in("C"), "c>r=1 c=2")
	require.Equal(t, []string{"c=1"}, p.unheard)
	require.Zero(t, l.in("A").PendingReplies()+l.in("B").PendingReplies())

	responder := l.taker("A", "help")
	p.publish(t, l.in("C"), "c>r=3")
	require.Equal(t, []string{"c=1"}, p.unheard)
	asked(t, responder, "help", "3")
	require.Equal(t, `{"acc":"C","svc":"B"}`, infoOf(t, responder))
	require.Equal(t, 2, l.in("A").PendingReplies()+l.in("B").PendingReplies())

	responder.closed = true
	p.publish(t, l.in("C"), "c>r=4")
	require.Equal(t, []string{"c=1", "c=4"}, p.unheard)
	require.Equal(t, 2, l.in("A").PendingReplies()+l.in("B").PendingReplies())

	responder.closed = false
	l.change("A", func(s *account.Spec) { s.Exports = nil })
	p.publish(t, l.in("C"), "c>r=5 c>r=6")
	require.Equal(t, []string{"c=1", "c=4", "c=5", "c=6"}, p.unheard)
	require.Equal(t, []string{"service import not authorized"}, l.errors("B"))
}

func infoOf(t *testing.T, k *taker) string {
	t.Helper()
	v, ok := msg.Field([]byte(k.header), infoField)
	require.True(t, ok, "%q", k.header)
	return string(v)
}

func TestAnswersOverAChain(t *testing.T) {
	l := newLand(t, "A exports service help", "B imports service A help as b", "B exports service b", "C imports service B b as c")
	responder, requester := l.taker("A", "help"), l.taker("C", "r")
	p := newPublisher()
	p.publish(t, l.in("C"), "c>r=1")
	p.publish(t, l.in("A"), asked(t, responder, "help", "1")+"=yes")
	require.Equal(t, "1:r=yes ", requester.take())
	require.Zero(t, l.in("A").PendingReplies()+l.in("B").PendingReplies())
}

func TestStreamedAnswers(t *testing.T) {
	l := newLand(t, "A", "B imports service A help")
	l.change("A", func(s *account.Spec) {
		s.Exports = []account.Export{{Kind: account.Service, Subject: "help", Response: account.Streamed, Threshold: time.Minute}}
	})
	responder, p := l.taker("A", "help"), newPublisher()
	requester := newTaker(3)
	s := requester.sub(l.in("B"), "r", "1", "")
	p.publish(t, l.in("B"), "help>r=1")
	reply := asked(t, responder, "help", "1")
	p.publish(t, l.in("A"), reply+"=a "+reply+"=b "+reply+"= "+reply+"=late")
	require.Equal(t, "1:r=a 1:r=b 1:r= ", requester.take())
	require.Zero(t, l.in("A").PendingReplies())

	p.publish(t, l.in("B"), "help>r=2")
	reply = asked(t, responder, "help", "2")
	l.in("B").Unsubscribe(s)
	require.Equal(t, 1, l.in("A").PendingReplies())
	p.publish(t, l.in("A"), reply+"=a")
	require.Zero(t, l.in("A").PendingReplies(), "who asked is not there any more")
}

func TestAnswersExpire(t *testing.T) {
	l := newLand(t, "A", "B imports service A help")
	l.change("A", func(s *account.Spec) {
		s.Exports = []account.Export{{Kind: account.Service, Subject: "help", Threshold: time.Minute}}
	})
	responder, requester, p := l.taker("A", "help"), l.taker("B", "r"), newPublisher()
	p.publish(t, l.in("B"), "help>r=1")
	reply := asked(t, responder, "help", "1")
	Tick(l.registry, time.Now().Add(59*time.Second))
	require.Equal(t, 1, l.in("A").PendingReplies())
	Tick(l.registry, time.Now().Add(61*time.Second))
	require.Zero(t, l.in("A").PendingReplies())
	p.publish(t, l.in("A"), reply+"=late")
	require.Empty(t, requester.take())
}

// caller is a publisher that tells who it is.
type caller struct{ *publisher }

func (c caller) Party() *account.Party {
	return &account.Party{Host: "h", ID: 7, User: "u", Server: "s", Cluster: "c", RTT: 5}
}
func (c caller) RTT() time.Duration { return 5 }

// publishHeader publishes one message with a header.
func (c caller) publishHeader(a *account.Account, subject, reply, header, payload string) {
	buf, msgs := lay([]pub{{subject, reply, header + payload}})
	msgs[0].Header = uint32(len(header))
	trip := Get()
	trip.Begin(Batch{Origin: c.owner.ID, Buf: buf, Own: &c.box, From: c, Now: time.Now()})
	trip.Add(a, &msgs[0])
	trip.Flush()
	trip.Put()
}

func TestRequestInfo(t *testing.T) {
	l := newLand(t, "A exports service help", "SYS exports service ping")
	l.registry.SetSystem("SYS")
	l.add("B imports service A help")
	l.add("B imports service SYS ping")
	l.put("B")
	k, sys, p := l.taker("A", "help"), l.taker("SYS", "ping"), caller{newPublisher()}
	p.publishHeader(l.in("B"), "help", "r", "NATS/1.0\r\nnats-request-info: {\"acc\":\"A\"}\r\nX: y\r\n\r\n", "hello")
	asked(t, k, "help", "hello")
	require.Equal(t, "NATS/1.0\r\nX: y\r\nNats-Request-Info: {\"acc\":\"B\",\"rtt\":5}\r\n\r\n", k.header)
	p.publishHeader(l.in("B"), "ping", "", "", "x")
	require.JSONEq(t, `{"acc":"B","rtt":5,"server":"s","cluster":"c"}`, infoOf(t, sys))
	l.change("B", func(s *account.Spec) {
		s.Imports = []account.Import{{Kind: account.Service, Account: "A", Subject: "help", Share: true}}
	})
	p.publishHeader(l.in("B"), "help", "r", "", "hello")
	require.JSONEq(t, `{"acc":"B","rtt":5,"server":"s","cluster":"c","host":"h","id":7,"user":"u"}`, infoOf(t, k))
}

// What comes round in a circle at run time ends.
func TestServiceCircle(t *testing.T) {
	// The circle is not seen beforehand, since it goes over a mapping.
	l := newLand(t, "A exports service a", "B imports service A a as b", "B exports service b.x",
		"A imports service B b.x as c", "A maps a to c", "B maps b.x to b")
	require.Equal(t, []string{"ok"}, l.errors("A"))
	require.Equal(t, []string{"ok"}, l.errors("B"))
	p := newPublisher()
	p.publish(t, l.in("B"), "b>r=1 b>r=2")
	require.Equal(t, []string{"b=1", "b=2"}, p.unheard)
}

func TestMappedMessages(t *testing.T) {
	l := newLand(t, "A maps a.* to b.$1", "A exports stream b.*", "B imports stream A b.* as c.$1")
	k, other, p := l.taker("A", ">"), l.taker("B", ">"), newPublisher()
	k.sub(l.in("A"), "b.y", "2", "q")
	p.publish(t, l.in("A"), "x=1 a.y=2 a.y>r=3 x=4 b.z=5")
	require.Equal(t, "1:x=1 1:b.y=2 2:b.y=2 1:b.y>r=3 2:b.y>r=3 1:x=4 1:b.z=5 ", k.take())
	require.Equal(t, "1:c.y=2 1:c.y>r=3 1:c.z=5 ", other.take())
	l.registry.Put(account.Spec{Name: "A", Limits: account.Unlimited(), Mappings: []account.Mapping{{Source: "a",
		Destinations: []account.Destined{{Subject: "nobody.listens", Weight: 100}}}}})
	l.change("A", func(s *account.Spec) {
		s.Mappings = []account.Mapping{{Source: "a", Destinations: []account.Destined{{Subject: "n", Weight: 100}}}}
	})
	alone := account.NewRegistry().Put(*l.specs["A"])
	p.publish(t, alone, "a>r=1 a=2")
	require.Equal(t, []string{"a=1"}, p.unheard)
}

// Mappings hold for requests that enter an account, too.
func TestMappedRequests(t *testing.T) {
	l := newLand(t, "A exports service help", "A maps help to v2.help", "B imports service A help")
	k := l.taker("A", ">")
	newPublisher().publish(t, l.in("B"), "help>r=1")
	asked(t, k, "v2.help", "1")
}

// metrics are the events that k got.
func metrics(t *testing.T, k *taker) (all []metric) {
	t.Helper()
	for _, text := range strings.Split(k.take(), "1:metrics=") {
		if text == "" {
			continue
		}
		var m metric
		require.NoError(t, json.Unmarshal([]byte(text), &m))
		require.Equal(t, metricType, m.Type)
		require.Len(t, m.ID, 22)
		all = append(all, m)
	}
	return all
}

func TestLatency(t *testing.T) {
	l := newLand(t, "A", "B imports service A help")
	l.change("A", func(s *account.Spec) {
		s.Exports = []account.Export{{Kind: account.Service, Subject: "help", Threshold: time.Minute,
			Latency: &account.Latency{Sampling: 100, Subject: "metrics"}}}
	})
	watcher, p := l.taker("A", "metrics"), caller{newPublisher()}
	send := func(reply string) { p.publishHeader(l.in("B"), "help", reply, "", "x") }
	send("r")
	m := metrics(t, watcher)
	require.Len(t, m, 1)
	require.Equal(t, 503, m[0].Status)
	require.Equal(t, "Service Unavailable", m[0].Description)
	require.Equal(t, &account.Party{Account: "B", RTT: 5}, m[0].Requestor)
	require.Nil(t, m[0].Responder)

	responder := l.taker("A", "help")
	send("")
	m = metrics(t, watcher)
	require.Len(t, m, 1)
	require.Equal(t, 400, m[0].Status)
	responder.take()

	send("r")
	reply := asked(t, responder, "help", "x")
	require.Empty(t, metrics(t, watcher))
	p.publishHeader(l.in("A"), reply, "", "", "yes")
	m = metrics(t, watcher)
	require.Len(t, m, 1)
	require.Equal(t, 200, m[0].Status)
	require.Empty(t, m[0].Description)
	require.EqualValues(t, 7, m[0].Responder.ID)
	require.Positive(t, m[0].Total)
	require.GreaterOrEqual(t, m[0].Total, m[0].Service+m[0].System)

	send("gone")
	requester := l.taker("B", "r")
	send("r")
	Tick(l.registry, time.Now().Add(time.Hour))
	m = metrics(t, watcher)
	require.Len(t, m, 2)
	require.Equal(t, []int{408, 504}, []int{m[0].Status, m[1].Status})
	for _, failed := range m {
		require.Zero(t, failed.Service+failed.System+failed.Total)
	}
	require.Empty(t, requester.take())
}

func TestLatencyByHeader(t *testing.T) {
	for header, want := range map[string]map[string][]string{
		"":                         nil,
		"X: y":                     nil,
		"Uber-Trace-Id: a:b:c:1":   {"Uber-Trace-Id": {"a:b:c:1"}},
		"Uber-Trace-Id: a:b:c:0":   nil,
		"Uber-Trace-Id: a:b:c:101": nil,
		"Uber-Trace-Id: a:b:1":     nil,
		"Uber-Trace-Id: a:b:c:1\r\nUberctx-X: 1\r\nY: z": {"Uber-Trace-Id": {"a:b:c:1"}, "Uberctx-X": {"1"}},
		"X-B3-Sampled: 1":                    {"X-B3-Sampled": {"1"}},
		"X-B3-Sampled: 0\r\nX-B3-TraceId: 1": nil,
		"X-B3-TraceId: 1\r\nX-B3-SpanId: 2":  {"X-B3-TraceId": {"1"}, "X-B3-SpanId": {"2"}},
		"B3: a-b-1":                          {"B3": {"a-b-1"}},
		"B3: a-b-0":                          nil,
		"B3: 0":                              nil,
		"Traceparent: 00-a-b-01\r\nTracestate: s": {"Traceparent": {"00-a-b-01"}, "Tracestate": {"s"}},
		"Traceparent: 00-a-b-00":                  nil,
	} {
		require.Equal(t, want, traced([]byte("NATS/1.0\r\n"+header+"\r\n\r\n")), header)
	}
}

// A large batch is sent in parts, and what was made on the way takes no more memory than that.
func TestCrossingIsBounded(t *testing.T) {
	l := newLand(t, "A exports stream a", "B imports stream A a as b", "A exports service s", "B imports service A s as t")
	k, p := l.taker("B", "b"), newPublisher()
	l.taker("A", "s")
	payload := strings.Repeat("x", 1<<16)
	trip, msgs := p.begin(t, strings.Repeat("a="+payload+" t>r="+payload+" ", 300))
	for i := range msgs {
		trip.Add(l.in([]string{"A", "B"}[i%2]), &msgs[i])
	}
	trip.Flush()
	require.Equal(t, 300, strings.Count(k.take(), "="))
	require.LessOrEqual(t, cap(trip.Stage.Side.Buf), 4*mostMade)
}
