package lab

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// Story is a conversation of raw connections with one server, read from a text file.
//
// A file begins with header lines:
//
//	title: what the product does
//	options: max_payload=64 ping_interval=100ms
//	peer: 2.9
//
// "options" may be absent; its names are those of the configuration file. "peer" is "2.9" when
// nats-server 2.9 must answer the same, or "differs: <why>". Then come the steps, one per line;
// empty lines and lines that begin with # are for the reader:
//
//	writer connects                  open a connection and take its first INFO
//	writer connects with {"x":true}  the same, then send CONNECT with this object
//	writer dials                     open a connection and nothing else
//	writer > PUB greet 5             send this line and CR LF
//	writer ...                       begin a new write: lines in a row are sent as one
//	reader < MSG greet 1 5           this line and CR LF must come next
//	reader <~ MSG greet 1 5\r\nhello one of several in a row that may come in any order
//	reader quiet                     send PING: PONG must be the very next bytes
//	writer closed                    the server closes, and sends nothing before
//	writer closed: Parse Error       the same, for this reason where the server tells reasons
//	writer leaves                    close from this side
//
// In sent and expected text \r \n \t \\ \xHH are escapes, a backslash at the end of the line takes
// the CR LF away, and {ab*3} is "ab" three times. In expected text {any} is anything within a line,
// {digits} a number, {1|2} one of several, and {json a=1 b=present c=absent} a JSON object with
// demands on its keys.
type Story struct {
	File    string            // name of the file, without folder and extension
	Title   string            // what the product does
	Options map[string]string // what the server is started with
	Differs string            // why nats-server 2.9 answers otherwise; empty when it must not

	steps []step
}

// step is one line of a story.
type step struct {
	line int
	who  string
	verb verb
	text string // as written, for reports
	data []byte // what is sent
	want *pattern
}

type verb int

const (
	connects verb = iota
	dials
	sends
	splits
	expects
	expectsAnyOrder
	quiet
	closed
	leaves
)

var stepForm = regexp.MustCompile(`^([a-z][a-z0-9]*) (connects with|connects|dials|>|<~|<|\.\.\.|quiet|closed:|closed|leaves)(?: (.*))?$`)

// Load reads every story (*.txt) in the root of dir, in the order of their names.
func Load(dir fs.FS) ([]*Story, error) {
	names, err := fs.Glob(dir, "*.txt")
	if err != nil {
		return nil, err
	}
	var stories []*Story
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		story, err := Parse(strings.TrimSuffix(path.Base(name), ".txt"), string(text))
		if err != nil {
			return nil, err
		}
		stories = append(stories, story)
	}
	return stories, nil
}

// Parse reads one story. Errors name the file and the line.
func Parse(name, text string) (*Story, error) {
	s := &Story{File: name, Options: map[string]string{}}
	header, peer := true, ""
	for i, row := range strings.Split(text, "\n") {
		if row == "" || strings.HasPrefix(row, "#") {
			continue
		}
		key, value, isHeader := strings.Cut(row, ": ")
		if header && isHeader && !strings.Contains(key, " ") {
			if err := s.header(key, strings.TrimSpace(value)); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
			if key == "peer" {
				peer = value
			}
			continue
		}
		header = false
		st, err := parseStep(row)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		st.line = i + 1
		s.steps = append(s.steps, st)
	}
	if s.Title == "" || peer == "" || len(s.steps) == 0 {
		return nil, fmt.Errorf("%s: a story needs a title, a peer line and steps", name)
	}
	return s, nil
}

func (s *Story) header(key, value string) error {
	switch key {
	case "title":
		s.Title = value
	case "options":
		for word := range strings.FieldsSeq(value) {
			name, setting, ok := strings.Cut(word, "=")
			if !ok {
				return fmt.Errorf("option %q has no value", word)
			}
			s.Options[name] = setting
		}
	case "peer":
		why, differs := strings.CutPrefix(value, "differs: ")
		if differs {
			s.Differs = why
		} else if value != "2.9" {
			return fmt.Errorf("peer is %q, want 2.9 or differs: <why>", value)
		}
	default:
		return fmt.Errorf("unknown header %q", key)
	}
	return nil
}

// parseStep reads one line of the conversation.
func parseStep(row string) (step, error) {
	part := stepForm.FindStringSubmatch(row)
	if part == nil {
		return step{}, fmt.Errorf("no such step: %q", row)
	}
	st := step{who: part[1], text: row}
	arg, err := part[3], error(nil)
	switch part[2] {
	case "connects":
		st.verb = connects
	case "connects with":
		st.verb = connects
		st.data, err = line("CONNECT " + arg)
	case "dials":
		st.verb = dials
	case ">":
		st.verb = sends
		st.data, err = line(arg)
	case "...":
		st.verb = splits
	case "<":
		st.verb = expects
		st.want, err = newPattern(arg)
	case "<~":
		st.verb = expectsAnyOrder
		st.want, err = newPattern(arg)
	case "quiet":
		st.verb = quiet
	case "closed":
		st.verb = closed
	case "closed:":
		st.verb = closed
		st.data = []byte(arg)
	case "leaves":
		st.verb = leaves
	}
	return st, err
}
