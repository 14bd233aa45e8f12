package client

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/msg"
	"github.com/baridmq/barid/internal/core/proto"
)

// String names the connection as log lines do: its address and id, what the client says of
// itself, and who it is. It may be called by any goroutine.
func (s *session) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - cid:%d", s.from.Load().text, s.owner.ID)
	v := s.view.Load()
	if v == nil {
		return b.String()
	}
	var parts []string
	if v.options.Version != "" {
		parts = append(parts, "v"+v.options.Version)
	}
	for _, p := range []string{v.options.Lang, v.options.Name} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) > 0 {
		fmt.Fprintf(&b, " - %q", cut(strings.Join(parts, ":"), mostRemembered))
	}
	if v.id.Label != "" {
		fmt.Fprintf(&b, " - %q", v.id.Account.Name()+"/"+v.id.Label)
	}
	return b.String()
}

// mostLogged bounds the text of an error line: much of it may be what a peer has made up.
const mostLogged = 1024

func (s *session) errorf(format string, v ...any) {
	s.door.log.Errorf("%s - %s", s, cut(fmt.Sprintf(format, v...), mostLogged))
}

// cut shortens text to so many bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}

func (s *session) debugf(format string, v ...any) {
	s.door.log.Debugf("%s - %s", s, lazily{format, v})
}

// trace writes a trace line if tracing is on.
func (s *session) trace(format string, v ...any) {
	if s.tracing() {
		s.door.log.Tracef("%s - %s", s, lazily{format, v})
	}
}

// tracing reports whether the connection is traced.
func (s *session) tracing() bool {
	if !s.door.log.Tracing() {
		return false
	}
	v := s.view.Load()
	return v == nil || !v.system || s.door.cfg().Trace.System
}

// quote makes a text of the client fit for a log line.
func quote(text string) string { return strconv.Quote(text) }

// lazily is a text that is made only when it is written.
type lazily struct {
	format string
	args   []any
}

// String implements fmt.Stringer.
func (l lazily) String() string { return fmt.Sprintf(l.format, l.args...) }

// traceControl traces a received control line.
func (s *session) traceControl(verb proto.Verb, args []byte) {
	name := [...]string{
		proto.Sub: "SUB", proto.Unsub: "UNSUB", proto.Ping: "PING", proto.Pong: "PONG",
		proto.Connect: "CONNECT", proto.Info: "INFO", proto.OK: "OK", proto.Err: "-ERR",
	}[verb]
	switch verb {
	case proto.Connect:
		args = proto.Redact(args)
	case proto.Ping, proto.Pong, proto.OK:
		args = nil
	}
	if len(args) == 0 {
		s.trace("<<- [%s]", name)
		return
	}
	s.trace("<<- [%s %s]", name, args)
}

// tracePub traces a received message.
func (s *session) tracePub(buf []byte, m *msg.Message) {
	name := "PUB"
	if m.Header > 0 {
		name = "HPUB"
	}
	s.trace("<<- [%s %s]", name, line(buf, m))
	s.tracePayload("<<-", m.Data.Of(buf), int(m.Header))
}

// traceDeliveries traces the messages of a run on their way to this connection.
func (s *session) traceDeliveries(b *msg.Batch, r msg.Run, sub *account.Sub, headers bool) {
	for i := r.From; i < r.To; i++ {
		one, _ := proto.AppendRun(nil, b, msg.Run{From: i, To: i + 1}, sub.AppendSID(nil), headers)
		head, body, _ := strings.Cut(string(one), "\r\n")
		s.trace("->> [%s]", head)
		header := 0
		if headers {
			header = int(b.Msgs[i].Header)
		}
		s.tracePayload("->>", []byte(strings.TrimSuffix(body, "\r\n")), header)
	}
}

// traceEnd traces the end of a subscription.
func (s *session) traceEnd(sub *account.Sub) {
	if s.tracing() {
		s.trace("<-> [DELSUB %s]", sub.AppendSID(nil))
	}
}

// tracePayload traces a payload, of which the first bytes are a header.
func (s *session) tracePayload(direction string, payload []byte, header int) {
	max := s.door.cfg().Trace.MaxPayload
	if s.door.cfg().Trace.Headers {
		payload = bytes.TrimSuffix(payload[:header], []byte("\r\n\r\n"))
	}
	switch {
	case len(payload) == 0:
	case max > 0 && len(payload) > max:
		s.trace("%s MSG_PAYLOAD: [%q]", direction, string(payload[:max])+"...")
	default:
		s.trace("%s MSG_PAYLOAD: [%q]", direction, payload)
	}
}
