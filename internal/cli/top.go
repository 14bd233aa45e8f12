package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// reading is what top knows of a server at one moment.
type reading struct {
	at    time.Time // by the clock of the server
	varz  varz
	conns connz
	since time.Duration // since the reading before; 0 if there is none
	rates rates
}

// rates are per second, since the reading before.
type rates struct {
	InMsgs   float64 `json:"in_msgs"`
	OutMsgs  float64 `json:"out_msgs"`
	InBytes  float64 `json:"in_bytes"`
	OutBytes float64 `json:"out_bytes"`
}

// top is the command.
type top struct {
	monitor  *monitor
	interval time.Duration
	limit    int
	sort     string
	subs     bool
	once     bool
	json     bool
	file     string
	refresh  int
}

// sortKeys are the orders of connections that a server knows for those that are open.
func sortKeys() []string {
	return []string{"cid", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from", "last", "idle", "uptime"}
}

func topCommand() *cobra.Command {
	t := &top{interval: time.Second}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "watch a server and its connections",
		Long: `Read the server's monitoring each interval and show its load, rates and connections.

Keys: q ends, o takes the next order of connections, s shows or hides subjects. If the output is no
terminal, or with --once, --json or -o, one picture is printed, of two readings an interval apart,
or as many as -r says.`,
		Example: `  barid top
  barid top --monitor http://host:8222 -d 5s -n 20 --sort msgs_to
  barid top --json | jq .rates.in_msgs`,
		Args: words(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return t.run(cmd) },
	}
	t.monitor = monitorOf(cmd)
	f := cmd.Flags()
	f.VarP((*interval)(&t.interval), "delay", "d", "time between readings, in seconds or such as 500ms")
	f.IntVarP(&t.limit, "connections", "n", 1024, "how many connections to read")
	f.StringVar(&t.sort, "sort", "cid", "order of connections: "+strings.Join(sortKeys(), ", "))
	f.BoolVarP(&t.subs, "subs", "u", false, "show subjects of subscriptions")
	f.BoolVar(&t.once, "once", false, "print one picture and end")
	f.BoolVar(&t.json, "json", false, "print the picture as a line of JSON")
	f.StringVarP(&t.file, "output", "o", "", "write to a `FILE`; - is the output")
	f.IntVarP(&t.refresh, "refreshes", "r", 0, "end after so many pictures")
	return cmd
}

// interval is a duration that may be a number of seconds.
type interval time.Duration

func (i *interval) String() string { return time.Duration(*i).String() }

// Type is shown in the help.
func (i *interval) Type() string { return "duration" }

