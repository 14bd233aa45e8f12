// Package profile decides how the client in the box connects: of flags, of the environment, and of
// the contexts that the nats command line tool saves. It holds no state, and what it returns belongs
// to the caller.
package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxProfile bounds the file of a context, in bytes.
const maxProfile = 1 << 20

// Profile says how to connect: what a context file holds, in the form that the nats command line
// tool writes. What concerns only JetStream or the colours of that tool is left out. An empty field
// says nothing.
type Profile struct {
	Description string `json:"description"`
	URL         string `json:"url"`
	SocksProxy  string `json:"socks_proxy"`
	Token       string `json:"token"`
	User        string `json:"user"`
	Password    string `json:"password"`
	Creds       string `json:"creds"`
	NKey        string `json:"nkey"`
	Cert        string `json:"cert"`
	Key         string `json:"key"`
	CA          string `json:"ca"`
	NSC         string `json:"nsc"`
	InboxPrefix string `json:"inbox_prefix"`
	UserJWT     string `json:"user_jwt"`
	UserSeed    string `json:"user_seed"`
	TLSFirst    bool   `json:"tls_first"`
	WindowsCert string `json:"windows_cert_store"`

	way login // of Merge
}

// usable returns an error if the context asks for what barid cannot do.
func (p *Profile) usable() error {
	for _, c := range []struct {
		set  bool
		what string
	}{
		{p.SocksProxy != "", "socks_proxy"},
		{p.NSC != "", "nsc"},
		{p.WindowsCert != "", "windows_cert_store"},
		{strings.Contains(p.Creds, "://"), "creds that are no file"},
		{p.UserSeed != "" && p.UserJWT == "", "user_seed without user_jwt"},
	} {
		if c.set {
			return fmt.Errorf("barid cannot use its %s", c.what)
		}
	}
	return nil
}

// folder returns the folder of the nats command line tool.
func folder() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "nats"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("where are contexts: %w", err)
	}
	return filepath.Join(home, ".config", "nats"), nil
}

// Named reads a context. One that asks for what barid cannot do is an error, and errors hold no secrets.
func Named(name string) (*Profile, error) {
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\`) {
		return nil, fmt.Errorf("%q is no name of a context", name)
	}
	text, err := readLimited(filepath.Join(dir, "context", name+".json"), maxProfile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no context %q", name)
	}
	if err != nil {
		return nil, fmt.Errorf("context %q: %w", name, err)
	}
	var p Profile
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("context %q is not valid: %w", name, placed(err))
	}
	if err := p.usable(); err != nil {
		return nil, fmt.Errorf("context %q: %w", name, err)
	}
	for _, file := range []*string{&p.Creds, &p.NKey, &p.Cert, &p.Key, &p.CA} {
		if *file, err = fromHome(*file); err != nil {
			return nil, fmt.Errorf("context %q: %w", name, err)
		}
	}
	return &p, nil
}

// placed is an error of encoding/json without the values of the file.
func placed(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s cannot be %s", wrong.Field, strings.Fields(wrong.Value + " nothing")[0])
	}
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("no JSON at byte %d", bad.Offset)
	}
	return errors.New("no JSON")
}

// fromHome completes a path that begins with ~/.
func fromHome(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, rest), err
}

// Names returns the names of all contexts in order, and the one that is selected, if any.
func Names() (names []string, selected string, err error) {
	dir, err := folder()
	if err != nil {
		return nil, "", err
	}
	entries, err := os.ReadDir(filepath.Join(dir, "context"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, "", err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	text, err := readLimited(filepath.Join(dir, "context.txt"), maxProfile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, "", err
	}
	return names, strings.TrimSpace(string(text)), nil
}

// Select makes a context the one that counts when no other is named. It has to be one for Named.
func Select(name string) error {
	if _, err := Named(name); err != nil {
		return err
	}
	dir, err := folder()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "context.txt"), []byte(name), 0o600)
}

// readLimited reads a file of at most limit bytes.
func readLimited(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("the file is longer than %d bytes", limit)
	}
	return text, err
}
