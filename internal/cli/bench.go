package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

const (
	maxClients  = 10_000
	maxRequests = 10_000_000 // whose latencies are kept
	maxPending  = 512 << 20  // bytes of messages that wait for a listener
	stampSize   = 16         // bytes at the beginning of a payload: run, client, sequence
)

// bench is one of the commands of bench.
type bench struct {
	access     *access
	role       string
	clients    int
	msgs       int
	size       int
	sleep      time.Duration
	queue      string
	noProgress bool
	json       bool

	run uint32 // tells the messages of this run from others
}

// benchClient is one of the clients of a bench. All but done belongs to the goroutine that works for
// it; others read it when that has ended.
type benchClient struct {
	link    *link
	share   int // messages to send
	done    atomic.Int64
	begin   time.Time
	end     time.Time
	latency []time.Duration
	audit   audit
	failed  error
	idle    chan struct{} // closed when a listener handles no more messages
}

func benchCommand() *cobra.Command {
	return group("bench", "measure throughput and latency", `Measure how fast messages go. Start the side that listens first. Messages of at least 16 bytes say where
they belong: then listeners tell what was lost or came out of order, and end with status 1.`,
		(&bench{role: "pub"}).command("publish as fast as possible",
			"Publish messages, which are shared out among the clients, until the server has taken all.",
			"  barid bench pub test --msgs 1000000 --size 128 --clients 4"),
		(&bench{role: "sub"}).command("subscribe and count",
			"Receive --msgs messages in each client, or in all together if they form a queue group.",
			"  barid bench sub test --msgs 1000000 --clients 2"),
		(&bench{role: "request"}).command("send requests, one after the other in each client",
			"Send requests, which are shared out among the clients. Each waits for its reply before the next.",
			"  barid bench request echo --msgs 10000 --clients 4"),
		(&bench{role: "reply"}).command("answer requests with their payload",
			"Answer requests until an interrupt, or until --msgs were answered by all clients together.",
			"  barid bench reply echo --clients 2"))
}

// command makes the command of the role.
func (b *bench) command(short, long, example string) *cobra.Command {
	cmd := &cobra.Command{Use: b.role + " SUBJECT", Short: short, Long: long, Example: example,
		Args: words(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return b.measure(cmd, args[0]) }}
	b.access = accessOf(cmd)
	f := cmd.Flags()
	f.IntVar(&b.clients, "clients", 1, "how many connections")
	msgs := 100_000
	if b.role == "reply" {
		msgs = 0
	}
	f.IntVar(&b.msgs, "msgs", msgs, "how many messages")
	switch b.role {
	case "pub", "request":
		f.IntVar(&b.size, "size", 128, "bytes of a payload")
		f.DurationVar(&b.sleep, "sleep", 0, "pause of a client between messages")
	case "sub":
		f.StringVar(&b.queue, "queue", "", "queue `GROUP` of all clients")
	case "reply":
		f.StringVar(&b.queue, "queue", "barid-bench", "queue `GROUP` of all clients")
	}
	f.BoolVar(&b.noProgress, "no-progress", false, "show no progress bar")
	f.BoolVar(&b.json, "json", false, "print the result as a line of JSON")
	return cmd
}

// valid returns an error if the flags make no sense.
func (b *bench) valid() error {
	least := 1
	if b.role == "reply" {
		least = 0
	}
	switch {
	case b.clients < 1 || b.clients > maxClients:
		return misused("--clients %d: there may be 1 to %d", b.clients, maxClients)
	case b.msgs < least:
		return misused("--msgs %d: there is nothing to measure", b.msgs)
	case b.role == "request" && b.msgs > maxRequests:
		return misused("--msgs %d: at most %d requests can be measured", b.msgs, maxRequests)
	case b.size < 0:
		return misused("--size %d: that is no size", b.size)
	}
	return nil
}

