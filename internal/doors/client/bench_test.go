package client

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/core/task"
	"github.com/baridmq/barid/internal/trust/auth"
)

// benchSession is a session that reads what it is given; what is sent to it goes nowhere.
func benchSession(b *testing.B) *session {
	b.Helper()
	tasks := task.New(nil)
	d := New(Config{
		Tasks: tasks, Log: &record{}, IDs: new(atomic.Uint64), Auth: auth.NewOpen(account.NewRegistry().Get(account.Global)),
		Info: proto.ServerInfo{Headers: true}, MaxLine: 4096, MaxPayload: 1 << 20, MaxPending: 64 << 20,
		WriteDeadline: time.Minute, Pings: Pings{Interval: time.Hour}, AuthTimeout: time.Hour,
	})
	ours, theirs := net.Pipe()
	s := newSession(d, ours, identity.Standard)
	d.table.add(s)
	b.Cleanup(func() { ours.Close(); theirs.Close(); s.stopPings(); tasks.Wait(time.Second) })
	go func() {
		buf := make([]byte, 1<<20)
		for {
			if _, err := theirs.Read(buf); err != nil {
				return
			}
		}
	}()
	if err := s.Open(); err != nil {
		b.Fatal(err)
	}
	if _, _, err := s.Read([]byte("CONNECT "+quietly+"\r\n"), time.Now()); err != nil {
		b.Fatal(err)
	}
	return s
}

// What a read batch costs a session, by the number of messages in it. Nobody wants them.
func BenchmarkRead(b *testing.B) {
	for name, n := range map[string]int{"one": 1, "hundred": 100} {
		b.Run(name, func(b *testing.B) {
			s := benchSession(b)
			batch := []byte(strings.Repeat(pub("a.b.c", "0123456789abcdef"), n))
			now := time.Now()
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Read(batch, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
