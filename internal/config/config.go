// Package config reads the options of a server from configuration files, completes and checks
// them: it knows the names of all settings, their defaults, and what each of them cannot be. It uses
// nothing of what the options configure, but the checks and loaders that belong to it. It owns no
// goroutine and no lock; its functions may be called by any goroutine.
package config

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/server/options"
)

// setting is a row of a table as the options of a server see it.
type setting struct {
	*entry
	path    string // in a configuration file, as authorization.timeout
	fill    func(o opts)
	fault   func(o opts) string
	fields  func(o opts) []any
	changes func(from, to opts) ([]string, error)
	put     func(o opts, v flagValue)
}

// settings are all rows that are about options of a server directly.
func settings() []setting {
	return slices.Concat(bind(topLevel, itself), bind(authorizationBlock, loginOf))
}

func itself(o opts) opts { return o }

func loginOf(o opts) *login { return &login{Options: o, marks: &single{}} }

// bind makes settings of the rows of a block that is part of options.
func bind[T any](b block[T], of func(opts) T) (all []setting) {
	for _, k := range b.keys {
		all = append(all, setting{
			entry:   k.about(),
			path:    join(b.path, k.about().name()),
			fill:    func(o opts) { k.fill(of(o)) },
			fault:   func(o opts) string { return k.fault(of(o)) },
			fields:  func(o opts) []any { return k.fields(of(o)) },
			changes: func(from, to opts) ([]string, error) { return k.changes(of(from), of(to)) },
			put:     func(o opts, v flagValue) { k.put(of(o), v) },
		})
	}
	return all
}

// Complete fills in the defaults of what o leaves open.
func Complete(o *options.Options) {
	for _, s := range settings() {
		s.fill(o)
	}
	o.HTTPHost = cmp.Or(o.HTTPHost, o.Host)
	o.TLSTimeout = cmp.Or(o.TLSTimeout, options.DefaultTLSTimeout.Seconds())
	if o.AuthTimeout == 0 {
		o.AuthTimeout = options.DefaultAuthTimeout.Seconds()
		if o.TLSConfig != nil {
			o.AuthTimeout = o.TLSTimeout + 1 // what a handshake may take, and some more
		}
	}
	completeTrust(o)
	if !o.NoSystemAccount || check.HasAccount(o, options.DefaultSystemAccount) {
		o.SystemAccount = cmp.Or(o.SystemAccount, options.DefaultSystemAccount)
	}
}

// Validate returns everything that is wrong with completed options, joined; nil if nothing is.
func Validate(o *options.Options) error { return joined(faults(o, false)) }

// ValidateReload is Validate for options that a running server shall take over. What keeps a server
// from starting has other words there.
func ValidateReload(o *options.Options) error { return joined(faults(o, true)) }

func joined(faults []check.Fault) error {
	var errs []error
	for _, f := range faults {
		errs = append(errs, errors.New(f.Text))
	}
	return errors.Join(errs...)
}

// faults are what is wrong with completed options: with each setting by itself, and with several
// together. They are worded as those of a reload if it is one.
func faults(o opts, reload bool) (all []check.Fault) {
	for _, s := range settings() {
		if why := s.fault(o); why != "" {
			all = append(all, check.Fault{Text: strings.ReplaceAll(s.path, ".", " ") + " " + why, Keys: []string{s.path}})
		}
	}
	return slices.Concat(all, check.Options(o, reload), absentParts(o))
}

// isPort reports whether n can be the port of a listener, be it a free one or the default.
func isPort(n int) bool { return n >= options.RandomPort && n <= 65535 }

// completeTrust takes from a single operator what is not configured: the system account and the
// account server.
func completeTrust(o opts) {
	if len(o.TrustedOperators) != 1 || o.TrustedOperators[0] == nil {
		return
	}
	operator := o.TrustedOperators[0]
	if o.SystemAccount == "" {
		o.SystemAccount = operator.SystemAccount
	}
	if server := operator.AccountServerURL; o.Resolver == nil && o.AccountResolver == nil && check.IsHTTP(server) {
		o.Resolver = &options.ResolverConfig{Kind: options.ResolverURL, URL: strings.TrimSuffix(server, "/") + "/accounts/"}
	}
}
