package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/server/options"
)

// CommandLine is what a command line says. A server that reads its file again asks it for the
// options again.
type CommandLine struct {
	// Version, Help and HelpTLS ask for a text in place of a server.
	Version, Help, HelpTLS bool
	// Test asks to check the configuration file in place of a server.
	Test bool
	// Signal asks to signal another server in place of being one: a command, as command=PID or
	// alone; empty if it does not.
	Signal string
	// ConfigFile is the configuration file; empty for none.
	ConfigFile string

	given  []*argument // in the order of the line; of a flag that is repeated the last
	loaded bool        // it has returned options
}

// UsageError is a command line that cannot be understood.
type UsageError struct{ text string }

// Error implements error.
func (e *UsageError) Error() string { return e.text }

// Unrecognized is the error for a word that is no command.
func Unrecognized(word string) error {
	return &UsageError{fmt.Sprintf("unrecognized command: %q", word)}
}

// ParseFlags adds the flags of barid to fs, which must not have any of them, and reads args with
// them; other words are left to fs. Errors are UsageErrors, and returned whatever fs does with
// errors otherwise; nothing is printed. If args are those of the process, os.Args[1:], secrets in
// them are made unreadable.
func ParseFlags(fs *flag.FlagSet, args []string) (*CommandLine, error) {
	c := &CommandLine{}
	for row := range flagRows() {
		for name := range strings.FieldsSeq(row.names) {
			fs.Var(&argument{row: row, name: name, line: c}, name, row.help)
		}
	}
	own := make([]string, len(args)) // copies that are not hidden with the secrets
	for i, a := range args {
		own[i] = strings.Clone(a)
	}
	if len(args) > 0 && len(os.Args) > 1 && &args[0] == &os.Args[1] {
		hideSecrets(fs, args)
	}
	if err := parseQuietly(fs, own); err != nil {
		return nil, &UsageError{err.Error()}
	}
	return c, nil
}

