package config

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/internal/trust/claims"
	"github.com/baridmq/barid/server/options"
)

// Error texts about operators and resolvers.
const (
	errOperator    = "error parsing operator JWT: %v"
	errOperators   = "error parsing operators: unsupported type %s"
	errTrustedKey  = "trust key %q required to be a valid public operator nkey"
	errPreloadFile = "invalid account JWT: it is neither one nor the name of a file with one"
	errPreloadText = "preload map value should be a string JWT"
	errPreloadMap  = "preload should be a map of account_public_key:account_jwt"
	errDir         = "dir needs to point to an accessible directory"
)

// operatorKeys are about accounts that operators made.
var operatorKeys = []key[opts]{
	special("operator operators root roots root_operator root_operators", "file name or JWT, or several", (*decoder).operators).
		fills(func(o opts) []any { return []any{&o.TrustedOperators, &o.OperatorTokens} }).
		help("who makes the accounts; there are no other users then").unset("accounts and users of this file").
		reloads("no", operatorChanges),
	made("trusted_keys trusted", "list", func(o opts) *[]string { return &o.TrustedKeys }, (*decoder).trustedKeys).
		help("public keys of operators, in place of their JWTs").stays("TrustedKeys"),
	made("resolver account_resolver accounts_resolver", "MEMORY, URL(address) or map",
		func(o opts) **options.ResolverConfig { return &o.Resolver }, (*decoder).resolver).
		help("where the JWTs of accounts come from").unset("the account server of a single operator").
		reloads("yes, but it cannot come or go", resolverChanges),
	special("resolver_tls", "map", (*decoder).resolverTLS).fills(func(o opts) []any { return []any{&o.ResolverTLS} }).
		help("TLS for a resolver that is a URL; of tls, without what is about listeners").unset("the system's authorities").
		reloads("yes", resolverTLSChanges),
	made("resolver_preload", "map of JWTs", func(o opts) *map[string]string { return &o.ResolverPreload }, (*decoder).preload).
		help("JWTs of accounts by their public keys, or names of files with them").live("Reloaded: resolver_preload"),
	made("resolver_pinned_accounts", "list", func(o opts) *[]string { return &o.ResolverPinnedAccounts }, (*decoder).pinned).
		help("the only accounts whose users may enter, next to the system account").unset("all").
		live("Reloaded: resolver_pinned_accounts"),
	text("default_sentinel", func(o opts) *string { return &o.DefaultSentinel }).
		help("JWT of the user that clients without one become").live("Reloaded: default_sentinel").hidden(),
}

// resolverBlock are the settings of a resolver with a directory.
var resolverBlock = block[*resolverEntry]{path: "resolver", unknown: unknownField, keys: []key[*resolverEntry]{
	text("type", func(r *resolverEntry) *string { return &r.Kind }).help("full, cache or memory"),
	text("dir", func(r *resolverEntry) *string { return &r.Dir }).help("folder for the JWTs; it is made if it is missing"),
	made("allow_delete", "boolean", func(r *resolverEntry) *bool { return &r.AllowDelete }, func(d *decoder, p *conf.Pair, r *resolverEntry) {
		r.deletes = p
		d.choice(p, &r.AllowDelete)
	}).help("full: operators may delete accounts, whose files are renamed then"),
	made("hard_delete", "boolean", func(r *resolverEntry) *bool { return &r.HardDelete }, func(d *decoder, p *conf.Pair, r *resolverEntry) {
		r.hard = p
		d.choice(p, &r.HardDelete)
	}).help("full: next to allow_delete: they are removed"),
	number("limit", func(r *resolverEntry) *int { return &r.Limit }).check(notNegative).
		help("most JWTs; full: no more are taken, cache: the one unused for longest goes").unset("full: 0, no bound; cache: 1000"),
	made("interval", "duration", func(r *resolverEntry) *time.Duration { return &r.Interval }, func(d *decoder, p *conf.Pair, r *resolverEntry) {
		r.sync = p
		d.duration(p, &r.Interval)
	}).check(notNegative).help("full: time between two comparisons with others").unset("1m"),
	made("timeout", "duration", func(r *resolverEntry) *time.Duration { return &r.Timeout }, (*decoder).fetchTimeout).
		help("time for a JWT to come").unset("1.9s"),
	made("ttl", "duration", func(r *resolverEntry) *time.Duration { return &r.TTL }, func(d *decoder, p *conf.Pair, r *resolverEntry) {
		r.ttl = p
		d.duration(p, &r.TTL)
	}).check(notNegative).help("cache: how long it keeps what nobody uses").unset("as long as the JWT is valid"),
}}

