package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// messageJSON is a message as a line of JSON.
type messageJSON struct {
	Seq     int                 `json:"seq"`  // counted from 1
	Time    time.Time           `json:"time"` // when it arrived
	Subject string              `json:"subject"`
	Reply   string              `json:"reply,omitempty"`
	Headers map[string][]string `json:"headers,omitempty"`
	Data    *string             `json:"data,omitempty"`        // if it is UTF-8
	Base64  []byte              `json:"data_base64,omitempty"` // otherwise
	RTT     float64             `json:"rtt_seconds,omitempty"` // of a reply: since the request
}

// printer writes messages in the form that the flags ask for.
type printer struct {
	raw, json, headersOnly, timestamp bool

	out    *bufio.Writer
	screen bool // the output is a terminal, which must not obey what others send
	seq    int
}

// printerOf adds the flags of a printer to a command.
func printerOf(cmd *cobra.Command) *printer {
	p := &printer{}
	f := cmd.Flags()
	f.BoolVarP(&p.raw, "raw", "r", false, "print the payload alone, unchanged, and a line end")
	f.BoolVar(&p.json, "json", false, "print a line of JSON for each message")
	f.BoolVar(&p.headersOnly, "headers-only", false, "do not print payloads")
	f.BoolVar(&p.timestamp, "timestamp", false, "print when the message arrived")
	cmd.MarkFlagsMutuallyExclusive("raw", "json")
	return p
}

// open connects the printer with the output.
func (p *printer) open(out io.Writer) {
	p.out, p.screen = bufio.NewWriter(out), isTerminal(out)
}

// print writes a message; rtt is 0 if it answers nothing.
func (p *printer) print(m *nats.Msg, rtt time.Duration) error {
	p.seq++
	now := time.Now()
	if p.json {
		return p.line(m, now, rtt)
	}
	if p.raw {
		if !p.headersOnly {
			_, _ = p.out.Write(m.Data)
		}
		return p.out.WriteByte('\n')
	}
	fmt.Fprintf(p.out, "[#%d] Received on %q", p.seq, m.Subject)
	if m.Reply != "" {
		fmt.Fprintf(p.out, " with reply %q", m.Reply)
	}
	if p.timestamp {
		fmt.Fprintf(p.out, " at %s", now.Format(time.RFC3339Nano))
	}
	if rtt > 0 {
		fmt.Fprintf(p.out, " in %v", rtt.Round(time.Microsecond))
	}
	_ = p.out.WriteByte('\n')
	for _, key := range slices.Sorted(maps.Keys(m.Header)) {
		for _, value := range m.Header[key] {
			fmt.Fprintf(p.out, "%s: %s\n", clean(key), clean(value))
		}
	}
	if !p.headersOnly {
		if len(m.Header) > 0 {
			_ = p.out.WriteByte('\n')
		}
		if p.screen {
			_, _ = p.out.WriteString(clean(string(m.Data)))
		} else {
			_, _ = p.out.Write(m.Data)
		}
		_ = p.out.WriteByte('\n')
	}
	return p.out.WriteByte('\n')
}

// line writes a message as JSON.
func (p *printer) line(m *nats.Msg, now time.Time, rtt time.Duration) error {
	j := messageJSON{Seq: p.seq, Time: now, Subject: m.Subject, Reply: m.Reply, Headers: m.Header, RTT: rtt.Seconds()}
	switch {
	case p.headersOnly:
	case utf8.Valid(m.Data):
		text := string(m.Data)
		j.Data = &text
	default:
		j.Base64 = m.Data
	}
	return printJSON(p.out, j)
}

// printJSON writes a value as one line, without the escapes that only HTML needs, but with those of
// DEL and C1, which terminals obey.
func printJSON(w io.Writer, value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	line := make([]byte, 0, b.Len())
	for _, c := range b.Bytes() {
		switch last := len(line) - 1; {
		case c >= 0x80 && c <= 0x9f && line[last] == 0xc2: // U+0080 is C2 80
			line = fmt.Appendf(line[:last], `\u%04x`, c)
		case c == 0x7f:
			line = append(line, `\u007f`...)
		default:
			line = append(line, c)
		}
	}
	_, err := w.Write(line)
	return err
}

// clean makes text of others harmless for a terminal: what is not printed there stands as \x1b.
func clean(text string) string {
	if strings.IndexFunc(text, harmful) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case harmful(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteString(text[i : i+n])
		}
		i += n
	}
	return b.String()
}

// harmful reports whether a terminal could take a character for a command.
func harmful(r rune) bool {
	return r != '\n' && r != '\t' && !unicode.IsPrint(r) && !unicode.IsSpace(r) || r == '\r' || r == 0x85
}

// isTerminal reports whether a reader or writer is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// addHeaders puts flags of the form key:value into a header, which it returns.
func addHeaders(h nats.Header, flags []string) (nats.Header, error) {
	for _, text := range flags {
		key, value, ok := strings.Cut(text, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" || strings.ContainsAny(key, " \r\n") || strings.ContainsAny(value, "\r\n") {
			return nil, misused("header %q is not of the form key:value", text)
		}
		if h == nil {
			h = nats.Header{}
		}
		h.Add(key, value)
	}
	return h, nil
}

// body reads what is to be sent: the argument behind the subject, or the input if that is "-" or
// if there is none and the input is a file or pipe. limit is the most that the server takes.
func body(cmd *cobra.Command, args []string, limit int64) ([]byte, error) {
	if len(args) > 1 && args[1] != "-" {
		return []byte(args[1]), nil
	}
	if len(args) == 1 && !isFed(cmd.InOrStdin()) {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("the input is longer than the %d bytes that the server takes", limit)
	}
	return data, err
}

// isFed reports whether the input comes from a file or another program.
func isFed(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return in != nil
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0
}
