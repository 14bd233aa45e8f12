package system

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/core/closed"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/doors/client"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

const serverID = "NTEST"

// expected is a panic that a test wants.
const expected = "for the test"

var now = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// never is a rhythm in which nothing comes on its own.
func never() rhythm {
	return rhythm{events: mostEvents, first: time.Hour, slowest: time.Hour, rate: time.Hour, settle: time.Hour, again: time.Hour}
}

// quickly is a rhythm in which only numbers of connections are told, at once.
func quickly() rhythm {
	r := never()
	r.settle = time.Millisecond
	return r
}

// house is a server around a System.
type house struct {
	*System
	t        testing.TB
	accounts *account.Registry
	tasks    *task.Group
	ids      atomic.Uint64
	asker    *port.Port // in the system account

	mu       sync.Mutex
	log      []string
	clients  map[string]int // open connections by account
	reloaded int
	ldm      []uint64
	connz    func(*status.ConnzOptions)
}

func (h *house) Warnf(format string, v ...any)  { h.note("warn "+format, v...) }
func (h *house) Errorf(format string, v ...any) { h.note("error "+format, v...) }

func (h *house) note(format string, v ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, fmt.Sprintf(format, v...))
}

func (h *house) logged() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.log, "\n")
}

func (h *house) nextID() uint64 { return h.ids.Add(1) }

// began starts a server in which accounts $SYS, $G, A and B are.
func began(t testing.TB, r rhythm, change ...func(*Config)) *house {
	h := &house{t: t, accounts: account.NewRegistry(), clients: map[string]int{}}
	h.tasks = task.New(func(name string, v any, stack []byte) {
		if v != expected {
			t.Errorf("%s panics: %v\n%s", name, v, stack)
		}
	})
	for _, name := range []string{"$SYS", "A", "B"} {
		h.accounts.Put(account.Spec{Name: name, Limits: account.Unlimited()})
	}
	h.ids.Store(1000)
	cfg := Config{
		Account: h.accounts.Get("$SYS"), Tasks: h.tasks, NextID: h.nextID, Log: h,
		Server: Server{
			ID: serverID, Name: "front", Host: "0.0.0.0", Version: "2.15.0", Cluster: "east", Domain: "hub",
			Tags: []string{"Zone:1", "ssd"}, Metadata: map[string]string{"rack": "7"},
		},
		Source: h.source(),
		Lookup: Lookup{
			Account:  h.accounts.Get,
			IsClient: func(id uint64) bool { return id < 1000 },
			User: func(cid uint64) *status.UserInfo {
				if cid != 7 {
					return nil
				}
				return &status.UserInfo{UserID: "alice", Account: "A", Expires: 90*time.Second + time.Millisecond,
					Permissions: &status.UserPermissions{Publish: &status.SubjectPermission{Deny: []string{"x"}}}}
			},
		},
		Actions: h.actions(),
	}
	for _, f := range change {
		f(&cfg)
	}
	s, err := start(cfg, r)
	require.NoError(t, err)
	h.System = s
	h.asker = h.into("$SYS")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), lab.Patience)
		defer cancel()
		require.NoError(t, h.Shutdown(ctx))
		h.asker.Close()
		require.Empty(t, h.tasks.Wait(lab.Patience))
	})
	return h
}

