package options

import (
	"errors"
	"sync/atomic"
	"time"
)

// Account is a subject space of its own, with its own users and limits. It describes an account in
// Options, and answers for a running one: of the server that it came from, or else of the last one
// that was made with it. Several servers may share one in their options; none of them changes its
// fields. Its methods may be called by any goroutine. An Account must not be copied.
type Account struct {
	// Name is unique. $G is the name of the default account.
	Name string
	// Nkey is the public key of the account, empty if it has none.
	Nkey string
	// Limits are nil for none. A server reads them when it is made and when it is reloaded.
	Limits *AccountLimits

	live atomic.Pointer[LiveAccount]
}

// AccountLimits bound what an account may use; a negative value sets no bound.
type AccountLimits struct {
	// MaxConnections is the number of client connections at a time.
	MaxConnections int
	// MaxSubscriptions is the number of subscriptions of one connection.
	MaxSubscriptions int
	// MaxPayload is the size of header and payload of a message, in bytes.
	MaxPayload int
}

// LiveAccount is an account of a running server, for which an Account answers. Its methods are
// called by any goroutine.
type LiveAccount interface {
	// Connections is the number of client connections.
	Connections() int
	// Subscriptions is the number of subscriptions.
	Subscriptions() int
	// Interest is the number of subscriptions that want messages of a literal subject.
	Interest(subject string) int
}

// NewAccount returns an account without limits.
func NewAccount(name string) *Account { return &Account{Name: name} }

// Attach makes a answer for l from now on. Servers call it; programs have no need to.
func (a *Account) Attach(l LiveAccount) { a.live.Store(&l) }

// clone returns a copy that answers for no server.
func (a *Account) clone() *Account {
	return &Account{Name: a.Name, Nkey: a.Nkey, Limits: copyOf(a.Limits)}
}

// GetName returns the name.
func (a *Account) GetName() string { return a.Name }

// TotalSubs returns the number of subscriptions of the account, 0 while no server has it.
func (a *Account) TotalSubs() int {
	if l := a.live.Load(); l != nil {
		return (*l).Subscriptions()
	}
	return 0
}

// NumConnections returns the number of client connections of the account, 0 while no server has it.
func (a *Account) NumConnections() int {
	if l := a.live.Load(); l != nil {
		return (*l).Connections()
	}
	return 0
}

// Interest returns how many subscriptions want messages of the subject; none if it is no literal
// subject, or while no server has the account.
func (a *Account) Interest(subject string) int {
	if l := a.live.Load(); l != nil {
		return (*l).Interest(subject)
	}
	return 0
}

// SubscriptionInterest reports whether any subscription wants messages of the subject.
func (a *Account) SubscriptionInterest(subject string) bool { return a.Interest(subject) > 0 }

// RoutedSubs returns the number of subjects announced to other servers of a cluster: 0, as barid
// has no routes yet.
func (a *Account) RoutedSubs() int { return 0 }

// NumLeafNodes returns the number of leafnode connections: 0, as barid has none yet.
func (a *Account) NumLeafNodes() int { return 0 }

// NumRemoteLeafNodes returns the number of leafnode connections of other servers: 0, as barid has
// none yet.
func (a *Account) NumRemoteLeafNodes() int { return 0 }

// MaxActiveLeafNodes returns the bound of leafnode connections: -1 for none, as barid cannot bound
// them yet.
func (a *Account) MaxActiveLeafNodes() int { return -1 }

// NumServiceImports returns the number of imported services: 0, as barid has none yet.
func (a *Account) NumServiceImports() int { return 0 }

// ErrNoImports is returned by all that would export, import or measure a service or stream between
// accounts.
var ErrNoImports = errors.New("barid has no imports and exports yet")

// AddStreamExport returns ErrNoImports.
func (a *Account) AddStreamExport(subject string, accounts []*Account) error { return ErrNoImports }

// AddServiceExport returns ErrNoImports.
func (a *Account) AddServiceExport(subject string, accounts []*Account) error { return ErrNoImports }

// AddStreamImport returns ErrNoImports.
func (a *Account) AddStreamImport(from *Account, subject, prefix string) error { return ErrNoImports }

// AddServiceImport returns ErrNoImports.
func (a *Account) AddServiceImport(destination *Account, from, to string) error { return ErrNoImports }

// SetServiceImportSharing returns ErrNoImports.
func (a *Account) SetServiceImportSharing(destination *Account, to string, allow bool) error {
	return ErrNoImports
}

// TrackServiceExportWithSampling returns ErrNoImports.
func (a *Account) TrackServiceExportWithSampling(service, results string, sampling int) error {
	return ErrNoImports
}

// UnTrackServiceExport does nothing: nothing is measured.
func (a *Account) UnTrackServiceExport(service string) {}

// ServiceExportResponseThreshold returns ErrNoImports.
func (a *Account) ServiceExportResponseThreshold(subject string) (time.Duration, error) {
	return 0, ErrNoImports
}

// SetServiceExportResponseThreshold returns ErrNoImports.
func (a *Account) SetServiceExportResponseThreshold(subject string, d time.Duration) error {
	return ErrNoImports
}

// NumPendingAllResponses returns how many replies services owe: 0, as barid has no imports yet. The
// same holds for its siblings.
func (a *Account) NumPendingAllResponses() int { return 0 }

// NumPendingReverseResponses returns 0.
func (a *Account) NumPendingReverseResponses() int { return 0 }

// NumPendingResponses returns 0.
func (a *Account) NumPendingResponses(filter string) int { return 0 }
