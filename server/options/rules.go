package options

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AccountRules are what an account gives to others and takes of them.
type AccountRules struct {
	Exports []*AccountExport
	Imports []*AccountImport
}

// DefaultResponseThreshold is how long a service may take to answer.
const DefaultResponseThreshold = 2 * time.Minute

// Errors of the methods that export and import. What else is wrong, as an import that nobody allows,
// is found by the server: at once by a running one, or else when it is made.
var (
	// ErrMissingAccount is about an account that is nil.
	ErrMissingAccount = errors.New("account missing")
	// ErrMissingService is about a service that the account does not export or import.
	ErrMissingService = errors.New("service missing")
	// ErrBadSampling is about a percentage.
	ErrBadSampling = errors.New("bad sampling percentage, should be 1-100")
	// ErrBadServiceType is about services with several replies, which cannot be measured.
	ErrBadServiceType = errors.New("bad service response type")
	// ErrBadPublishSubject is about a subject for measurements.
	ErrBadPublishSubject = errors.New("invalid publish subject")
	// ErrStreamImportBadPrefix is about a prefix that is a pattern.
	ErrStreamImportBadPrefix = errors.New("stream import prefix can not contain wildcard tokens")
)

// The methods below change what a running server has in force; of an account that no server has yet
// they change Exports and Imports, and must not be called concurrently then.

// rules returns what is in force.
func (a *Account) rules() AccountRules {
	if l := a.live.Load(); l != nil {
		return (*l).Rules()
	}
	return AccountRules{a.Exports, a.Imports}.Clone()
}

func (a *Account) change(f func(*AccountRules) error) error {
	if l := a.live.Load(); l != nil {
		return (*l).Change(f)
	}
	r := a.rules()
	if err := f(&r); err != nil {
		return err
	}
	a.Exports, a.Imports = r.Exports, r.Imports
	return nil
}

// AddStreamExport offers what is published on a subject, which may have wildcards. With accounts only
// these may import it; nil is for all.
func (a *Account) AddStreamExport(subject string, accounts []*Account) error {
	return a.export(&AccountExport{Subject: subject}, accounts)
}

// AddServiceExport offers to answer requests. With accounts only these may import it; nil is for all.
func (a *Account) AddServiceExport(subject string, accounts []*Account) error {
	return a.export(&AccountExport{Subject: subject, Service: true}, accounts)
}

// export adds an export, or replaces that of the same kind and subject.
func (a *Account) export(e *AccountExport, accounts []*Account) error {
	if accounts != nil {
		e.Accounts = []string{}
	}
	for _, to := range accounts {
		if to == nil {
			return ErrMissingAccount
		}
		e.Accounts = append(e.Accounts, to.Name)
	}
	return a.change(func(r *AccountRules) error {
		r.Exports = slices.DeleteFunc(r.Exports, func(old *AccountExport) bool {
			return old.Service == e.Service && old.Subject == e.Subject
		})
		r.Exports = append(r.Exports, e)
		return nil
	})
}

// AddStreamImport takes what from exports. With a prefix it is known here as prefix.subject.
func (a *Account) AddStreamImport(from *Account, subject, prefix string) error {
	if from == nil {
		return ErrMissingAccount
	}
	i := &AccountImport{Account: from.Name, Subject: subject}
	if prefix != "" {
		if wild(prefix) {
			return ErrStreamImportBadPrefix
		}
		i.To = strings.TrimSuffix(prefix, ".") + "." + subject
	}
	return a.change(func(r *AccountRules) error {
		r.Imports = append(r.Imports, i)
		return nil
	})
}

// wild reports whether a token of the subject is a wildcard.
func wild(subject string) bool {
	tokens := strings.Split(subject, ".")
	return slices.Contains(tokens, "*") || slices.Contains(tokens, ">")
}

