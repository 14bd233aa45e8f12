package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// MaxFile bounds the files of a store, in bytes. The longest token that is decoded has 1 MiB.
const MaxFile = 1<<20 + 4096

// Places are the folders of a store. After Find none is empty.
type Places struct {
	Config string // of nsc.json
	Data   string // with a folder for each operator
	Keys   string // of seeds and credentials
}

// Settings is the file nsc.json: what counts when no flag says otherwise. What else is in the file is kept.
type Settings struct {
	StoreRoot string `json:"store_root"`
	Operator  string `json:"operator"`
	Account   string `json:"account"`

	all map[string]json.RawMessage
}

// Find completes the folders: flags win over the environment, that over nsc.json, and that over the defaults.
func (p Places) Find() (Places, *Settings, error) {
	home := func(variable string, below ...string) (string, error) {
		if dir := os.Getenv(variable); dir != "" {
			return filepath.Join(dir, "nats", "nsc"), nil
		}
		dir, err := os.UserHomeDir()
		return filepath.Join(append(append([]string{dir}, below...), "nats", "nsc")...), err
	}
	config, err := home("XDG_CONFIG_HOME", ".config")
	if err != nil {
		return p, nil, fmt.Errorf("where are the settings: %w; use --config-dir", err)
	}
	data, err := home("XDG_DATA_HOME", ".local", "share")
	if err != nil {
		return p, nil, fmt.Errorf("where is the store: %w; use --data-dir", err)
	}
	p.Config = cmp.Or(p.Config, os.Getenv("NSC_HOME"), config)
	set := &Settings{}
	text, err := ReadFile(p.File(), MaxFile)
	if err == nil {
		err = errors.Join(json.Unmarshal(text, set), json.Unmarshal(text, &set.all))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return p, nil, fmt.Errorf("%s: %w", p.File(), err)
	}
	p.Data = cmp.Or(p.Data, set.StoreRoot, filepath.Join(data, "stores"))
	p.Keys = cmp.Or(p.Keys, os.Getenv("NKEYS_PATH"), filepath.Join(data, "keys"))
	for _, dir := range []*string{&p.Config, &p.Data, &p.Keys} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return p, nil, err
		}
	}
	return p, set, nil
}

// File is that of the settings.
func (p Places) File() string { return filepath.Join(p.Config, "nsc.json") }

// Text is the settings as a file.
func (s *Settings) Text() ([]byte, error) {
	all := map[string]any{}
	for k, v := range s.all {
		all[k] = v
	}
	all["store_root"], all["operator"], all["account"] = s.StoreRoot, s.Operator, s.Account
	text, err := json.MarshalIndent(all, "", "  ")
	return append(text, '\n'), err
}

// OperatorDir is the folder of an operator.
func (p Places) OperatorDir(operator string) string { return filepath.Join(p.Data, operator) }

// OperatorJWT is the file of the token of an operator.
func (p Places) OperatorJWT(operator string) string {
	return filepath.Join(p.OperatorDir(operator), operator+".jwt")
}

// AccountDir is the folder of an account.
func (p Places) AccountDir(operator, account string) string {
	return filepath.Join(p.OperatorDir(operator), "accounts", account)
}

// AccountJWT is the file of the token of an account.
func (p Places) AccountJWT(operator, account string) string {
	return filepath.Join(p.AccountDir(operator, account), account+".jwt")
}

// UserJWT is the file of the token of a user.
func (p Places) UserJWT(operator, account, user string) string {
	return filepath.Join(p.AccountDir(operator, account), "users", user+".jwt")
}

// Creds is the file of the credentials of a user.
func (p Places) Creds(operator, account, user string) string {
	return filepath.Join(p.Keys, "creds", operator, account, user+".creds")
}

// Seed is the file of a public key, which has to be one.
func (p Places) Seed(public string) string {
	return filepath.Join(p.Keys, "keys", public[:1], public[1:3], public+".nk")
}

// Marker is the file in the folder of an operator that makes it one.
const Marker = ".nsc"

// Safe returns an error if a text is no good as a name within the store, where it is that of a file.
func Safe(what, name string) error {
	bad := func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) }
	if name == "" || len(name) > 100 || name[0] == '.' || name[0] == '-' || strings.TrimSpace(name) != name ||
		strings.ContainsFunc(name, bad) || filepath.Base(name) != name {
		return fmt.Errorf("%q cannot be the name of %s in the store", name, what)
	}
	return nil
}

// Accounts returns the names of the accounts of an operator in order.
func (p Places) Accounts(operator string) ([]string, error) {
	return children(p.AccountDir(operator, ""), func(name string) string { return p.AccountJWT(operator, name) }, "")
}

// Users returns the names of the users of an account in order.
func (p Places) Users(operator, account string) ([]string, error) {
	of := func(name string) string { return p.UserJWT(operator, account, name) }
	return children(filepath.Join(p.AccountDir(operator, account), "users"), of, ".jwt")
}

// children returns the names of a folder that have a file.
func children(dir string, file func(string) string, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && Safe("", name) == nil && Exists(file(name)) {
			names = append(names, name)
		}
	}
	return names, nil
}

// Operators returns the names of the operators that have a store.
func (p Places) Operators() ([]string, error) {
	return children(p.Data, func(name string) string { return filepath.Join(p.OperatorDir(name), Marker) }, "")
}

// ReadFile reads a file of at most limit bytes.
func ReadFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, limit)
}

// ReadAll reads at most limit bytes.
func ReadAll(in io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it is longer than %d bytes", limit)
	}
	return text, err
}
