package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/config/translate"
	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/server/options"
)

// Error texts about what accounts give and take.
const (
	errExportAccount = "%q account not defined for %s export"
	errImport        = "Error adding %s import %q: %v"
)

// KindName is what texts call a kind of exports and imports.
func KindName(service bool) string {
	if service {
		return "service"
	}
	return "stream"
}

// Export says what is wrong with an export by itself, and with the accounts it is for, which have to be
// among those of o; nil for nothing.
func Export(o *options.Options, e *options.AccountExport) error {
	switch {
	case !subject.ValidSubscription(e.Subject) || HasSpaces(e.Subject):
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
		if !IsAccount(o, name) {
			return fmt.Errorf(errExportAccount, name, KindName(e.Service))
		}
	}
	switch l := e.Latency; {
	case l == nil:
	case e.Response != "" && e.Response != "Singleton":
		//lint:ignore ST1005 the text is one that tools know
		return fmt.Errorf("Error adding latency tracking for %q: %w", e.Subject, options.ErrBadServiceType)
	case l.Sampling < 0 || l.Sampling > 100:
		return options.ErrBadSampling
	case !subject.ValidPublish(l.Subject) || HasSpaces(l.Subject) || subject.Matches(l.Subject, e.Subject):
		//lint:ignore ST1005 the text is one that tools know
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

// ImportFault words what the bus says of an import.
func ImportFault(wrong *account.ImportError) error {
	var twice *account.DuplicateError
	if errors.As(wrong.Err, &twice) {
		//lint:ignore ST1005 the text is one that tools know
		return fmt.Errorf("Duplicate service import subject %q, previously used in import for account %q, subject %q",
			twice.Local, twice.Account, twice.Subject)
	}
	//lint:ignore ST1005 the text is one that tools know
	return fmt.Errorf(errImport, KindName(wrong.Import.Kind == account.Service), wrong.Import.Subject, wrong.Err)
}

// rules checks what accounts give and take.
func (c *checker) rules(o *options.Options) {
	if hasNil(o.Mappings) {
		c.about("mappings")(true, "mappings: an entry is nil")
		return
	}
	_, err := account.CompileMappings(translate.Mappings(o.Mappings), "")
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
	err = account.NewRegistry().Check(translate.Accounts(o))
	var wrong *account.ImportError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("account %q: %w", wrong.Account, ImportFault(wrong))
	}
	refuse(err != nil, "%v", err)
}

// badRules says what is wrong with the exports, imports and mappings of an account by themselves.
func badRules(o *options.Options, a *options.Account) (faults []error) {
	if hasNil(a.Exports) || hasNil(a.Imports) || hasNil(a.Mappings) {
		return []error{fmt.Errorf("account %q: an entry of its exports, imports or mappings is nil", a.Name)}
	}
	add := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	_, err := account.CompileMappings(translate.Mappings(a.Mappings), "")
	add(err)
	for _, e := range a.Exports {
		add(Export(o, e))
		if e.Latency != nil && o.SystemAccount == "" {
			add(errNoSystem)
		}
	}
	for _, i := range a.Imports {
		if !IsAccount(o, i.Account) {
			add(fmt.Errorf(NoImportAccount, i.Account, KindName(i.Service)))
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

// IsAccount reports whether there is an account of that name, those that a server makes included.
func IsAccount(o *options.Options, name string) bool {
	return name == options.GlobalAccount || name != "" && name == o.SystemAccount ||
		name == options.DefaultSystemAccount && !o.NoSystemAccount && o.SystemAccount == "" || HasAccount(o, name)
}