// AddServiceImport lets requests that are published here on from reach to in destination; an empty to
// is the same subject.
func (a *Account) AddServiceImport(destination *Account, from, to string) error {
	if destination == nil {
		return ErrMissingAccount
	}
	i := &AccountImport{Service: true, Account: destination.Name, Subject: to, To: from}
	if to == "" || to == from {
		i.Subject, i.To = from, ""
	}
	return a.change(func(r *AccountRules) error {
		r.Imports = append(r.Imports, i)
		return nil
	})
}

// SetServiceImportSharing says whether destination is told who asks, of the import that is known here
// as to. Without such an import the error is ErrMissingService.
func (a *Account) SetServiceImportSharing(destination *Account, to string, allow bool) error {
	if destination == nil {
		return ErrMissingAccount
	}
	return a.change(func(r *AccountRules) error {
		for _, i := range r.Imports {
			if i.Service && i.Account == destination.Name && (i.To == to || i.To == "" && i.Subject == to) {
				i.Share = allow
				return nil
			}
		}
		return ErrMissingService
	})
}

// service returns the exported service of that subject.
func (r *AccountRules) service(subject string) (*AccountExport, error) {
	for _, e := range r.Exports {
		if e.Service && e.Subject == subject {
			return e, nil
		}
	}
	return nil, ErrMissingService
}

// TrackServiceExportWithSampling publishes on results how long requests of an exported service take,
// of a percentage of them; 0 leaves it to the headers of requests.
func (a *Account) TrackServiceExportWithSampling(service, results string, sampling int) error {
	if sampling < 0 || sampling > 100 {
		return ErrBadSampling
	}
	if results == "" || wild(results) {
		return ErrBadPublishSubject
	}
	return a.change(func(r *AccountRules) error {
		e, err := r.service(service)
		if err != nil {
			return err
		}
		if e.Response != "" && !strings.EqualFold(e.Response, "Singleton") {
			return ErrBadServiceType
		}
		e.Latency = &ServiceLatency{Sampling: sampling, Subject: results}
		return nil
	})
}

// UnTrackServiceExport ends that.
func (a *Account) UnTrackServiceExport(service string) {
	_ = a.change(func(r *AccountRules) error { // the only error is that there is nothing to end
		e, err := r.service(service)
		if err == nil {
			e.Latency = nil
		}
		return err
	})
}

// ServiceExportResponseThreshold returns how long an exported service may take to answer.
func (a *Account) ServiceExportResponseThreshold(subject string) (time.Duration, error) {
	r := a.rules()
	e, err := r.service(subject)
	if err != nil {
		return 0, fmt.Errorf("no export defined for %q", subject)
	}
	if e.Threshold == 0 {
		return DefaultResponseThreshold, nil
	}
	return e.Threshold, nil
}

// SetServiceExportResponseThreshold says how long an exported service may take to answer.
func (a *Account) SetServiceExportResponseThreshold(subject string, d time.Duration) error {
	return a.change(func(r *AccountRules) error {
		e, err := r.service(subject)
		if err != nil {
			return fmt.Errorf("no export defined for %q", subject)
		}
		e.Threshold = d
		return nil
	})
}

// NumServiceImports returns the number of imported services.
func (a *Account) NumServiceImports() (n int) {
	for _, i := range a.rules().Imports {
		if i.Service {
			n++
		}
	}
	return n
}

// NumPendingAllResponses returns how many replies exported services owe; 0 while no server has the
// account. The same holds for its siblings.
func (a *Account) NumPendingAllResponses() int {
	if l := a.live.Load(); l != nil {
		return (*l).PendingResponses()
	}
	return 0
}

// NumPendingReverseResponses returns how many requesters wait for them, which is the same number.
func (a *Account) NumPendingReverseResponses() int { return a.NumPendingAllResponses() }

// NumPendingResponses returns the number of all of them, whatever the service: they are not counted apart.
func (a *Account) NumPendingResponses(service string) int { return a.NumPendingAllResponses() }
