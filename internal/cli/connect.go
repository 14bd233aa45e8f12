package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/profile"
)

// defaultTimeout is the longest wait for a server, unless a flag says otherwise.
const defaultTimeout = 5 * time.Second

// reconnectWait is the pause before a server that was lost is tried again.
const reconnectWait = 500 * time.Millisecond

// access is the part of a command that connects: its flags, and what they come to.
type access struct {
	cmd     *cobra.Command
	flags   profile.Profile
	context string
	name    string
	timeout time.Duration
}

// accessOf adds the flags of a connection to a command.
func accessOf(cmd *cobra.Command) *access {
	a := &access{cmd: cmd}
	f := cmd.Flags()
	f.StringVarP(&a.flags.URL, "server", "s", "", "URLs of servers, comma-separated (NATS_URL) (default \""+nats.DefaultURL+"\")")
	f.StringVar(&a.flags.User, "user", "", "name of the user, or a token if there is no password (NATS_USER)")
	f.StringVar(&a.flags.Password, "password", "", "password; better NATS_PASSWORD, which ps does not show")
	f.StringVar(&a.flags.Token, "token", "", "token; better NATS_TOKEN, which ps does not show")
	f.StringVar(&a.flags.Creds, "creds", "", "credentials `FILE` (NATS_CREDS)")
	f.StringVar(&a.flags.NKey, "nkey", "", "`FILE` with the seed of an nkey (NATS_NKEY)")
	f.StringVar(&a.flags.Cert, "tlscert", "", "TLS certificate `FILE` (NATS_CERT)")
	f.StringVar(&a.flags.Key, "tlskey", "", "TLS key `FILE` (NATS_KEY)")
	f.StringVar(&a.flags.CA, "tlsca", "", "`FILE` with the authorities of the server's certificate (NATS_CA)")
	f.BoolVar(&a.flags.TLSFirst, "tlsfirst", false, "begin with the TLS handshake, before the server says anything")
	f.StringVar(&a.flags.InboxPrefix, "inbox-prefix", "", "prefix of the subjects of answers (default \"_INBOX\")")
	f.StringVar(&a.context, "context", "", "`NAME` of a context (NATS_CONTEXT)")
	f.StringVar(&a.name, "connection-name", "", "name of the connection (default: that of the command)")
	f.DurationVar(&a.timeout, "timeout", 0, "longest wait for the server (NATS_TIMEOUT) (default 5s)")
	return a
}

// resolve decides how to connect.
func (a *access) resolve() (profile.Profile, error) {
	var selected profile.Profile
	name := cmp.Or(a.context, os.Getenv("NATS_CONTEXT"))
	if name == "" {
		if _, chosen, err := profile.Names(); err == nil { // where there is no folder there are no contexts
			name = chosen
		}
	}
	if name != "" {
		p, err := profile.Named(name)
		if err != nil {
			return selected, err
		}
		selected = *p
	}
	return profile.Merge(a.flags, profile.Environment(), selected)
}

// wait returns the longest wait for the server.
func (a *access) wait() (time.Duration, error) {
	d := a.timeout
	if text := os.Getenv("NATS_TIMEOUT"); text != "" && !a.cmd.Flags().Changed("timeout") {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			return 0, misused("NATS_TIMEOUT %q is no duration such as 5s", text)
		}
	} else if !a.cmd.Flags().Changed("timeout") {
		return defaultTimeout, nil
	}
	if d <= 0 {
		return 0, misused("a timeout of %v is too short", d)
	}
	return d, nil
}

// maxFaults is how many errors of a connection are kept until the command looks at them.
const maxFaults = 64

// link is a connection, and what it has to say besides messages.
type link struct {
	*nats.Conn

	server  string // without secrets
	timeout time.Duration
	faults  chan error    // errors that arrive at any time; never closed
	ended   chan struct{} // closed when the connection is closed for good
}

// dial connects. A lasting connection comes back after a loss; another ends with it.
func (a *access) dial(lasting bool) (*link, error) {
	p, err := a.resolve()
	if err != nil {
		return nil, err
	}
	l := &link{faults: make(chan error, maxFaults), ended: make(chan struct{})}
	if l.server, err = profile.Hosts(p.URL); err != nil {
		return nil, err
	}
	if l.timeout, err = a.wait(); err != nil {
		return nil, err
	}
	options, err := p.Options()
	if err != nil {
		return nil, err
	}
	options = append(options, nats.Name(cmp.Or(a.name, a.cmd.CommandPath())), nats.Timeout(l.timeout),
		nats.DrainTimeout(l.timeout), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.fault(err) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				l.fault(fmt.Errorf("disconnected: %w", err))
			}
		}),
		nats.ClosedHandler(func(*nats.Conn) { close(l.ended) }))
	if !lasting {
		options = append(options, nats.NoReconnect())
	}
	if l.Conn, err = nats.Connect(p.URL, options...); err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w", l.server, err)
	}
	return l, nil
}

// fault keeps an error until somebody looks; if too many are kept it is like those.
func (l *link) fault(err error) {
	select {
	case l.faults <- err:
	default:
	}
}

// settle waits until the server has seen all that was sent and returns its complaint, if any.
func (l *link) settle() error {
	if err := l.FlushTimeout(l.timeout); err != nil {
		return fmt.Errorf("the server does not confirm: %w", err)
	}
	if err := l.LastError(); err != nil {
		return err
	}
	select {
	case err := <-l.faults:
		return err
	default:
		return nil
	}
}

// shut closes the connection and returns when nothing of it is left.
func (l *link) shut() {
	l.Close()
	<-l.ended
}

// grave reports whether nothing more can be hoped for after an error of the connection.
func grave(err error) bool { return errors.Is(err, nats.ErrPermissionViolation) }