func (h *house) actions() Actions {
	return Actions{
		Reload: func() error {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.reloaded++; h.reloaded > 1 {
				return fmt.Errorf("the file is gone")
			}
			return nil
		},
		Kick: func(cid uint64) error {
			if cid != 7 {
				return ErrNoConnection
			}
			return nil
		},
		Announce: func(cid uint64) error {
			if cid != 7 {
				return client.ErrNoClient
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			h.ldm = append(h.ldm, cid)
			return nil
		},
	}
}

func (h *house) source() Source {
	list := func() (all []report.Account) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, a := range h.accounts.All() {
			all = append(all, report.Account{Name: a.Name(), System: a.Name() == "$SYS", Clients: h.clients[a.Name()], Updated: now})
		}
		return all
	}
	names := report.Names{ID: serverID, Name: "front"}
	return Source{
		Varz: func() *status.Varz {
			return &status.Varz{ID: serverID, Name: "front", Start: now, Now: now, Connections: 3}
		},
		Active: func() int { return 2 },
		Health: func(o *status.HealthzOptions) *status.HealthStatus { return report.Health(o, nil) },
		Connz: func(o *status.ConnzOptions) (*status.Connz, error) {
			if h.connz != nil {
				h.connz(o)
			}
			return report.Connz(serverID, now, o, report.Population{Open: report.Conns{Len: 4, At: func(i int) report.Conn {
				return report.Conn{CID: uint64(i + 1), Start: now, LastActivity: now, Login: report.Login{Account: []string{"A", "B"}[i%2]}}
			}}})
		},
		Subsz: func(o *status.SubszOptions) (*status.Subsz, error) {
			return report.Subsz(serverID, now, o, []report.Index{{Account: "A", Subs: 3}, {Account: "B", Subs: 4}})
		},
		Routez:   func(*status.RoutezOptions) (*status.Routez, error) { return report.Routez(names, now), nil },
		Gatewayz: func(*status.GatewayzOptions) (*status.Gatewayz, error) { return report.Gatewayz(names, now), nil },
		Leafz:    func(*status.LeafzOptions) (*status.Leafz, error) { return report.Leafz(names, now), nil },
		Accountz: func(o *status.AccountzOptions) (*status.Accountz, error) {
			return report.Accountz(serverID, now, o, list())
		},
		AccountStatz: func(o *status.AccountStatzOptions) (*status.AccountStatz, error) {
			return report.AccountStatz(serverID, now, o, list()), nil
		},
		Jsz: func(o *status.JSzOptions) (*status.JSInfo, error) { return report.Jsz(names, now, o) },
	}
}

// into opens a way into an account, beside the connections of clients.
func (h *house) into(name string) *port.Port {
	return port.Open(port.Config{Account: h.accounts.Get(name), Tasks: h.tasks, Name: "test", ID: h.nextID()})
}

// connect opens a way into an account that counts as a client.
func (h *house) connect(name string, id uint64) *port.Port {
	return port.Open(port.Config{Account: h.accounts.Get(name), Tasks: h.tasks, Name: "test", ID: id})
}

// count sets how many connections an account has.
func (h *house) count(name string, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients[name] = n
}

// listen collects what is published.
func (h *house) listen(p *port.Port, subj string) <-chan *port.Message {
	ch := make(chan *port.Message, 20000)
	_, err := p.Subscribe(subj, "", func(m *port.Message) { ch <- m })
	require.NoError(h.t, err)
	return ch
}

// next waits for a message.
func next(t testing.TB, ch <-chan *port.Message) *port.Message {
	t.Helper()
	select {
	case m := <-ch:
		return m
	case <-time.After(lab.Patience):
		require.FailNow(t, "no message")
		return nil
	}
}

// decoded is a message as JSON.
func decoded[T any](t testing.TB, m *port.Message) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(m.Data, &v), "%s", m.Data)
	return v
}

// request asks and returns the answer; the error says that there was none.
func (h *house) request(m *port.Message, within time.Duration) (*port.Message, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return h.asker.Request(ctx, m)
}

// ask asks and returns the answer as text.
func (h *house) ask(subj, body string) string {
	h.t.Helper()
	m, err := h.request(&port.Message{Subject: subj, Data: []byte(body)}, lab.Patience)
	require.NoError(h.t, err, subj)
	return string(m.Data)
}

// silent asks and makes sure that nobody answers before a question that is asked behind it, on the
// same port of the System, is answered.
func (h *house) silent(subj, body, behind string) {
	h.t.Helper()
	replies := h.listen(h.asker, "_SILENT."+subj)
	require.True(h.t, h.asker.Publish(&port.Message{Subject: subj, Reply: "_SILENT." + subj, Data: []byte(body)}), subj)
	h.ask(behind, "")
	require.Empty(h.t, replies, subj)
}

// somebody is a connection.
func somebody(id uint64, name string) *client.Info {
	return &client.Info{
		ID: id, IP: "127.0.0.1", Port: 4, Start: now, Name: "n", Lang: "go", Version: "1", Account: name, NameTag: name + "-tag",
		Login: client.Login{User: "alice"}, RTT: time.Millisecond,
		InMsgs: 1, InBytes: 2, OutMsgs: 3, OutBytes: 4,
	}
}

// gone is a connection that has ended.
func gone(id uint64, name string, why closed.Reason) *client.Info {
	i := somebody(id, name)
	i.Stop, i.Reason = now.Add(time.Minute), why
	return i
}
