package system

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/s2"

	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/server/status"
)

const (
	// mostBody is the largest body of a request that is read, in bytes.
	mostBody = 64 << 10
	// mostAnswer is the largest answer, in bytes, before it is compressed: what a port takes, and
	// room for a header.
	mostAnswer = 64<<20 - 1<<10
)

// The header fields of requests and answers.
const (
	acceptEncoding  = "Accept-Encoding"
	contentEncoding = "Content-Encoding"
	requestInfo     = "Nats-Request-Info"
)

// question is a request that is being answered.
type question struct {
	system *System
	port   *port.Port
	m      *port.Message
}

// read decodes the body into opts, unless that is nil, and reports whether this server is meant. It
// answers if the body cannot be read.
func (q *question) read(opts any) bool {
	meant, err := q.decode(opts)
	if err != nil {
		q.fail(http.StatusBadRequest, err.Error(), false)
		return false
	}
	return meant
}

// decode is read without an answer.
func (q *question) decode(opts any) (meant bool, err error) {
	body := q.m.Data
	if len(body) > mostBody {
		return false, errTooLarge
	}
	if len(body) == 0 {
		return true, nil
	}
	var f status.EventFilterOptions
	if err = json.Unmarshal(body, &f); err == nil && opts != nil {
		err = json.Unmarshal(body, opts)
	}
	return err == nil && q.system.server.Load().is(&f), err
}

// is reports whether f chooses the server.
func (s *Server) is(f *status.EventFilterOptions) bool {
	match := func(have, want string) bool {
		return want == "" || have == want || !f.ExactMatch && strings.Contains(have, want)
	}
	if !match(s.Name, f.Name) || !match(s.Host, f.Host) || !match(s.Cluster, f.Cluster) || f.Domain != "" && f.Domain != s.Domain {
		return false
	}
	for _, want := range f.Tags {
		if !s.tagged(want) {
			return false
		}
	}
	return true
}

func (s *Server) tagged(want string) bool {
	for _, tag := range s.Tags {
		if strings.EqualFold(tag, want) {
			return true
		}
	}
	return false
}

// fail answers with an error. Some requests say then that there is no data.
func (q *question) fail(code int, text string, nullData bool) {
	server := q.system.serverInfo()
	r := status.ServerAPIResponse{Server: &server, Error: &status.ApiError{Code: code, Description: text}}
	if nullData {
		r.Data = json.RawMessage("null")
	}
	q.bare(&r)
}

// data answers with v; nil is for a request that only does something.
func (q *question) data(v any) {
	server := q.system.serverInfo()
	body, err := json.Marshal(&status.ServerAPIResponse{Server: &server, Data: v})
	switch {
	case err != nil:
		q.fail(http.StatusInternalServerError, err.Error(), false)
		return
	case len(body) > mostAnswer:
		q.fail(http.StatusInternalServerError, "the answer is too large; ask for a smaller page", false)
		return
	}
	m := &port.Message{Subject: q.m.Reply, Data: body}
	if accepted := q.m.Get(acceptEncoding); accepted != "" {
		m.Data = compress(m, body, strings.ToLower(accepted))
	}
	q.port.Publish(m)
}

// bare answers with v alone, which is never compressed.
func (q *question) bare(v any) {
	body, err := json.Marshal(v)
	if err != nil {
		q.system.cfg.Log.Errorf("System account: %s: %v", q.m.Subject, err)
		return
	}
	q.port.Publish(&port.Message{Subject: q.m.Reply, Data: body})
}

// compress returns body in the encoding that the asker likes best of ours and names that in m.
func compress(m *port.Message, body []byte, accepted string) []byte {
	var b bytes.Buffer
	var w io.WriteCloser
	name := "identity"
	switch {
	case strings.Contains(accepted, "snappy"), strings.Contains(accepted, "s2"):
		name, w = "snappy", s2.NewWriter(&b, s2.WriterSnappyCompat(), s2.WriterConcurrency(1))
	case strings.Contains(accepted, "gzip"):
		name, w = "gzip", gzip.NewWriter(&b)
	}
	m.Set(contentEncoding, name)
	if w == nil {
		return body
	}
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
