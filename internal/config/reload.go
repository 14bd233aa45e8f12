package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/baridmq/barid/server/options"
)

// Change is a setting that a reload changes.
type Change struct {
	// Key is the name of the setting in a configuration file; of those in a block with the name of
	// the block, as authorization.timeout.
	Key string
	// Line is what the log says when it is applied, as "Reloaded: debug = true". It shows no secret.
	Line string
}

// unsaid are the fields of Options that neither files nor flags are about, and whether those of a
// running server stay if a reload has no others.
var unsaid = []struct {
	fields []string
	keep   bool
	why    string
}{
	{[]string{"DontListen", "DisableShortFirstPing", "NoLog", "NoSigs", "AlwaysEnableNonce"}, true, "programs that embed a server choose it"},
	{[]string{"CustomClientAuthentication", "CustomRouterAuthentication", "Reread", "AccountResolver"}, true, "it is code of such a program"},
	{[]string{"ConfigFile", "ConfigDigest", "ConfigNotes"}, false, "it is about the file"},
	{[]string{"Routes", "RoutesStr", "Cluster", "Gateway", "LeafNode",
		"Websocket", "MQTT", "OCSPConfig", "JetStream", "JetStreamDomain", "JetStreamMaxMemory", "JetStreamMaxStore",
		"JetStreamLimits", "StoreDir"}, true, "barid does not have the part"},
}

// Inherit gives next what a running server keeps, as far as next leaves it open: what a program has
// set and no configuration file says, ports that the system shall choose, and those for clients and
// for monitoring that next has none for. next is as it was read, not completed: defaults would hide
// what it leaves open. running is completed.
func Inherit(next, running *options.Options) {
	to, from := reflect.ValueOf(next).Elem(), reflect.ValueOf(running).Elem()
	for _, group := range unsaid {
		for _, name := range group.fields {
			if group.keep && to.FieldByName(name).IsZero() {
				to.FieldByName(name).Set(from.FieldByName(name))
			}
		}
	}
	if next.Port == 0 {
		next.Port = running.Port
	}
	if next.HTTPPort == 0 && next.HTTPSPort == 0 {
		next.HTTPPort, next.HTTPSPort = running.HTTPPort, running.HTTPSPort
		next.HTTPHost = cmp.Or(next.HTTPHost, running.HTTPHost)
	}
	keep := func(next *int, running int) {
		if *next == options.RandomPort && running != 0 {
			*next = running
		}
	}
	keep(&next.Port, running.Port)
	keep(&next.HTTPPort, running.HTTPPort)
	keep(&next.HTTPSPort, running.HTTPSPort)
	keep(&next.ProfPort, running.ProfPort)
}

// Changes returns what of next differs from running, in the order of the table of keys. Both must
// be completed; the error says of the first setting that a running server cannot change that it
// cannot, "config reload not supported for Host: old=..., new=...". The certificates of TLS always
// count as changed, as their files are read again.
func Changes(running, next *options.Options) ([]Change, error) {
	if running.DontListen != next.DontListen {
		return nil, unchangeable("DontListen", running.DontListen, next.DontListen)
	}
	var all []Change
	for _, s := range settings() {
		lines, err := s.changes(running, next)
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			all = append(all, Change{Key: s.path, Line: line})
		}
	}
	return all, nil
}

// unchangeable is the error for a setting that a reload cannot change.
func unchangeable(name string, before, after any) error {
	return fmt.Errorf("config reload not supported for %s: old=%v, new=%v", name, before, after)
}

// same compares values of settings. The order of lists does not matter.
func same(a, b any) bool {
	x, isList := a.([]string)
	y, _ := b.([]string)
	if isList {
		return slices.Equal(slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y)))
	}
	return reflect.DeepEqual(a, b)
}

// The functions below are what rows with rules of their own say of a reload.

func tlsChanges(from, to opts) (lines []string, err error) {
	switch {
	case from.TLSMap != to.TLSMap:
		return nil, unchangeable("TLSMap", from.TLSMap, to.TLSMap)
	case from.TLSRateLimit != to.TLSRateLimit:
		return nil, unchangeable("TLSRateLimit", from.TLSRateLimit, to.TLSRateLimit)
	case to.TLSConfig != nil:
		lines = append(lines, "Reloaded: tls = enabled")
	case from.TLSConfig != nil:
		lines = append(lines, "Reloaded: tls = disabled")
	}
	if from.TLSTimeout != to.TLSTimeout {
		lines = append(lines, fmt.Sprintf("Reloaded: tls timeout = %v", to.TLSTimeout))
	}
	if !maps.Equal(from.TLSPinnedCerts, to.TLSPinnedCerts) {
		lines = append(lines, fmt.Sprintf("Reloaded: %d pinned_certs", len(to.TLSPinnedCerts)))
	}
	if from.TLSHandshakeFirst != to.TLSHandshakeFirst {
		lines = append(lines, fmt.Sprintf("Reloaded: Client TLS handshake first: %v", to.TLSHandshakeFirst))
	}
	if from.TLSHandshakeFirstFallback != to.TLSHandshakeFirstFallback {
		lines = append(lines, fmt.Sprintf("Reloaded: Client TLS handshake first fallback delay: %v", to.TLSHandshakeFirstFallback))
	}
	return lines, nil
}

