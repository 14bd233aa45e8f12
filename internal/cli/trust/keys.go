package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/trust/store"
)

// maxKeyFiles bounds how many files of a folder are looked at for seeds.
const maxKeyFiles = 10000

// readKeys takes the seeds of a file, or of all files of a folder whose names end in .nk.
func (r *realm) readKeys(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		pair, err := readSeed(name)
		if err != nil {
			return err
		}
		return r.keep(pair)
	}
	seen := 0
	return filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) != ".nk" {
			return err
		}
		if seen++; seen > maxKeyFiles {
			return fmt.Errorf("it has more than %d seeds", maxKeyFiles)
		}
		pair, err := readSeed(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return r.keep(pair)
	})
}

// keep remembers a key for this command.
func (r *realm) keep(pair nkeys.KeyPair) error {
	public, err := pair.PublicKey()
	if err == nil {
		r.more[public] = pair
	}
	return err
}

// readSeed reads the seed of a file: bare, between marks, or of credentials. The error does not quote it.
func readSeed(name string) (nkeys.KeyPair, error) {
	text, err := store.ReadFile(name, store.MaxFile)
	if err != nil {
		return nil, err
	}
	pair, err := jwt.ParseDecoratedNKey(text)
	if err != nil {
		return nil, errors.New("it holds no seed of an operator, account or user")
	}
	return pair, nil
}

// key returns the pair of a public key, from the key store or --keys-from.
func (r *realm) key(public string) (nkeys.KeyPair, error) {
	if pair, ok := r.more[public]; ok {
		return pair, nil
	}
	if !nkeys.IsValidPublicKey(public) {
		return nil, fmt.Errorf("%q is no public key", public)
	}
	pair, err := readSeed(r.Seed(public))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the seed of %s is not in the key store; name its file with --keys-from", public)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Seed(public), err)
	}
	if got, err := pair.PublicKey(); err != nil || got != public {
		return nil, fmt.Errorf("%s holds the seed of another key", r.Seed(public))
	}
	return pair, nil
}

// has reports whether the seed of a key is at hand.
func (r *realm) has(public string) bool {
	_, err := r.key(public)
	return err == nil
}

// create makes a key and drafts its file. If from names a file, its seed is taken.
func (r *realm) create(kind nkeys.PrefixByte, from string) (public string, pair nkeys.KeyPair, err error) {
	if from == "" {
		pair, err = nkeys.CreatePair(kind)
	} else {
		pair, err = readSeed(from)
	}
	if err != nil {
		return "", nil, err
	}
	if public, err = pair.PublicKey(); err != nil {
		return "", nil, err
	}
	if nkeys.Prefix(public) != kind {
		return "", nil, fmt.Errorf("%s holds the seed of another kind of key: %s", from, kind)
	}
	seed, err := pair.Seed()
	if err != nil {
		return "", nil, err
	}
	if from == "" {
		r.draft.Add(r.Seed(public), seed)
	} else {
		r.draft.Put(r.Seed(public), seed)
	}
	return public, pair, r.keep(pair)
}

// operatorKey returns the key that signs accounts: a signing key if there is one, else the identity.
func (r *realm) operatorKey() (nkeys.KeyPair, error) {
	for _, k := range r.operator.SigningKeys {
		if r.has(k) {
			return r.key(k)
		}
	}
	if r.operator.StrictSigningKeyUsage {
		return nil, fmt.Errorf("operator %q lets only its signing keys sign, and none of their seeds is here; name one with --keys-from", r.name)
	}
	return r.key(r.operator.Subject)
}

