package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/server/status"
)

// Account is a snapshot of one account. Traffic is counted since start, as seen by the server: in
// comes from the account's connections.
type Account struct {
	Name    string
	System  bool      // it is the server's own
	Updated time.Time // when its settings came into force
	Expired bool
	Clients int // open connections
	In, Out Tally
	Slow    int64 // slow consumers since start
	Index   Index

	Spec    *account.Spec // in force; nil shows nothing of it
	Imports []Import      // of Spec, in its order
	Token   Token         // what the account was made of; zero for a configuration file
}

// Import is an import of an account and whether it is in force.
type Import struct {
	*account.Import
	Invalid bool
	Latency *account.Latency // of the service that it leads to; nil if unknown or not measured
}

// Token is a JWT that describes an account.
type Token struct {
	JWT    string
	Issuer string   // public key
	Tags   []string // of the account
	Claims json.RawMessage
	Issues []Issue
	// Revoked are times, in seconds of Unix time, by public key of a user or "*": JWTs of that user
	// that were issued by then are void.
	Revoked map[string]int64
}

// Issue is something that is not as it should be with a JWT.
type Issue struct {
	Text     string
	Blocking bool
	Time     bool // it comes from the time of the check
}

// UnknownAccount says that Accountz was asked for an account that the server does not have.
type UnknownAccount string

// Error implements error.
func (a UnknownAccount) Error() string { return fmt.Sprintf("Account %s does not exist", string(a)) }

// Accountz reports the names of the accounts or the state of the one that opts name; nil opts
// stand for the zero value. The error is an UnknownAccount.
func Accountz(serverID string, now time.Time, opts *status.AccountzOptions, accounts []Account) (*status.Accountz, error) {
	z := &status.Accountz{ID: serverID, Now: now.UTC()}
	for i := range accounts {
		a := &accounts[i]
		if a.System {
			z.SystemAccount = a.Name
		}
		switch {
		case opts == nil || opts.Account == "":
			z.Accounts = append(z.Accounts, a.Name)
		case opts.Account == a.Name:
			z.Account = a.info()
		}
	}
	if opts != nil && opts.Account != "" && z.Account == nil {
		return nil, UnknownAccount(opts.Account)
	}
	return z, nil
}

// tag returns the name that people gave the account, or the one it has.
func (a *Account) tag() string {
	if a.Spec == nil {
		return a.Name
	}
	return cmp.Or(a.Spec.Tag, a.Name)
}

func (a *Account) info() *status.AccountInfo {
	i := &status.AccountInfo{
		AccountName: a.Name,
		LastUpdate:  a.Updated.UTC(),
		IsSystem:    a.System,
		Expired:     a.Expired,
		Complete:    true,
		ClientCnt:   a.Clients,
		SubCnt:      a.Index.Subs,
		NameTag:     a.tag(),
		Sublist:     SublistStats(a.Index),
	}
	for _, im := range a.Imports {
		i.Imports = append(i.Imports, im.shape())
		i.Complete = i.Complete && !im.Invalid
	}
	if a.Spec != nil {
		i.Mappings = mappings(a.Spec.Mappings)
		for k := range a.Spec.Exports {
			i.Exports = append(i.Exports, exportShape(&a.Spec.Exports[k]))
		}
	}
	a.Token.fill(i)
	return i
}

// AccountStatz reports what accounts use; nil opts stand for the zero value.
func AccountStatz(serverID string, now time.Time, opts *status.AccountStatzOptions, accounts []Account) *status.AccountStatz {
	var o status.AccountStatzOptions
	if opts != nil {
		o = *opts
	}
	var named map[string]bool
	if len(o.Accounts) > 0 {
		named = make(map[string]bool, len(o.Accounts))
		for _, name := range o.Accounts {
			named[name] = true
		}
	}
	z := &status.AccountStatz{ID: serverID, Now: now.UTC(), Accounts: []*status.AccountStat{}}
	for i := range accounts {
		a := &accounts[i]
		if a.Clients == 0 && !o.IncludeUnused || named != nil && !named[a.Name] {
			continue
		}
		z.Accounts = append(z.Accounts, &status.AccountStat{
			Account: a.Name, Name: a.tag(),
			Conns: a.Clients, TotalConns: a.Clients, NumSubs: a.Index.Subs,
			Sent: dataStats(a.Out), Received: dataStats(a.In),

			SlowConsumers: a.Slow,
		})
	}
	return z
}

// dataStats is traffic of an account, none of which went to other servers.
func dataStats(t Tally) status.DataStats {
	return status.DataStats{
		MsgBytes: status.MsgBytes(t),
		Gateways: new(status.MsgBytes), Routes: new(status.MsgBytes), Leafs: new(status.MsgBytes),
	}
}
