package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/server/options"
)

// Error texts about what accounts give and take.
const (
	errExportAccount = "%q account not defined for %s export"
	errImportAccount = "%q account not defined for %s import"
	errImport        = "Error adding %s import %q: %v"
)

// AccountSpecs describe the accounts that completed options name, in a fixed order: the one of
// everybody, the system account, those of users, and those that are listed. What an account is listed
// with counts more than what a user brings along. With operators only the first two are there, and the
// system account only if no operator names it.
func AccountSpecs(o *options.Options) []account.Spec {
	all := specList{at: map[string]int{}}
	all.put(account.Spec{Name: account.Global, Limits: account.Unlimited(), Mappings: mappingSpecs(o.Mappings)})
	system := o.SystemAccount
	if system != "" && (!byOperators(o) || system == options.DefaultSystemAccount) {
		all.put(account.Spec{Name: system, Limits: account.Unlimited()})
	}
	for _, u := range o.Users {
		if u != nil {
			all.describe(u.Account)
		}
	}
	for _, u := range o.Nkeys {
		if u != nil {
			all.describe(u.Account)
		}
	}
	for _, a := range o.Accounts {
		all.describe(a)
	}
	if i, ok := all.at[system]; ok {
		all.addSystem(i)
	}
	return all.specs
}

type specList struct {
	specs []account.Spec
	at    map[string]int
}

// addSystem adds what the system account, the i-th, gives to all others.
func (l *specList) addSystem(i int) {
	system := l.specs[i].Name
	l.specs[i].Exports = append(l.specs[i].Exports, account.SystemExports()...)
	for j := range l.specs {
		if j != i {
			l.specs[j].Imports = append(l.specs[j].Imports, account.SystemImports(system, l.specs[j].Name)...)
		}
	}
}

func (l *specList) put(s account.Spec) {
	if i, ok := l.at[s.Name]; ok {
		l.specs[i] = s
		return
	}
	l.at[s.Name] = len(l.specs)
	l.specs = append(l.specs, s)
}

// describe puts an account of options. That of everybody has no settings but the top-level ones.
func (l *specList) describe(a *options.Account) {
	if a == nil || a.Name == account.Global {
		return
	}
	s := account.Spec{Name: a.Name, Limits: account.Unlimited(), Mappings: mappingSpecs(a.Mappings),
		Exports: ExportSpecs(a.Exports), Imports: ImportSpecs(a.Imports)}
	if b := a.Limits; b != nil {
		s.Limits = account.Limits{Connections: b.MaxConnections, Subscriptions: b.MaxSubscriptions, Payload: b.MaxPayload}
	}
	l.put(s)
}

// ExportSpecs are exports as the bus knows them.
func ExportSpecs(list []*options.AccountExport) (specs []account.Export) {
	for _, e := range list {
		s := account.Export{Subject: e.Subject, Accounts: slices.Clone(e.Accounts), TokenPosition: e.TokenPosition,
			Threshold: e.Threshold, AllowTrace: e.AllowTrace}
		if e.Service {
			s.Kind = account.Service
		}
		switch e.Response {
		case "Stream":
			s.Response = account.Streamed
		case "Chunked":
			s.Response = account.Chunked
		}
		if e.Latency != nil {
			s.Latency = &account.Latency{Sampling: e.Latency.Sampling, Subject: e.Latency.Subject}
		}
		specs = append(specs, s)
	}
	return specs
}

// ImportSpecs are imports as the bus knows them, in the same order.
func ImportSpecs(list []*options.AccountImport) (specs []account.Import) {
	for _, i := range list {
		s := account.Import{Account: i.Account, Subject: i.Subject, Local: i.To, Share: i.Share, AllowTrace: i.AllowTrace}
		if i.Service {
			s.Kind = account.Service
		}
		specs = append(specs, s)
	}
	return specs
}

func mappingSpecs(list []*options.SubjectMapping) (specs []account.Mapping) {
	for _, m := range list {
		specs = append(specs, mappingSpec(m))
	}
	return specs
}

func mappingSpec(m *options.SubjectMapping) account.Mapping {
	s := account.Mapping{Source: m.Source}
	for _, to := range m.Destinations {
		s.Destinations = append(s.Destinations, account.Destined{Subject: to.Subject, Weight: int(to.Weight), Cluster: to.Cluster})
	}
	return s
}

// kindName is what texts call a kind.
func kindName(service bool) string {
	if service {
		return "service"
	}
	return "stream"
}

// badExport says what is wrong with an export, whose accounts are those that known reports.
func badExport(e *options.AccountExport, known func(name string) bool) error {
	switch {
	case !subject.ValidSubscription(e.Subject) || hasSpaces(e.Subject):
		//lint:ignore ST1005 the text is one that tools know
		return fmt.Errorf("Subject %q is not a valid subject", e.Subject)
	case !slices.Contains([]string{"", "Singleton", "Stream", "Chunked"}, e.Response):
		//lint:ignore ST1005 the text is one that tools know
		return fmt.Errorf("Unknown response type: %q", e.Response)
	case e.Threshold < 0:
		return fmt.Errorf("threshold of %q can not be negative", e.Subject)
	case e.TokenPosition < 0 || e.TokenPosition > 0 && tokenOf(e.Subject, e.TokenPosition) != "*":
		return fmt.Errorf("account_token_position %d of %q is not that of a *", e.TokenPosition, e.Subject)
	}
	for _, name := range e.Accounts {
		if !known(name) {
			return fmt.Errorf(errExportAccount, name, kindName(e.Service))
		}
	}
	switch l := e.Latency; {
	case l == nil:
	case e.Response != "" && e.Response != "Singleton":
		return fmt.Errorf("Error adding latency tracking for %q: %w", e.Subject, options.ErrBadServiceType)
	case l.Sampling < 0 || l.Sampling > 100:
		return options.ErrBadSampling
	case !subject.ValidPublish(l.Subject) || hasSpaces(l.Subject) || subject.Matches(l.Subject, e.Subject):
		return fmt.Errorf("Error adding latency tracking for %q: %w", e.Subject, options.ErrBadPublishSubject)
	}
	return nil
}

