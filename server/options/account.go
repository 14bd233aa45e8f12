package options

import (
	"sync/atomic"
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
	// Limits are nil for none. A server reads them, and what follows, when it is made and when it is
	// reloaded.
	Limits *AccountLimits
	// Exports are what other accounts may import, Imports what this one takes of others.
	Exports []*AccountExport
	Imports []*AccountImport
	// Mappings rename what is published in the account.
	Mappings []*SubjectMapping

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
	// PendingResponses is the number of replies that the exported services owe.
	PendingResponses() int
	// Rules returns a copy of what the account exports and imports.
	Rules() AccountRules
	// Change lets f change a copy of that, and puts it in force until a reload. It returns an error
	// of f, or what makes the result impossible; then nothing is changed.
	Change(f func(*AccountRules) error) error
}

// NewAccount returns an account without limits.
func NewAccount(name string) *Account { return &Account{Name: name} }

// Attach makes a answer for l from now on. Servers call it; programs have no need to.
func (a *Account) Attach(l LiveAccount) { a.live.Store(&l) }

// clone returns a copy that answers for no server.
func (a *Account) clone() *Account {
	rules := AccountRules{a.Exports, a.Imports}.Clone()
	return &Account{Name: a.Name, Nkey: a.Nkey, Limits: copyOf(a.Limits),
		Exports: rules.Exports, Imports: rules.Imports, Mappings: cloneEach(a.Mappings, (*SubjectMapping).clone)}
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
