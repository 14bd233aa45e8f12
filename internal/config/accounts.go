package config

import (
	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/server/options"
)

// accountEntry is an account as it is written down.
type accountEntry struct {
	*options.Account
	entrants             group
	exportsAt, importsAt []conf.Position // where they stand
}

type limits = *options.AccountLimits

// accountBlock are the settings of an account.
var accountBlock = block[*accountEntry]{path: "accounts", unknown: unknownField, keys: []key[*accountEntry]{
	special("users", "list of maps", func(d *decoder, p *conf.Pair, a *accountEntry) { d.users(p, &a.entrants) }).
		help("who may enter the account"),
	special("nkey", "string", (*decoder).accountNkey).help("public key of the account"),
	defaultPermissions("default_permissions", func(a *accountEntry) *group { return &a.entrants }),
	special("limits", "map", (*decoder).limits).help("what the account may use").unset("no bounds"),
	special("exports", "list of maps", (*decoder).exports).help("what other accounts may import"),
	special("imports", "list of maps", (*decoder).imports).help("what it takes of other accounts"),
	special("mappings maps", "map", func(d *decoder, p *conf.Pair, a *accountEntry) { a.Mappings = d.mappings(p) }).
		help("subjects that become others when they are published"),
	missing[*accountEntry]("jetstream", streams, disabled),
	missing[*accountEntry]("msg_trace trace_dest", "message tracing", absent),
}}

// limitsBlock are the limits of an account.
var limitsBlock = block[limits]{path: "limits", unknown: "Unknown field %q parsing account limits", keys: []key[limits]{
	number("max_connections max_conn", func(l limits) *int { return &l.MaxConnections }).
		help("client connections at a time").unset("-1, no bound"),
	number("max_subscriptions max_subs", func(l limits) *int { return &l.MaxSubscriptions }).
		help("subscriptions of a connection").unset("-1, no bound"),
	number("max_payload max_pay", func(l limits) *int { return &l.MaxPayload }).
		help("largest message, in bytes").unset("-1, no bound"),
	missing[limits]("max_leafnodes max_leafs", "leafnodes", unlimited),
}}

func unlimited(v *conf.Value) bool { return v.Kind == conf.Integer && v.Int == -1 }

// accounts takes a list of names, or a map with a block for each account.
func (d *decoder) accounts(p *conf.Pair, o opts) {
	if !d.once(p, &d.entrants.accounts) {
		return
	}
	switch p.Value.Kind {
	case conf.Array:
		o.Accounts = nil
		seen := map[string]bool{}
		for _, item := range p.Value.Items {
			var name string
			if !d.text(p.Key, item, &name) || d.reserved(item.At, name) {
				continue
			}
			if seen[name] {
				d.fail(item.At, check.DuplicateAccount, name)
				continue
			}
			seen[name] = true
			o.Accounts = append(o.Accounts, options.NewAccount(name))
		}
	case conf.Map:
		o.Accounts = nil
		for _, entry := range p.Value.Map.Pairs {
			if a := d.account(entry); a != nil {
				o.Accounts = append(o.Accounts, a)
			}
		}
	default:
		d.fail(p.At, "expected accounts to be a map or a list of names, got %s", p.Value.Kind)
	}
}

// account takes one account; nil if it is none.
func (d *decoder) account(p *conf.Pair) *options.Account {
	switch {
	case p.Used: // a variable that stands among the accounts
		return nil
	case d.reserved(p.At, p.Key):
		return nil
	case p.Value.Kind != conf.Map:
		d.fail(p.At, "Expected map entries for accounts")
		return nil
	}
	a := &accountEntry{Account: options.NewAccount(p.Key)}
	accountBlock.decode(d, p.Value.Map, a)
	d.tenants = append(d.tenants, a)
	d.entrants.join(d, &a.entrants, a.Account)
	return a.Account
}

// reserved refuses names that accounts must not have.
func (d *decoder) reserved(at conf.Position, name string) bool {
	switch name {
	case options.GlobalAccount:
		d.fail(at, "%q is a Reserved Account", name)
	case "":
		d.fail(at, check.NoAccountName)
	default:
		return false
	}
	return true
}

func (d *decoder) accountNkey(p *conf.Pair, a *accountEntry) {
	if d.text(p.Key, p.Value, &a.Nkey) && !nkeys.IsValidPublicAccountKey(a.Nkey) {
		d.fail(p.At, check.BadAccountKey, check.ShownKey(a.Nkey))
	}
}

func (d *decoder) limits(p *conf.Pair, a *accountEntry) {
	b, ok := d.fields(p)
	if !ok {
		return
	}
	a.Limits = &options.AccountLimits{MaxConnections: -1, MaxSubscriptions: -1, MaxPayload: -1}
	limitsBlock.decode(d, b, a.Limits)
}