// tokenOf returns the n-th token of s, from 1.
func tokenOf(s string, n int) string {
	tokens := strings.Split(s, ".")
	if n < 1 || n > len(tokens) {
		return ""
	}
	return tokens[n-1]
}

// importError words what the bus says of an import.
func importError(service bool, subject string, err error) error {
	var twice *account.DuplicateError
	if errors.As(err, &twice) {
		//lint:ignore ST1005 the text is one that tools know
		return fmt.Errorf("Duplicate service import subject %q, previously used in import for account %q, subject %q",
			twice.Local, twice.Account, twice.Subject)
	}
	return fmt.Errorf(errImport, kindName(service), subject, err)
}

// rules checks what accounts give and take.
func (c *checker) rules(o opts) {
	if hasNil(o.Mappings) {
		c.about("mappings")(true, "mappings: an entry is nil")
		return
	}
	_, err := account.CompileMappings(mappingSpecs(o.Mappings), "")
	c.about("mappings")(err != nil, "%v", err)
	sound := err == nil
	refuse := c.about("accounts")
	for _, a := range o.Accounts {
		if a == nil {
			continue
		}
		for _, err := range badRules(o, a) {
			refuse(true, "%v", err)
			sound = false
		}
	}
	if !sound {
		return
	}
	err = account.NewRegistry().Check(AccountSpecs(o))
	var wrong *account.ImportError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("account %q: %w", wrong.Account, importError(wrong.Import.Kind == account.Service, wrong.Import.Subject, wrong.Err))
	}
	refuse(err != nil, "%v", err)
}

// badRules says what is wrong with the exports, imports and mappings of an account by themselves.
func badRules(o opts, a *options.Account) (faults []error) {
	if hasNil(a.Exports) || hasNil(a.Imports) || hasNil(a.Mappings) {
		return []error{fmt.Errorf("account %q: an entry of its exports, imports or mappings is nil", a.Name)}
	}
	add := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	known := func(name string) bool { return isAccount(o, name) }
	_, err := account.CompileMappings(mappingSpecs(a.Mappings), "")
	add(err)
	for _, e := range a.Exports {
		add(badExport(e, known))
		if e.Latency != nil && o.SystemAccount == "" {
			add(errNoSystem)
		}
	}
	for _, i := range a.Imports {
		if !known(i.Account) {
			add(fmt.Errorf(errImportAccount, i.Account, kindName(i.Service)))
		}
	}
	return faults
}

var errNoSystem = errors.New("system account not setup")

// hasNil reports whether an element of a list is nil. A mapping has such a list itself.
func hasNil[T any](list []*T) bool {
	return slices.ContainsFunc(list, func(v *T) bool {
		m, isMapping := any(v).(*options.SubjectMapping)
		return v == nil || isMapping && hasNil(m.Destinations)
	})
}

// isAccount reports whether there is an account of that name, those that a server makes included.
func isAccount(o opts, name string) bool {
	return name == options.GlobalAccount || name != "" && name == o.SystemAccount ||
		name == options.DefaultSystemAccount && !o.NoSystemAccount && o.SystemAccount == "" || hasAccount(o, name)
}

// settleRules checks what the accounts of a file give and take, when all of them are read; but not if
// something else is wrong already.
func (d *decoder) settleRules(o opts) {
	if len(d.faults) > 0 {
		return
	}
	known := func(name string) bool { return isAccount(o, name) }
	for _, t := range d.tenants {
		for n, e := range t.Exports {
			if err := badExport(e, known); err != nil {
				d.fail(t.exportsAt[n], "%v", err)
			}
		}
		for n, i := range t.Imports {
			if !known(i.Account) {
				d.fail(t.importsAt[n], errImportAccount, i.Account, kindName(i.Service))
			}
		}
	}
	if len(d.faults) == 0 {
		d.checkImports(o)
	}
}

// checkImports lets the bus check the imports, and takes those that it refuses away until it is content.
func (d *decoder) checkImports(o opts) {
	complete := *o
	Complete(&complete)
	specs := AccountSpecs(&complete)
	places := map[string][]conf.Position{}
	for _, t := range d.tenants {
		places[t.Name] = slices.Clone(t.importsAt)
	}
	for {
		err := account.NewRegistry().Check(specs)
		if err == nil {
			return
		}
		var wrong *account.ImportError
		if !errors.As(err, &wrong) {
			d.fail(d.file, "%v", err)
			return
		}
		s := &specs[slices.IndexFunc(specs, func(s account.Spec) bool { return s.Name == wrong.Account })]
		n := 0
		for &s.Imports[n] != wrong.Import {
			n++
		}
		at := d.file // of what is not written, but automatic
		if written := places[s.Name]; n < len(written) {
			at = written[n]
			places[s.Name] = slices.Delete(written, n, n+1)
		}
		d.fail(at, "%v", importError(wrong.Import.Kind == account.Service, wrong.Import.Subject, wrong.Err))
		s.Imports = slices.Delete(s.Imports, n, n+1)
	}
}
