package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/baridmq/barid/server/status"
)

// Account is a snapshot of one account. Traffic is counted since start, as seen by the server: in
// comes from the account's connections.
type Account struct {
	Name    string
	System  bool      // it is the server's own
	Updated time.Time // when its settings came into force
	Clients int       // open connections
	In, Out Tally
	Slow    int64 // slow consumers since start
	Index   Index
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

func (a *Account) info() *status.AccountInfo {
	return &status.AccountInfo{
		AccountName: a.Name,
		LastUpdate:  a.Updated.UTC(),
		IsSystem:    a.System,
		Complete:    true,
		ClientCnt:   a.Clients,
		SubCnt:      a.Index.Subs,
		NameTag:     a.Name,
		Sublist:     SublistStats(a.Index),
	}
}

// AccountStatz reports what accounts use; nil opts stand for the zero value.
func AccountStatz(serverID string, now time.Time, opts *status.AccountStatzOptions, accounts []Account) *status.AccountStatz {
	var o status.AccountStatzOptions
	if opts != nil {
		o = *opts
	}
	z := &status.AccountStatz{ID: serverID, Now: now.UTC(), Accounts: []*status.AccountStat{}}
	for i := range accounts {
		a := &accounts[i]
		if a.Clients == 0 && !o.IncludeUnused || len(o.Accounts) > 0 && !slices.Contains(o.Accounts, a.Name) {
			continue
		}
		z.Accounts = append(z.Accounts, &status.AccountStat{
			Account: a.Name, Name: a.Name,
			Conns: a.Clients, TotalConns: a.Clients, NumSubs: a.Index.Subs,
			Sent:     status.DataStats{MsgBytes: status.MsgBytes(a.Out)},
			Received: status.DataStats{MsgBytes: status.MsgBytes(a.In)},

			SlowConsumers: a.Slow,
		})
	}
	return z
}