// accountKey returns the key that signs for an account: that of the role if one is named, else a
// signing key without a role, else the identity. Issuer is the account if a signing key signs.
func (r *realm) accountKey(c *jwt.AccountClaims, role string) (pair nkeys.KeyPair, issuer string, err error) {
	found := false
	for _, k := range sorted(c.SigningKeys) {
		us, scoped := c.SigningKeys[k].(*jwt.UserScope)
		if scoped != (role != "") || scoped && us.Role != role && k != role {
			continue
		}
		found = true
		if pair, err = r.key(k); err == nil {
			return pair, c.Subject, nil
		}
	}
	switch {
	case role != "" && !found:
		return nil, "", fmt.Errorf("account %q has no role %q; make it: barid trust account edit %s --role %s", c.Name, role, quoted(c.Name), quoted(role))
	case role != "":
		return nil, "", err
	case r.operator.StrictSigningKeyUsage:
		return nil, "", fmt.Errorf("the operator lets only signing keys sign, and account %q has none whose seed is here; make one: barid trust account edit %s --signing-key", c.Name, quoted(c.Name))
	}
	pair, err = r.key(c.Subject)
	return pair, "", err
}

// keyLine is a key as a line of JSON.
type keyLine struct {
	Key  string `json:"key"`
	Of   string `json:"of"`
	Use  string `json:"use"`
	Seed bool   `json:"seed"` // it is at hand
}

func (t *tool) keysCommand() *cobra.Command {
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "list the public keys, and whether their seeds are here",
		Example: "  barid trust keys list", Args: t.words(cobra.NoArgs),
	}
	list.RunE = t.reading(func(cmd *cobra.Command, r *realm, _ []string) error {
		lines, err := r.keyLines()
		for _, l := range lines {
			if asJSON {
				if err := t.host.PrintJSON(cmd.OutOrStdout(), l); err != nil {
					return err
				}
				continue
			}
			seed := "no seed"
			if l.Seed {
				seed = "seed"
			}
			t.print(cmd, "%s  %-7s  %s, %s", l.Key, seed, l.Of, l.Use)
		}
		return err
	})
	list.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each key")
	bring := &cobra.Command{
		Use: "import FILE...", Short: "copy the seeds of files to the key store",
		Example: "  barid trust keys import signing.nk", Args: t.words(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := t.prepare(cmd, true)
			if err != nil {
				return err
			}
			defer r.close()
			clear(r.more)
			for _, name := range args {
				if err := r.readKeys(name); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			for public, pair := range r.more {
				seed, err := pair.Seed()
				if err != nil {
					return err
				}
				r.draft.Put(r.Seed(public), seed)
			}
			if err := r.draft.Write(); err != nil {
				return err
			}
			t.say(cmd, "the key store has the seeds of %d more files", len(r.more))
			return nil
		},
	}
	return t.group("keys", "list and import keys", `The key store holds the seeds of all keys, in files that only their owner may read. Those of the
operator's identity and of accounts' identities are best kept elsewhere once there are signing keys:
move their files away, and name them with --keys-from when they are needed.`, list, bring)
}

// keyLines lists the keys of the operator, its accounts and their users.
func (r *realm) keyLines() (lines []keyLine, err error) {
	add := func(key, of, use string) { lines = append(lines, keyLine{key, of, use, r.has(key)}) }
	add(r.operator.Subject, "operator "+r.name, "identity")
	for _, k := range r.operator.SigningKeys {
		add(k, "operator "+r.name, "signing")
	}
	accounts, err := r.accounts()
	if err != nil {
		return nil, err
	}
	for _, name := range accounts {
		c, err := r.account(name)
		if err != nil {
			return lines, err
		}
		add(c.Subject, "account "+name, "identity")
		for _, k := range sorted(c.SigningKeys) {
			use := "signing"
			if us, ok := c.SigningKeys[k].(*jwt.UserScope); ok {
				use += " for role " + us.Role
			}
			add(k, "account "+name, use)
		}
		users, err := r.users(name)
		if err != nil {
			return lines, err
		}
		for _, user := range users {
			u, err := r.user(name, user)
			if err != nil {
				return lines, fmt.Errorf("user %s: %w", strings.Join([]string{name, user}, "/"), err)
			}
			add(u.Subject, "user "+name+"/"+user, "identity")
		}
	}
	return lines, nil
}