// parseQuietly is fs.Parse without its habit to print or to end the process.
func parseQuietly(fs *flag.FlagSet, args []string) error {
	handling, out, usage := fs.ErrorHandling(), fs.Output(), fs.Usage
	fs.Init(fs.Name(), flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := fs.Parse(args)
	fs.Init(fs.Name(), handling)
	fs.SetOutput(out)
	fs.Usage = usage
	return err
}

// Options reads the configuration file, if there is one, applies the flags and checks what comes
// out. It can be called again when the file has changed, but by one goroutine at a time; once it has
// returned options, errors are worded as those of a reload. The caller completes the options. The
// error holds everything that is wrong, a line for each: with FILE:LINE:COLUMN if it is about what
// the file says, with the name of the flag if it is about that.
func (c *CommandLine) Options() (*options.Options, Remarks, error) {
	if err := c.refused(); err != nil {
		return nil, Remarks{}, err
	}
	o := &options.Options{Logtime: true}
	var remarks Remarks
	if c.ConfigFile != "" {
		var err error
		if remarks, err = into(o, c.ConfigFile); err != nil {
			return nil, remarks, err
		}
	}
	if err := c.Apply(o); err != nil {
		return nil, remarks, err
	}
	completed := o.Clone()
	Complete(completed)
	var errs []error
	var inFile *conf.Error
	for _, f := range faults(completed, c.loaded) {
		if err := c.located(f, remarks.places); errors.As(err, &inFile) {
			errs = insert(errs, inFile)
		} else {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, remarks, errors.Join(errs...)
	}
	c.loaded = true
	return o, remarks, nil
}

// located is the error for a fault, with the flag or the place in the file that it comes from.
func (c *CommandLine) located(f check.Fault, places map[string]conf.Position) error {
	for _, key := range f.Keys {
		for _, a := range c.given {
			if a.row.path == key {
				return fmt.Errorf("%s: %s", dashed(a.name), hinted(f.Format, f.Text))
			}
		}
	}
	for _, key := range f.Keys {
		if at, stands := places[key]; stands {
			return &conf.Error{At: at, Text: hinted(f.Format, f.Text)}
		}
	}
	return errors.New(f.Text)
}

// Apply puts the flags that were given over what o says, be their values empty or false; the
// others change nothing. It may be called any number of times, by one goroutine at a time. The
// error says why TLS cannot be set up.
func (c *CommandLine) Apply(o *options.Options) error {
	c.replaceLogin(o)
	for _, a := range c.given {
		if a.row.set != nil {
			a.row.set(o, a.value)
		}
	}
	return c.secure(o)
}

// replaceLogin takes away what o has of another kind of login than the flags: a token does not go
// with a user. Flags that contradict each other still do.
func (c *CommandLine) replaceLogin(o *options.Options) {
	text := func(name string) string {
		v, _ := c.flag(name)
		return v.text
	}
	if text(authFlag) != "" {
		o.Username, o.Password = "", ""
	}
	if text(userFlag) != "" || text(passFlag) != "" {
		o.Authorization = ""
	}
}

// refused says which flags ask for what barid does not have.
func (c *CommandLine) refused() error {
	var errs []error
	for _, a := range c.given {
		if a.row.lacks != "" && a.value != (flagValue{}) {
			errs = append(errs, fmt.Errorf("%s: barid has no %s yet", dashed(a.name), a.row.lacks))
		}
	}
	return errors.Join(errs...)
}

// flagKind is the kind of a flag's value.
type flagKind uint8

const (
	flagText   flagKind = iota
	flagNumber          // an integer
	flagSwitch          // a boolean, whose value is true if it is not given
)

// flagValue is the value of a flag: what its kind says, the others are zero.
type flagValue struct {
	text   string
	number int64
	yes    bool
}

// flagRow is one flag in the table of flags. Everything that has to know the flags goes by it.
type flagRow struct {
	path  string // of the setting that it is about, empty if that are several or none
	names string // as they are typed, without dashes, separated by blanks
	arg   string // what the usage calls the value; empty for switches
	help  string // what the usage says
	kind  flagKind
	bits  int    // of a number
	lacks string // what barid lacks to obey; only values that mean nothing are accepted then

	set    func(o opts, v flagValue)         // puts it into options; nil if it is not about them
	tell   func(c *CommandLine, v flagValue) // puts it into the command line; nil if it is about options
	secret func(text string) []span          // the parts of a value that nobody shall see; nil for none
}

// flagsOf are the flags that the rows of a block have.
func flagsOf[T any](b block[T], of func(opts) T) (rows []flagRow) {
	for i, s := range bind(b, of) {
		if s.flags == "" {
			continue
		}
		row := flagRow{path: s.path, names: s.flags, arg: s.flagArg, help: meaning(b, s.name()), set: s.put}
		row.kind, row.bits = b.keys[i].flagKind()
		if s.secret {
			row.secret = wholeText
		}
		rows = append(rows, row)
	}
	return rows
}

// The functions below make the rows of flags that are no setting by themselves. field says where
// the value goes.

func textFlag(names, arg, help string, field func(opts) *string) flagRow {
	return flagRow{names: names, arg: arg, help: help, set: func(o opts, v flagValue) { *field(o) = v.text }}
}

// switchFlag sets several fields at once.
func switchFlag(names, help string, fields ...func(opts) *bool) flagRow {
	return flagRow{names: names, help: help, kind: flagSwitch, set: func(o opts, v flagValue) {
		for _, field := range fields {
			*field(o) = v.yes
		}
	}}
}

// wordFlag and wishFlag are about something else than options.

func wordFlag(names, arg, help string, field func(*CommandLine) *string) flagRow {
	return flagRow{names: names, arg: arg, help: help, tell: func(c *CommandLine, v flagValue) { *field(c) = v.text }}
}

func wishFlag(names, help string, field func(*CommandLine) *bool) flagRow {
	return flagRow{names: names, help: help, kind: flagSwitch, tell: func(c *CommandLine, v flagValue) { *field(c) = v.yes }}
}

// missingFlag is a flag of a part that barid does not have. It is refused, as a server must not
// seem to do what it does not; but a value that switches the part off is fine.
func missingFlag(names, arg, help, lacks string, kind flagKind) flagRow {
	return flagRow{names: names, arg: arg, help: help, lacks: lacks, kind: kind, bits: 64}
}

// missingURLs is a missing flag for URLs that may show logins.
func missingURLs(names, arg, help, lacks string) flagRow {
	row := missingFlag(names, arg, help, lacks, flagText)
	row.secret = userParts
	return row
}

// parse reads a value. The texts of errors are those of package flag.
func (r *flagRow) parse(text string) (v flagValue, err error) {
	switch r.kind {
	case flagNumber:
		v.number, err = strconv.ParseInt(text, 0, r.bits)
	case flagSwitch:
		v.yes, err = strconv.ParseBool(text)
	default:
		v.text = text
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		err = errors.New("value out of range")
	case err != nil:
		err = errors.New("parse error")
	}
	return v, err
}

// argument is a flag under one of its names. It implements flag.Value.
type argument struct {
	row   *flagRow
	name  string
	line  *CommandLine
	value flagValue
}

// Set takes the value that a command line gives.
func (a *argument) Set(text string) error {
	v, err := a.row.parse(text)
	if err != nil {
		return err
	}
	a.value = v
	a.line.given = slices.DeleteFunc(a.line.given, func(b *argument) bool { return b.row == a.row })
	a.line.given = append(a.line.given, a)
	if a.row.tell != nil {
		a.row.tell(a.line, v)
	}
	return nil
}

// String returns the value, but no secrets. The zero argument has one, as package flag asks for it.
func (a *argument) String() string {
	switch {
	case a.row == nil:
		return ""
	case a.row.kind == flagNumber:
		return strconv.FormatInt(a.value.number, 10)
	case a.row.kind == flagSwitch:
		return strconv.FormatBool(a.value.yes)
	case a.row.secret != nil:
		return redact(a.value.text, a.row.secret(a.value.text))
	}
	return a.value.text
}

// IsBoolFlag says that -x means -x=true, and that no value follows as a word.
func (a *argument) IsBoolFlag() bool { return a.row != nil && a.row.kind == flagSwitch }
