package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// publisher is the command pub.
type publisher struct {
	access    *access
	count     int
	sleep     time.Duration
	headers   []string
	reply     string
	lines     bool
	templates bool
	quiet     bool
}

func pubCommand() *cobra.Command {
	p := &publisher{}
	cmd := &cobra.Command{
		Use:   "pub SUBJECT [BODY]",
		Short: "publish messages",
		Long: `Publish a message, or several.

The body is the argument, or what comes from the input if it is "-" or missing and the input is a
file or pipe. The command ends well when the server has confirmed that it took everything.`,
		Example: `  barid pub orders.new '{"id": 1}'
  echo hello | barid pub greetings
  tail -f log | barid pub --lines logs.host1
  barid pub --count 10 --sleep 1s --templates ticks 'number {{Count}} at {{TimeStamp}}'
  barid pub -H Nats-Msg-Id:1 -H kind:test orders.new body`,
		Args: words(cobra.RangeArgs(1, 2)),
		RunE: p.run,
	}
	p.access = accessOf(cmd)
	f := cmd.Flags()
	f.IntVar(&p.count, "count", 1, "how many times")
	f.DurationVar(&p.sleep, "sleep", 0, "pause between messages")
	f.StringArrayVarP(&p.headers, "header", "H", nil, "header of the form `KEY:VALUE`; may be repeated")
	f.StringVar(&p.reply, "reply", "", "subject for answers")
	f.BoolVar(&p.lines, "lines", false, "each line of the input is a message")
	f.BoolVar(&p.templates, "templates", false, "fill in {{Count}}, {{TimeStamp}}, {{Unix}}, {{UnixNano}}, {{Time}}, {{ID}} and {{Random MIN MAX}} in subject and body")
	f.BoolVarP(&p.quiet, "quiet", "q", false, "do not tell what was published")
	cmd.MarkFlagsMutuallyExclusive("lines", "count")
	return cmd
}

func (p *publisher) run(cmd *cobra.Command, args []string) error {
	header, err := addHeaders(nil, p.headers)
	switch {
	case err != nil:
		return err
	case p.count < 1:
		return misused("--count %d: there is nothing to publish", p.count)
	case p.lines && len(args) > 1 && args[1] != "-":
		return misused("--lines takes the input, not the body %q", args[1])
	}
	l, err := p.access.dial(true)
	if err != nil {
		return err
	}
	defer l.shut()
	sent := 0
	if p.lines {
		sent, err = p.each(cmd, l, args[0], header)
	} else {
		sent, err = p.repeat(cmd, l, args, header)
	}
	if err != nil {
		return err
	}
	if err := l.settle(); err != nil {
		return err
	}
	if !p.quiet {
		say(cmd, "published %d to %q", sent, args[0])
	}
	return cmd.Context().Err()
}

// repeat publishes one body as often as asked and returns how often.
func (p *publisher) repeat(cmd *cobra.Command, l *link, args []string, header nats.Header) (int, error) {
	data, err := body(cmd, args, l.MaxPayload())
	if err != nil {
		return 0, err
	}
	for n := range p.count {
		if n > 0 && !pause(cmd.Context(), p.sleep) {
			return n, errInterrupted
		}
		if err := p.publish(l, args[0], string(data), header, n+1); err != nil {
			return n, err
		}
	}
	return p.count, nil
}

// each publishes the lines of the input and returns how many.
func (p *publisher) each(cmd *cobra.Command, l *link, subject string, header nats.Header) (int, error) {
	in := bufio.NewScanner(cmd.InOrStdin())
	in.Buffer(nil, int(l.MaxPayload())+2) // and a line end
	n := 0
	for ; in.Scan(); n++ {
		if n > 0 && !pause(cmd.Context(), p.sleep) {
			return n, errInterrupted
		}
		if err := p.publish(l, subject, in.Text(), header, n+1); err != nil {
			return n, err
		}
	}
	if err := in.Err(); err != nil {
		return n, fmt.Errorf("line %d of the input: %w", n+1, err)
	}
	return n, nil
}

// publish sends one message.
func (p *publisher) publish(l *link, subject, data string, header nats.Header, count int) (err error) {
	if p.templates {
		if subject, err = fill(subject, count); err != nil {
			return err
		}
		if data, err = fill(data, count); err != nil {
			return err
		}
	}
	select {
	case err := <-l.faults:
		if grave(err) {
			return err
		}
	default:
	}
	if err := l.PublishMsg(&nats.Msg{Subject: subject, Reply: p.reply, Header: header, Data: []byte(data)}); err != nil {
		return fmt.Errorf("publish to %q: %w", subject, err)
	}
	return nil
}

// errInterrupted is said when an interrupt came before the work was done.
var errInterrupted = errors.New("interrupted")

// pause waits and reports whether there was no interrupt.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
