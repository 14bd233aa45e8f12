package trust

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/test"
)

// fake plays servers with full resolvers, all behind one URL.
type fake struct {
	t      *testing.T
	server *server.Server
	names  []string

	mu      sync.Mutex
	tokens  map[string]string
	refuse  string          // what updates are refused with
	silent  map[string]bool // subjects that the last server does not answer
	deleted []*jwt.GenericClaims
}

// serve starts a fake with so many servers.
func serve(t *testing.T, names ...string) *fake {
	t.Helper()
	o := test.DefaultTestOptions
	o.Port = -1
	f := &fake{t: t, server: test.RunServer(&o), names: names, tokens: map[string]string{}, silent: map[string]bool{}}
	t.Cleanup(f.server.Shutdown)
	if len(names) == 0 {
		return f
	}
	ended := make(chan struct{})
	nc, err := nats.Connect(f.server.ClientURL(), nats.ClosedHandler(func(*nats.Conn) { close(ended) }))
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close(); <-ended })
	_, err = nc.Subscribe("$SYS.REQ.CLAIMS.*", f.answer)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return f
}

func (f *fake) answer(m *nats.Msg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.Subject == "$SYS.REQ.CLAIMS.PACK" {
		for id, token := range f.tokens {
			_ = m.Respond([]byte(id + "|" + token))
		}
		_ = m.Respond(nil)
		return
	}
	for i, name := range f.names {
		if f.silent[m.Subject] && i == len(f.names)-1 {
			return
		}
		reply := map[string]any{"server": map[string]string{"name": name, "id": "N" + name}}
		data, problem := f.result(m)
		if problem != "" {
			reply["error"] = map[string]any{"code": 500, "description": problem}
		} else {
			reply["data"] = data
		}
		text, _ := json.Marshal(reply)
		_ = m.Respond(text)
	}
}

// result is what one server says.
func (f *fake) result(m *nats.Msg) (data any, problem string) {
	switch m.Subject {
	case "$SYS.REQ.CLAIMS.LIST":
		return sorted(f.tokens), ""
	case "$SYS.REQ.CLAIMS.UPDATE":
		c, err := jwt.DecodeAccountClaims(string(m.Data))
		if err != nil {
			return nil, "jwt update resulted in error - " + err.Error()
		}
		if f.refuse != "" {
			return nil, f.refuse
		}
		f.tokens[c.Subject] = string(m.Data)
		return map[string]any{"account": c.Subject, "code": 200, "message": "jwt updated"}, ""
	case "$SYS.REQ.CLAIMS.DELETE":
		g, err := jwt.DecodeGeneric(string(m.Data))
		if err != nil || g.Issuer != g.Subject {
			return nil, "not self signed"
		}
		f.deleted = append(f.deleted, g)
		ids, _ := g.Data["accounts"].([]any)
		for _, id := range ids {
			delete(f.tokens, fmt.Sprint(id))
		}
		return map[string]any{"code": 200, "message": fmt.Sprintf("deleted %d accounts", len(ids))}, ""
	}
	return nil, "unknown " + m.Subject
}

// names returns the names of the accounts that the servers have.
func (f *fake) accounts() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, id := range sorted(f.tokens) {
		c, err := jwt.DecodeAccountClaims(f.tokens[id])
		require.NoError(f.t, err)
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}
