package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// requester is the command request.
type requester struct {
	access  *access
	printer *printer
	headers []string
	replies int
	between time.Duration
}

func requestCommand() *cobra.Command {
	r := &requester{}
	cmd := &cobra.Command{
		Use:     "request SUBJECT [BODY]",
		Aliases: []string{"req"},
		Short:   "send a request and print the reply",
		Long: `Send a request and print the reply, or several.

The status is 1 if nobody answers within the timeout, or if nobody is there to answer. The body is
the argument, or what comes from the input if it is "-" or missing and the input is a file or pipe.`,
		Example: `  barid request time now
  barid request --raw --timeout 1s time now
  barid request --replies 0 --reply-timeout 500ms who.is.there ''   # all who answer`,
		Args: words(cobra.RangeArgs(1, 2)),
		RunE: r.run,
	}
	r.access, r.printer = accessOf(cmd), printerOf(cmd)
	f := cmd.Flags()
	f.StringArrayVarP(&r.headers, "header", "H", nil, "header of the form `KEY:VALUE`; may be repeated")
	f.IntVar(&r.replies, "replies", 1, "how many replies to wait for; 0: as many as come")
	f.DurationVar(&r.between, "reply-timeout", 300*time.Millisecond, "longest wait for another reply after the first")
	return cmd
}

func (r *requester) run(cmd *cobra.Command, args []string) error {
	header, err := addHeaders(nil, r.headers)
	switch {
	case err != nil:
		return err
	case r.replies < 0:
		return misused("--replies %d: that is no number of replies", r.replies)
	case r.between <= 0:
		return misused("--reply-timeout %v is too short", r.between)
	}
	l, err := r.access.dial(true)
	if err != nil {
		return err
	}
	defer l.shut()
	data, err := body(cmd, args, l.MaxPayload())
	if err != nil {
		return err
	}
	inbox := l.NewInbox()
	answers := make(chan *nats.Msg, 1024)
	if _, err := l.ChanSubscribe(inbox, answers); err != nil {
		return err
	}
	r.printer.open(cmd.OutOrStdout())
	begin := time.Now()
	if err := l.PublishMsg(&nats.Msg{Subject: args[0], Reply: inbox, Header: header, Data: data}); err != nil {
		return fmt.Errorf("request to %q: %w", args[0], err)
	}
	err = r.collect(cmd.Context(), l, answers, begin)
	return errors.Join(err, r.printer.out.Flush())
}

// collect prints the replies.
func (r *requester) collect(ctx context.Context, l *link, answers <-chan *nats.Msg, begin time.Time) error {
	wait := time.NewTimer(l.timeout)
	defer wait.Stop()
	for n := 0; ; {
		select {
		case m := <-answers:
			if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
				return nats.ErrNoResponders
			}
			if err := r.printer.print(m, time.Since(begin)); err != nil {
				return err
			}
			if n++; n == r.replies {
				return nil
			}
			wait.Reset(r.between)
		case err := <-l.faults:
			return err
		case <-ctx.Done():
			return errInterrupted
		case <-wait.C:
			if n > 0 && r.replies == 0 {
				return nil
			}
			if n > 0 {
				return fmt.Errorf("%d of %d replies within %v", n, r.replies, r.between)
			}
			return fmt.Errorf("no reply within %v", l.timeout)
		}
	}
}
