package account

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"

	"github.com/baridmq/barid/internal/core/msg"
)

// Passage is the import of a service that is in force. It is immutable.
type Passage struct {
	link               *link
	importer, exporter *Account
	system             bool
	who                []byte
}

func newPassage(importer, exporter *Account, l *link, system bool) *Passage {
	s := &Passage{link: l, importer: importer, exporter: exporter, system: system}
	s.who, _ = json.Marshal(importer.name) // a string cannot fail
	return s
}

// Importer is the account whose requests it takes, Exporter the one that answers.
func (s *Passage) Importer() *Account { return s.importer }

// Exporter is the account that answers.
func (s *Passage) Exporter() *Account { return s.exporter }

// Export is what allows it, Import what asked for it.
func (s *Passage) Export() *Export { return s.link.exp }

// Import is what asked for it.
func (s *Passage) Import() *Import { return s.link.imp }

// System reports whether the exporter is the account of the server itself.
func (s *Passage) System() bool { return s.system }

// Who is the importer's name as a JSON string.
func (s *Passage) Who() []byte { return s.who }

// Remote appends the exporter's subject of a request on the local subject subj. It reports false, and
// returns dst as it was, if the service is not for it.
func (s *Passage) Remote(dst, subj []byte) ([]byte, bool) {
	if s.link.back == nil {
		return append(dst, subj...), true
	}
	return s.link.back.Append(dst, subj)
}

// Threshold is how long an answer may take.
func (s *Passage) Threshold() time.Duration {
	if t := s.link.exp.Threshold; t > 0 {
		return t
	}
	return DefaultThreshold
}

// Route is the entry of a service in its importer. It outlives changes that leave its subjects alone.
type Route struct {
	owner Owner
	sub   Sub
	to    atomic.Pointer[Passage]
}

func newRoute(s *Passage) *Route {
	r := &Route{}
	r.owner.Receiver, r.sub.owner = r, &r.owner
	r.to.Store(s)
	return r
}

// Passage returns where the route leads to now, nil if nowhere any more.
func (r *Route) Passage() *Passage { return r.to.Load() }

// Deliver implements Receiver.
func (r *Route) Deliver(st *Stage, run msg.Run, _ *Sub) Outcome {
	c, ok := st.Host.(Carrier)
	if !ok || r.to.Load() == nil {
		return Refused
	}
	return c.Request(run, r)
}

// SystemExports are what the system account exports to every other account, beside what its Spec says.
func SystemExports() []Export {
	own := func(name string) Export {
		return Export{Kind: Service, Subject: "$SYS.REQ.ACCOUNT.*." + name, Response: Streamed, TokenPosition: 4}
	}
	return []Export{
		own("CONNZ"), own("STATZ"),
		{Kind: Service, Subject: "$SYS.REQ.USER.*.INFO", TokenPosition: 4},
		{Kind: Service, Subject: "$SYS.REQ.SERVER.PING.CONNZ", Response: Streamed},
		{Kind: Service, Subject: "$SYS.DEBUG.SUBSCRIBERS"},
	}
}

// SystemImports are what the account name imports from the account system, beside what its Spec says;
// none if it is that account, or if its name is no token of a subject.
func SystemImports(system, name string) []Import {
	if system == "" || name == system || name == "" || strings.ContainsAny(name, ".*> \t\r\n") {
		return nil
	}
	from := func(remote, local string, share bool) Import {
		return Import{Kind: Service, Account: system, Subject: remote, Local: local, Share: share}
	}
	return []Import{
		from("$SYS.REQ.ACCOUNT."+name+".CONNZ", "$SYS.REQ.ACCOUNT.PING.CONNZ", false),
		from("$SYS.REQ.SERVER.PING.CONNZ", "", false),
		from("$SYS.REQ.ACCOUNT."+name+".STATZ", "$SYS.REQ.ACCOUNT.PING.STATZ", false),
		from("$SYS.REQ.USER."+name+".INFO", "$SYS.REQ.USER.INFO", true),
	}
}