func stallChanges(from, to opts) ([]string, error) {
	switch {
	case from.NoFastProducerStall == to.NoFastProducerStall:
		return nil, nil
	case to.NoFastProducerStall:
		return []string{"Reloaded: fast producers will not be stalled"}, nil
	}
	return []string{"Reloaded: fast producers will be stalled"}, nil
}

func remoteSyslogChanges(from, to opts) ([]string, error) {
	if from.RemoteSyslog == to.RemoteSyslog {
		return nil, nil
	}
	return []string{"Reloaded: remote_syslog = " + redact(to.RemoteSyslog, userParts(to.RemoteSyslog))}, nil
}

func proxyChanges(from, to opts) (lines []string, err error) {
	keys := func(o opts) (keys []string) {
		if o.Proxies != nil {
			for _, p := range o.Proxies.Trusted {
				keys = append(keys, p.Key)
			}
		}
		slices.Sort(keys)
		return slices.Compact(keys)
	}
	before, after := keys(from), keys(to)
	without := func(list, taken []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(key string) bool { return slices.Contains(taken, key) })
	}
	if removed := without(before, after); len(removed) > 0 {
		lines = append(lines, fmt.Sprintf("Reloaded: proxies trusted keys %q were removed", removed))
	}
	if added := without(after, before); len(added) > 0 {
		lines = append(lines, fmt.Sprintf("Reloaded: proxies trusted keys %q were added", added))
	}
	return lines, nil
}

// noAuthUserChanges lets no_auth_user go if its user is gone, too.
func noAuthUserChanges(from, to opts) ([]string, error) {
	name := from.NoAuthUser
	gone := to.NoAuthUser == "" &&
		!slices.ContainsFunc(to.Users, func(u *options.User) bool { return u.Username == name }) &&
		!slices.ContainsFunc(to.Nkeys, func(u *options.NkeyUser) bool { return u.Nkey == name })
	if name == to.NoAuthUser || gone {
		return nil, nil
	}
	return nil, unchangeable("NoAuthUser", name, to.NoAuthUser)
}

// userChanges compares users wherever they stand.
func userChanges(from, to opts) (lines []string, err error) {
	users := func(o opts) map[string]any {
		return byName(o.Users, func(u *options.User) (string, any) {
			alone := *u
			alone.Account = nil
			return u.Username, []any{nameOf(u.Account), alone}
		})
	}
	keys := func(o opts) map[string]any {
		return byName(o.Nkeys, func(u *options.NkeyUser) (string, any) {
			alone := *u
			alone.Account = nil
			return u.Nkey, []any{nameOf(u.Account), alone}
		})
	}
	locked := from.AuthorizationBlock != to.AuthorizationBlock && len(to.Users)+len(to.Nkeys) > 0 // or opened, beside users
	if locked || !reflect.DeepEqual(users(from), users(to)) {
		lines = append(lines, "Reloaded: authorization users")
	}
	if !reflect.DeepEqual(keys(from), keys(to)) {
		lines = append(lines, "Reloaded: authorization nkey users")
	}
	return lines, nil
}

func nameOf(a *options.Account) string {
	if a == nil {
		return options.GlobalAccount
	}
	return a.Name
}

func accountChanges(from, to opts) ([]string, error) {
	accounts := func(o opts) map[string]any {
		return byName(o.Accounts, func(a *options.Account) (string, any) {
			return a.Name, []any{a.Nkey, a.Limits, a.Exports, a.Imports, a.Mappings}
		})
	}
	if reflect.DeepEqual(accounts(from), accounts(to)) {
		return nil, nil
	}
	return []string{"Reloaded: accounts"}, nil
}

// byName makes a map of a list, which differs from one of nil.
func byName[T any](list []*T, view func(*T) (name string, v any)) map[string]any {
	if list == nil {
		return nil
	}
	views := make(map[string]any, len(list))
	for _, item := range list {
		if item != nil {
			name, v := view(item)
			views[name] = v
		}
	}
	return views
}

func operatorChanges(from, to opts) ([]string, error) {
	names := func(o opts) (names []string) {
		for _, operator := range o.TrustedOperators {
			names = append(names, operator.Subject+" "+operator.ID)
		}
		return names
	}
	if before, after := names(from), names(to); !same(before, after) {
		return nil, unchangeable("TrustedOperators", before, after)
	}
	return nil, nil
}

func resolverChanges(from, to opts) ([]string, error) {
	has := func(o opts) bool { return o.Resolver != nil || o.AccountResolver != nil }
	switch {
	case has(from) != has(to):
		return nil, errors.New("config reload does not support moving to or from an account resolver")
	case same(from.Resolver, to.Resolver):
		return nil, nil
	}
	return []string{"Reloaded: resolver"}, nil
}

func resolverTLSChanges(from, to opts) ([]string, error) {
	if from.ResolverTLS == nil && to.ResolverTLS == nil {
		return nil, nil
	}
	return []string{"Reloaded: resolver_tls"}, nil // its files were read again
}

func calloutChanges(from, to *login) ([]string, error) {
	if same(from.AuthCallout, to.AuthCallout) {
		return nil, nil
	}
	show := func(c *options.AuthCallout) string {
		if c == nil {
			return "none"
		}
		return fmt.Sprintf("%+v", *c)
	}
	return nil, unchangeable("AuthCallout", show(from.AuthCallout), show(to.AuthCallout))
}
