// Package wire asks servers about claims: one request, and the answers of all of them.
//
// The package makes no tokens and reads no files. It starts no goroutines but those of the client library,
// and has no locks.
package wire

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// Subjects on which servers take the requests of operators.
const (
	SubjectUpdate = "$SYS.REQ.CLAIMS.UPDATE"
	SubjectList   = "$SYS.REQ.CLAIMS.LIST"
	SubjectDelete = "$SYS.REQ.CLAIMS.DELETE"
	SubjectPack   = "$SYS.REQ.CLAIMS.PACK"
)

// maxAnswers bounds what is kept of the answers to one request.
const maxAnswers = 100000

// Conn is a connection to the system account.
type Conn struct {
	*nats.Conn

	timeout time.Duration
	ended   chan struct{} // closed when the connection is closed for good
}

// Dial connects. The connection ends with its first loss. Timeout is the longest wait for an answer.
func Dial(urls string, timeout time.Duration, options ...nats.Option) (*Conn, error) {
	c := &Conn{timeout: timeout, ended: make(chan struct{})}
	options = append(options, nats.Timeout(max(timeout, 2*time.Second)), nats.NoReconnect(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // LastError has it
		nats.ClosedHandler(func(*nats.Conn) { close(c.ended) }))
	var err error
	c.Conn, err = nats.Connect(urls, options...)
	return c, err
}

// Shut closes the connection and returns when nothing of it is left.
func (w *Conn) Shut() {
	w.Close()
	<-w.ended
}

// Ask sends a request and returns the answers: those that come in time, but not more than expect unless
// that is 0, and none after the one at which last says so.
func (w *Conn) Ask(ctx context.Context, subject string, body []byte, expect int, last func([]byte) bool) ([][]byte, error) {
	sub, err := w.SubscribeSync(w.NewInbox())
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe() // the connection may be gone, which is told by others
	if err := w.PublishRequest(subject, sub.Subject, body); err != nil {
		return nil, err
	}
	var answers [][]byte
	end := time.Now().Add(w.timeout)
	for (expect == 0 || len(answers) < expect) && len(answers) < maxAnswers {
		if last != nil {
			end = time.Now().Add(w.timeout) // each may take that long
		}
		step, cancel := context.WithDeadline(ctx, end)
		m, err := sub.NextMsgWithContext(step)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			if err := w.LastError(); err != nil {
				return answers, err
			}
			return answers, nil
		case errors.Is(err, nats.ErrNoResponders):
			return answers, nil
		case err != nil:
			return answers, err
		case len(m.Data) == 0 && m.Header.Get("Status") == "503":
			return answers, nil
		}
		answers = append(answers, m.Data)
		if last != nil && last(m.Data) {
			break
		}
	}
	return answers, nil
}

// Answer is what a server says to a request about claims.
type Answer struct {
	Server struct {
		Name string `json:"name"`
		ID   string `json:"id"`
	} `json:"server"`
	Data  json.RawMessage `json:"data"`
	Error *struct {
		Account     string `json:"account"`
		Code        int    `json:"code"`
		Description string `json:"description"`
	} `json:"error"`
}

// Verdict is what a server made of a request, for people.
type Verdict struct {
	Account string `json:"account"` // name, or public key if it is not in the store
	Server  string `json:"server,omitempty"`
	OK      bool   `json:"ok"`
	Message string `json:"message"`
}

// Read understands an answer to an update or a delete.
func (v *Verdict) Read(text []byte) {
	var a Answer
	if err := json.Unmarshal(text, &a); err != nil {
		v.Server, v.Message = "?", "an answer that is no JSON"
		return
	}
	v.Server = cmp.Or(a.Server.Name, a.Server.ID, "?")
	if a.Error != nil {
		v.Message = cmp.Or(a.Error.Description, "refused")
		return
	}
	var d struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(a.Data, &d); err != nil {
		v.Message = "an answer without a result"
		return
	}
	v.OK, v.Message = d.Code == 200, d.Message
}

// From says which server it was, if that is known.
func (v *Verdict) From() string {
	if v.Server == "" {
		return ""
	}
	return "server " + v.Server + ": "
}