// resolverEntry is a resolver as it is written down.
type resolverEntry struct {
	*options.ResolverConfig
	deletes, hard, sync, ttl *conf.Pair
}

// largestToken bounds files with JWTs, in bytes: what the library reads.
const largestToken = 1 << 20

// tokenFile returns the JWT of a file, decorated or not.
func tokenFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestToken+1))
	if err != nil {
		return "", err
	}
	if len(text) > largestToken {
		return "", errors.New("the file is too large for a JWT")
	}
	token, err := jwt.ParseDecoratedJWT(bytes.TrimSpace(text))
	return strings.TrimSpace(token), err
}

// token returns the JWT that a text is, or that is in the file of that name.
func token(text string) (string, error) {
	inFile, err := tokenFile(text)
	if err != nil && strings.HasPrefix(text, "eyJ") {
		return text, nil
	}
	return inFile, err
}

func (d *decoder) operators(p *conf.Pair, o opts) {
	if k := p.Value.Kind; k != conf.String && k != conf.Array {
		d.fail(p.At, errOperators, k)
		return
	}
	o.TrustedOperators, o.OperatorTokens = nil, nil
	items, _ := d.elements(p.Key, p.Value)
	for _, item := range items {
		text, err := token(item.Text)
		if err != nil {
			d.fail(item.At, errOperator, err)
			continue
		}
		operator, err := claims.DecodeOperator(text)
		if err != nil {
			d.fail(item.At, errOperator, err)
			continue
		}
		o.TrustedOperators = append(o.TrustedOperators, operator)
		o.OperatorTokens = append(o.OperatorTokens, text)
	}
}

func (d *decoder) trustedKeys(p *conf.Pair, o opts) {
	items, _ := d.elements(p.Key, p.Value)
	o.TrustedKeys = nil
	for _, item := range items {
		if !nkeys.IsValidPublicOperatorKey(item.Text) {
			d.fail(item.At, errTrustedKey, check.ShownKey(item.Text))
		}
		o.TrustedKeys = append(o.TrustedKeys, item.Text)
	}
}

func (d *decoder) pinned(p *conf.Pair, o opts) {
	items, _ := d.elements(p.Key, p.Value)
	o.ResolverPinnedAccounts = nil
	for _, item := range items {
		if !nkeys.IsValidPublicAccountKey(item.Text) {
			d.fail(item.At, check.BadPinnedAccount, check.ShownKey(item.Text))
		}
		o.ResolverPinnedAccounts = append(o.ResolverPinnedAccounts, item.Text)
	}
}

// preload takes account JWTs, or names of files that have them.
func (d *decoder) preload(p *conf.Pair, o opts) {
	if p.Value.Kind != conf.Map {
		d.fail(p.At, errPreloadMap)
		return
	}
	o.ResolverPreload = map[string]string{}
	for _, entry := range p.Value.Map.Pairs {
		if entry.Value.Kind != conf.String {
			d.fail(entry.Value.At, errPreloadText)
			continue
		}
		text, err := token(entry.Value.Text)
		if err != nil {
			d.fail(entry.Value.At, errPreloadFile) // not err: it shows the value
			continue
		}
		account, err := claims.DecodeAccount(text)
		switch {
		case err != nil:
			d.fail(entry.Value.At, check.BadPreload+": %v", err)
		case account.Subject != entry.Key:
			d.fail(entry.At, check.BadPreload+": it is that of %s", account.Subject)
		default:
			o.ResolverPreload[entry.Key] = text
		}
	}
}

