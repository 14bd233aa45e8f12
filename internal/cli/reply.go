package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// maxStderr is how much of a command's complaints is told, in bytes.
const maxStderr = 1024

// replier is the command reply.
type replier struct {
	listener  *listener
	headers   []string
	echo      bool
	command   string
	args      []string
	limit     time.Duration
	templates bool

	header nats.Header
	seq    int
}

func replyCommand() *cobra.Command {
	r := &replier{}
	cmd := &cobra.Command{
		Use:   "reply SUBJECT [BODY]",
		Short: "answer requests",
		Long: `Answer requests until an interrupt, one after the other: with a body, with the request itself, or
with what a program prints.

The program of --command is started without a shell, for each request. It has the payload as input,
the subject as BARID_SUBJECT and the subject of the answer as BARID_REPLY in its environment. If it
fails, takes longer than --command-timeout or prints more than the server takes, the answer is empty
and has a header Nats-Service-Error. Whoever may send requests feeds that program: it must expect
anything.

Several of one queue group, which is "barid-reply" unless --queue says otherwise, share the requests.`,
		Example: `  barid reply time.zone 'UTC'
  barid reply --echo ping
  barid reply --templates ids '{{ID}}'
  barid reply --command date time
  barid reply --command tr --arg a-z --arg A-Z upper`,
		Args: words(cobra.RangeArgs(1, 2)),
		RunE: r.run,
	}
	r.listener = listenerOf(cmd, "barid-reply")
	f := cmd.Flags()
	f.StringArrayVarP(&r.headers, "header", "H", nil, "header of the form `KEY:VALUE`; may be repeated")
	f.BoolVar(&r.echo, "echo", false, "answer with the headers and the payload of the request")
	f.StringVar(&r.command, "command", "", "`PROGRAM` that makes the answer")
	f.StringArrayVar(&r.args, "arg", nil, "`ARGUMENT` of the program; may be repeated")
	f.DurationVar(&r.limit, "command-timeout", 5*time.Second, "longest run of the program")
	f.BoolVar(&r.templates, "templates", false, "fill in the templates of pub in the body")
	cmd.MarkFlagsMutuallyExclusive("echo", "command")
	return cmd
}

func (r *replier) run(cmd *cobra.Command, args []string) (err error) {
	given := 0
	for _, set := range []bool{len(args) > 1, r.echo, r.command != ""} {
		if set {
			given++
		}
	}
	switch {
	case given != 1:
		return misused("say how to answer: a body, --echo or --command")
	case r.command == "" && len(r.args) > 0:
		return misused("--arg is for --command")
	case r.limit <= 0:
		return misused("--command-timeout %v is too short", r.limit)
	}
	if r.header, err = addHeaders(nil, r.headers); err != nil {
		return err
	}
	if r.command != "" {
		if r.command, err = exec.LookPath(r.command); err != nil {
			return err
		}
	}
	take := func(l *link, m *nats.Msg) error {
		if m.Reply == "" {
			say(cmd, "barid: a message on %q wants no answer", m.Subject)
			return nil
		}
		answer, err := r.answer(cmd, l, m, args)
		if err != nil {
			return err
		}
		if err := m.RespondMsg(answer); err != nil {
			say(cmd, "barid: no answer to a request on %q: %v", m.Subject, err)
		}
		return nil
	}
	flush := func() error { return nil } // the client library does
	return r.listener.listen(cmd, args[:1], 0, take, flush)
}

// answer makes the answer to a request.
func (r *replier) answer(cmd *cobra.Command, l *link, m *nats.Msg, args []string) (*nats.Msg, error) {
	r.seq++
	answer := &nats.Msg{Header: nats.Header{}}
	for key, values := range r.header {
		answer.Header[key] = values
	}
	switch {
	case r.echo:
		for key, values := range m.Header {
			answer.Header[key] = values
		}
		answer.Data = m.Data
	case r.command != "":
		out, err := r.execute(cmd.Context(), m, int(l.MaxPayload()))
		if err != nil {
			say(cmd, "barid: %v", err)
			answer.Header.Set("Nats-Service-Error", "the command failed")
			break
		}
		answer.Data = out
	default:
		text := args[1]
		if r.templates {
			var err error
			if text, err = fill(text, r.seq); err != nil {
				return nil, err
			}
		}
		answer.Data = []byte(text)
	}
	return answer, nil
}

// execute runs the program for a request and returns what it prints.
func (r *replier) execute(ctx context.Context, m *nats.Msg, limit int) ([]byte, error) {
	// An interrupt lets the program finish: it is an answer that was promised.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.limit)
	defer cancel()
	out, complaints := &bounded{left: limit}, &bounded{left: maxStderr}
	run := exec.CommandContext(ctx, r.command, r.args...)
	run.Stdin, run.Stdout, run.Stderr = bytes.NewReader(m.Data), out, complaints
	run.Env = append(os.Environ(), "BARID_SUBJECT="+m.Subject, "BARID_REPLY="+m.Reply)
	run.WaitDelay = time.Second // for children that keep the output open
	err := run.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s took longer than %v", r.command, r.limit)
	case out.over:
		return nil, fmt.Errorf("%s printed more than the %d bytes that the server takes", r.command, limit)
	case err != nil:
		return nil, fmt.Errorf("%s: %w: %s", r.command, err, clean(string(complaints.data)))
	}
	return out.data, nil
}

// bounded is a buffer that holds no more than a limit. It has no method to read from a source, which
// would pass the limit by.
type bounded struct {
	data []byte
	left int
	over bool // there was more
}

var errTooLong = errors.New("too long")

// Write takes what there is room for. What is too long is an error, which ends the writer.
func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.left -= n
	b.data = append(b.data, p[:n]...)
	if n < len(p) {
		b.over = true
		return n, errTooLong
	}
	return n, nil
}
