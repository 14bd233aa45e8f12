package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// listener is what sub and reply have in common: subscriptions whose messages come one after the
// other out of one channel.
type listener struct {
	access   *access
	queue    string
	count    int
	messages chan *nats.Msg
	stop     chan struct{} // closed when nobody reads messages any more
}

// listenerOf adds the flags of a listener to a command.
func listenerOf(cmd *cobra.Command, queue string) *listener {
	l := &listener{access: accessOf(cmd), messages: make(chan *nats.Msg, 256), stop: make(chan struct{})}
	cmd.Flags().StringVar(&l.queue, "queue", queue, "queue `GROUP`: each message goes to one of its members")
	cmd.Flags().IntVar(&l.count, "count", 0, "end after so many messages (default: never)")
	return l
}

// listen subscribes, hands every message to take, and returns at an interrupt, after everything that
// had arrived was taken; or when the count is reached, or nothing came for the time of quiet, if that
// is not 0.
func (l *listener) listen(cmd *cobra.Command, subjects []string, quiet time.Duration,
	take func(*link, *nats.Msg) error, rest func() error) error {
	if l.count < 0 {
		return misused("--count %d: that is no number of messages", l.count)
	}
	nc, err := l.access.dial(true)
	if err != nil {
		return err
	}
	defer nc.shut()
	defer close(l.stop)
	for _, subject := range subjects {
		if err := l.subscribe(nc, subject); err != nil {
			return fmt.Errorf("subscribe to %q: %w", subject, err)
		}
	}
	if err := nc.settle(); err != nil {
		return err
	}
	say(cmd, "subscribed to %s", strings.Join(subjects, ", "))
	err = l.loop(cmd, nc, quiet, take, rest)
	return errors.Join(err, rest())
}

// subscribe makes a subscription whose messages go into the channel.
func (l *listener) subscribe(nc *link, subject string) error {
	sub, err := nc.QueueSubscribe(subject, l.queue, func(m *nats.Msg) {
		select {
		case l.messages <- m:
		case <-l.stop:
		}
	})
	if err == nil && l.count > 0 {
		err = sub.AutoUnsubscribe(l.count) // of a queue, others get the rest
	}
	return err
}

// loop takes messages until the end. When none is waiting it calls rest.
func (l *listener) loop(cmd *cobra.Command, nc *link, quiet time.Duration,
	take func(*link, *nats.Msg) error, rest func() error) (failed error) {
	interrupt := cmd.Context().Done()
	silence := time.NewTimer(quiet)
	defer silence.Stop()
	if quiet <= 0 {
		silence.Stop()
	}
	for taken := 0; ; {
		if len(l.messages) == 0 {
			if err := rest(); err != nil {
				return err
			}
		}
		select {
		case m := <-l.messages:
			if err := take(nc, m); err != nil {
				return err
			}
			if taken++; taken == l.count {
				return failed
			}
			if quiet > 0 {
				silence.Reset(quiet)
			}
		case err := <-nc.faults:
			if grave(err) {
				return err
			}
			say(cmd, "barid: %v", err)
			if errors.Is(err, nats.ErrSlowConsumer) {
				failed = exit(statusFailed)
			}
		case <-interrupt:
			interrupt = nil
			if err := nc.Drain(); err != nil {
				return failed // there is no connection to drain
			}
		case <-nc.ended: // drained
			return errors.Join(failed, l.last(nc, take))
		case <-silence.C:
			return fmt.Errorf("no message for %v", quiet)
		}
	}
}

// last takes what a closed connection has left.
func (l *listener) last(nc *link, take func(*link, *nats.Msg) error) error {
	for {
		select {
		case m := <-l.messages:
			if err := take(nc, m); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func subCommand() *cobra.Command {
	var l *listener
	var p *printer
	var quiet time.Duration
	cmd := &cobra.Command{
		Use:   "sub SUBJECT...",
		Short: "subscribe and print what arrives",
		Long: `Subscribe to subjects and print what arrives, until an interrupt; then what the server has sent
before is still printed.`,
		Example: `  barid sub 'orders.>'
  barid sub --count 1 --raw answers
  barid sub --queue workers --json jobs other.jobs
  barid sub --quiet 10s ticks     # status 1 if nothing comes for ten seconds`,
		Args: words(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.open(cmd.OutOrStdout())
			take := func(_ *link, m *nats.Msg) error { return p.print(m, 0) }
			return l.listen(cmd, args, quiet, take, func() error { return p.out.Flush() })
		},
	}
	l, p = listenerOf(cmd, ""), printerOf(cmd)
	cmd.Flags().DurationVar(&quiet, "quiet", 0, "end with status 1 when nothing comes for so long")
	return cmd
}