func (b *bench) measure(cmd *cobra.Command, subject string) (err error) {
	if err := b.valid(); err != nil {
		return err
	}
	var seed [4]byte
	_, _ = rand.Read(seed[:]) // never fails
	b.run = binary.BigEndian.Uint32(seed[:])
	all := make([]*benchClient, b.clients)
	defer func() {
		for _, c := range all {
			if c != nil {
				c.link.shut()
			}
		}
	}()
	for i := range all {
		l, err := b.access.dial(false)
		if err != nil {
			return err
		}
		all[i] = &benchClient{link: l, share: b.msgs / b.clients}
		if i < b.msgs%b.clients {
			all[i].share++
		}
	}
	if int64(b.size) > all[0].link.MaxPayload() {
		return fmt.Errorf("--size %d: the server takes at most %d bytes", b.size, all[0].link.MaxPayload())
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	var over <-chan struct{}
	switch b.role {
	case "pub":
		over = inParallel(all, func(i int, c *benchClient) { c.failed = b.publish(ctx, c, i, subject) })
	case "request":
		over = inParallel(all, func(i int, c *benchClient) { c.failed = b.request(ctx, c, i, subject) })
	default:
		if over, err = b.receive(cmd, all, subject); err != nil {
			return err
		}
	}
	if err := b.watch(cmd, all, over, cancel); err != nil {
		return err
	}
	return b.report(cmd, all)
}

// inParallel works for all clients at the same time. The channel is closed when all have ended.
func inParallel(all []*benchClient, work func(int, *benchClient)) <-chan struct{} {
	var working sync.WaitGroup
	over := make(chan struct{})
	for i, c := range all {
		working.Go(func() { work(i, c) })
	}
	go func() {
		working.Wait()
		close(over)
	}()
	return over
}

// publish is the work of a publisher.
func (b *bench) publish(ctx context.Context, c *benchClient, who int, subject string) error {
	payload := make([]byte, b.size)
	c.begin = time.Now()
	defer func() { c.end = time.Now() }()
	for n := range c.share {
		if n&63 == 0 && ctx.Err() != nil {
			break
		}
		b.stamp(payload, who, n)
		if err := c.link.Publish(subject, payload); err != nil {
			return err
		}
		c.done.Add(1)
		if b.sleep > 0 && !pause(ctx, b.sleep) {
			break
		}
	}
	return c.link.settle()
}

// request is the work of a requester.
func (b *bench) request(ctx context.Context, c *benchClient, who int, subject string) error {
	payload := make([]byte, b.size)
	c.latency = make([]time.Duration, 0, c.share)
	c.begin = time.Now()
	defer func() { c.end = time.Now() }()
	for n := range c.share {
		if ctx.Err() != nil {
			return nil
		}
		b.stamp(payload, who, n)
		begin := time.Now()
		if _, err := c.link.Request(subject, payload, c.link.timeout); err != nil {
			return err
		}
		c.latency = append(c.latency, time.Since(begin))
		c.done.Add(1)
		if b.sleep > 0 && !pause(ctx, b.sleep) {
			return nil
		}
	}
	return nil
}

// stamp writes into a payload who sends it and which one it is, if there is room.
func (b *bench) stamp(payload []byte, who, n int) {
	if len(payload) < stampSize {
		return
	}
	binary.BigEndian.PutUint32(payload, b.run)
	binary.BigEndian.PutUint32(payload[4:], uint32(who))
	binary.BigEndian.PutUint64(payload[8:], uint64(n))
}

// receive subscribes all clients. The channel is closed when they have received everything.
func (b *bench) receive(cmd *cobra.Command, all []*benchClient, subject string) (<-chan struct{}, error) {
	over := make(chan struct{})
	var total atomic.Int64
	expected := int64(b.msgs)
	if b.queue == "" {
		expected *= int64(len(all))
	}
	for _, c := range all {
		c.audit.queue = b.queue != ""
		handle := func(m *nats.Msg) {
			if b.msgs > 0 && (c.done.Load() == int64(b.msgs) || total.Load() >= expected) {
				return // more than was asked for
			}
			c.end = time.Now()
			if c.begin.IsZero() {
				c.begin = c.end
			}
			if b.role == "reply" {
				if err := m.Respond(m.Data); err != nil {
					c.link.fault(err)
				}
			}
			c.audit.see(m.Data)
			c.done.Add(1)
			if total.Add(1) == expected {
				close(over)
			}
		}
		sub, err := c.link.QueueSubscribe(subject, b.queue, handle)
		if err == nil {
			c.idle = make(chan struct{})
			sub.SetClosedHandler(func(string) { close(c.idle) })
			err = sub.SetPendingLimits(-1, maxPending)
		}
		if err == nil {
			err = c.link.settle()
		}
		if err != nil {
			return nil, fmt.Errorf("subscribe to %q: %w", subject, err)
		}
	}
	say(cmd, "subscribed to %s", subject)
	return over, nil
}

// watch waits for the end and shows the progress meanwhile. Listeners end, too, when messages stop
// coming; senders when they see that cancel was called.
func (b *bench) watch(cmd *cobra.Command, all []*benchClient, over <-chan struct{}, cancel func()) error {
	expected := b.msgs
	if b.role == "sub" && b.queue == "" {
		expected *= len(all)
	}
	bar := b.bar(cmd, expected)
	defer bar.end()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	interrupt, seen, since := cmd.Context().Done(), int64(0), time.Now()
	for {
		select {
		case <-over:
			return b.quiet(all)
		case <-interrupt:
			if interrupt = nil; b.role == "sub" || b.role == "reply" {
				return b.quiet(all)
			}
			cancel()
		case <-tick.C:
			now := total(all)
			bar.set(now)
			if now != seen {
				seen, since = now, time.Now()
			}
			if b.role == "sub" && seen > 0 && time.Since(since) > all[0].link.timeout {
				return b.quiet(all)
			}
			for _, c := range all {
				if c.link.IsClosed() && (b.role == "sub" || b.role == "reply") {
					return errors.Join(errors.New("a connection was lost"), b.quiet(all))
				}
			}
		}
	}
}

// quiet makes sure that nothing works for the clients any more, so that others may read them.
func (b *bench) quiet(all []*benchClient) error {
	if b.role == "reply" { // what was answered has to arrive
		for _, c := range all {
			_ = c.link.FlushTimeout(c.link.timeout)
		}
	}
	for _, c := range all {
		c.link.shut()
		if c.idle != nil {
			<-c.idle
		}
		select {
		case err := <-c.link.faults:
			c.failed = cmp.Or(c.failed, err)
		default:
		}
	}
	return nil
}

// total is what all clients have done.
func total(all []*benchClient) (sum int64) {
	for _, c := range all {
		sum += c.done.Load()
	}
	return sum
}