// Set reads the flag.
func (i *interval) Set(text string) error {
	if n, err := strconv.Atoi(text); err == nil {
		text = strconv.Itoa(n) + "s"
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 10*time.Millisecond {
		err = errors.New("too short")
	}
	*i = interval(d)
	return err
}

func (t *top) run(cmd *cobra.Command) error {
	switch {
	case t.limit < 1:
		return misused("-n %d: that is no number of connections", t.limit)
	case t.refresh < 0:
		return misused("-r %d: that is no number of pictures", t.refresh)
	case !slices.Contains(sortKeys(), t.sort):
		return misused("--sort %q is not one of %s", t.sort, strings.Join(sortKeys(), ", "))
	}
	if err := t.monitor.open(); err != nil {
		return err
	}
	defer t.monitor.shut()
	screen, isFile := cmd.OutOrStdout().(*os.File)
	if !t.once && !t.json && t.file == "" && isFile && isTerminal(screen) && isTerminal(cmd.InOrStdin()) {
		return t.watch(cmd, screen)
	}
	if t.file == "" || t.file == "-" {
		return t.print(cmd.Context(), cmd.OutOrStdout())
	}
	f, err := os.Create(t.file)
	if err != nil {
		return err
	}
	return errors.Join(t.print(cmd.Context(), f), f.Close())
}

// read takes a reading; last is the one before, if any.
func (t *top) read(ctx context.Context, last *reading) (*reading, error) {
	r := &reading{}
	if err := t.monitor.read(ctx, "varz", nil, &r.varz); err != nil {
		return nil, err
	}
	query := url.Values{"limit": {strconv.Itoa(t.limit)}, "sort": {t.sort}}
	if t.subs {
		query.Set("subs", "1")
	}
	if err := t.monitor.read(ctx, "connz", query, &r.conns); err != nil {
		return nil, err
	}
	if r.at = r.varz.Now; r.at.IsZero() {
		r.at = time.Now()
	}
	// Another server may answer now, or the same after a start: then there is no reading before.
	if last == nil || last.varz.ID != r.varz.ID || !r.at.After(last.at) {
		return r, nil
	}
	r.since = r.at.Sub(last.at)
	per := func(now, before int64) float64 { return float64(now-before) / r.since.Seconds() }
	r.rates = rates{per(r.varz.InMsgs, last.varz.InMsgs), per(r.varz.OutMsgs, last.varz.OutMsgs),
		per(r.varz.InBytes, last.varz.InBytes), per(r.varz.OutBytes, last.varz.OutBytes)}
	return r, nil
}

// print writes pictures, one if nothing else was asked for.
func (t *top) print(ctx context.Context, w io.Writer) error {
	last, err := t.read(ctx, nil)
	if err != nil {
		return err
	}
	for range max(1, t.refresh) {
		if !pause(ctx, t.interval) {
			return nil
		}
		now, err := t.read(ctx, last)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		last = now
		if t.json {
			err = now.json(w)
		} else {
			err = now.text(w, t.subs)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// watch shows pictures on a terminal and obeys keys.
func (t *top) watch(cmd *cobra.Command, screen *os.File) error {
	in := cmd.InOrStdin().(*os.File)
	state, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return err
	}
	fmt.Fprint(screen, "\x1b[?1049h\x1b[?25l") // the other screen, without a cursor
	defer func() {
		fmt.Fprint(screen, "\x1b[?25h\x1b[?1049l")
		_ = term.Restore(int(in.Fd()), state)
	}()
	return t.obey(cmd.Context(), keys(in), func(r *reading, failed error) {
		width, height, err := term.GetSize(int(screen.Fd()))
		if err != nil || width < 1 || height < 1 {
			width, height = 80, 24
		}
		var b strings.Builder
		if failed != nil {
			fmt.Fprintf(&b, "%s\n\nq ends\n", clean(failed.Error()))
		} else {
			_ = r.text(&b, t.subs)
		}
		fmt.Fprint(screen, "\x1b[H\x1b[2J"+fitted(b.String(), width, height))
	})
}

// keys reads a terminal byte by byte. Its goroutine waits for a key until the program ends.
func keys(in io.Reader) <-chan byte {
	pressed := make(chan byte)
	go func() {
		defer close(pressed)
		for one := make([]byte, 1); ; {
			if n, err := in.Read(one); err != nil {
				return
			} else if n == 1 {
				pressed <- one[0]
			}
		}
	}()
	return pressed
}

// obey reads the server each interval, shows what it said, and does what the keys say until one of
// them or the context ends it. Errors are shown and the server is asked again.
func (t *top) obey(ctx context.Context, pressed <-chan byte, show func(*reading, error)) error {
	tick := time.NewTicker(t.interval)
	defer tick.Stop()
	var last *reading
	for shown := 0; ; {
		now, err := t.read(ctx, last)
		if ctx.Err() != nil {
			return nil
		}
		show(now, err)
		if shown++; shown == t.refresh {
			return err
		}
		if err == nil {
			last = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case key, more := <-pressed:
			if !more {
				return nil
			}
			if t.key(key) {
				return nil
			}
		}
	}
}

// key does what a key says and reports whether it is the end.
func (t *top) key(key byte) (end bool) {
	switch key {
	case 'q', 'Q', 3, 4: // and Ctrl-C, Ctrl-D, which a raw terminal hands over
		return true
	case 'o':
		all := sortKeys()
		t.sort = all[(slices.Index(all, t.sort)+1)%len(all)]
	case 's':
		t.subs = !t.subs
	}
	return false
}