// resolver takes a word, URL(address) or a map.
func (d *decoder) resolver(p *conf.Pair, o opts) {
	switch v := p.Value; v.Kind {
	case conf.String:
		o.Resolver = d.resolverText(v)
	case conf.Map:
		r := &resolverEntry{ResolverConfig: &options.ResolverConfig{}}
		before := len(d.faults)
		resolverBlock.decode(d, v.Map, r)
		if len(d.faults) == before {
			d.directory(p, r)
		}
		o.Resolver = r.ResolverConfig
	default:
		d.fail(p.At, check.BadResolver)
	}
}

func (d *decoder) resolverText(v *conf.Value) *options.ResolverConfig {
	text := strings.TrimSpace(v.Text)
	if isMemory(text) {
		return &options.ResolverConfig{Kind: options.ResolverMemory}
	}
	if len(text) > 4 && strings.EqualFold(text[:4], "url(") && strings.HasSuffix(text, ")") {
		address := strings.Trim(strings.TrimSpace(text[4:len(text)-1]), `"'`)
		if check.IsHTTP(address) {
			return &options.ResolverConfig{Kind: options.ResolverURL, URL: address}
		}
	}
	d.fail(v.At, check.BadResolver)
	return nil
}

func isMemory(word string) bool {
	return strings.EqualFold(word, "MEM") || strings.EqualFold(word, "MEMORY")
}

// directory completes a resolver that is written as a map.
func (d *decoder) directory(p *conf.Pair, r *resolverEntry) {
	switch kind := strings.ToUpper(r.Kind); {
	case isMemory(kind):
		r.Kind = options.ResolverMemory
		return
	case kind == options.ResolverFull || kind == options.ResolverCache:
		r.Kind = kind
	default:
		d.fail(p.At, check.BadResolver)
		return
	}
	cache := r.Kind == options.ResolverCache
	for _, lie := range []struct {
		wrong bool
		at    *conf.Pair
		text  string
	}{
		{cache && r.sync != nil, r.sync, "CACHE does not accept sync"},
		{cache && r.AllowDelete, r.deletes, "CACHE does not accept allow_delete"},
		{cache && r.HardDelete, r.hard, "CACHE does not accept hard_delete"},
		{!cache && r.ttl != nil, r.ttl, "FULL does not accept ttl"},
		{!cache && r.HardDelete && !r.AllowDelete, r.hard, "hard_delete has no effect without delete"},
		{r.Dir == "", p, "dir has no value and needs to point to a directory"},
	} {
		if lie.wrong {
			d.fail(lie.at.At, "%s", lie.text)
			return
		}
	}
	if info, err := os.Stat(r.Dir); err == nil && !info.IsDir() || err != nil && !errors.Is(err, os.ErrNotExist) {
		d.fail(p.At, errDir)
	}
}

func (d *decoder) fetchTimeout(p *conf.Pair, r *resolverEntry) {
	if d.duration(p, &r.Timeout); p.Value.Kind == conf.String && r.Timeout <= 0 {
		d.fail(p.Value.At, "Fetch timeout %v is too smal", r.Timeout)
	}
}

// resolverTLS takes the settings of connections to a resolver. Its authorities become those that the
// resolver is judged by.
func (d *decoder) resolverTLS(p *conf.Pair, o opts) {
	b, ok := d.fields(p)
	if !ok {
		return
	}
	var t options.TLSConfigOpts
	before := len(d.faults)
	inner := tlsBlock
	inner.path = "resolver_tls"
	inner.decode(d, b, &t)
	if len(d.faults) > before {
		return
	}
	made, err := GenTLSConfig(&t)
	if err != nil {
		d.fail(p.At, "%v", err)
		return
	}
	o.ResolverTLS = &tls.Config{Certificates: made.Certificates, RootCAs: made.RootCAs, MinVersion: made.MinVersion,
		CipherSuites: made.CipherSuites, CurvePreferences: made.CurvePreferences, InsecureSkipVerify: t.Insecure} //nolint:gosec // asked for
}
