// Package translate turns options into what the bus knows: accounts into their specs, permissions
// into rules. It takes the options as they are; whether they contradict each other is the matter of
// others. It owns no goroutine and no lock; its functions may be called by any goroutine.
package translate

import (
	"slices"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/server/options"
)

// Accounts describe the accounts that completed options name, in a fixed order: the one of
// everybody, the system account, those of users, and those that are listed. What an account is listed
// with counts more than what a user brings along. With operators only the first two are there, and the
// system account only if no operator names it.
func Accounts(o *options.Options) []account.Spec {
	all := specList{at: map[string]int{}}
	all.put(account.Spec{Name: account.Global, Limits: account.Unlimited(), Mappings: Mappings(o.Mappings)})
	system, operators := o.SystemAccount, len(o.TrustedOperators)+len(o.TrustedKeys) > 0
	if system != "" && (!operators || system == options.DefaultSystemAccount) {
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
	s := account.Spec{Name: a.Name, Limits: account.Unlimited(), Mappings: Mappings(a.Mappings),
		Exports: Exports(a.Exports), Imports: Imports(a.Imports)}
	if b := a.Limits; b != nil {
		s.Limits = account.Limits{Connections: b.MaxConnections, Subscriptions: b.MaxSubscriptions, Payload: b.MaxPayload}
	}
	l.put(s)
}

// Exports are exports as the bus knows them.
func Exports(list []*options.AccountExport) (specs []account.Export) {
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

// Imports are imports as the bus knows them, in the same order.
func Imports(list []*options.AccountImport) (specs []account.Import) {
	for _, i := range list {
		s := account.Import{Account: i.Account, Subject: i.Subject, Local: i.To, Share: i.Share, AllowTrace: i.AllowTrace}
		if i.Service {
			s.Kind = account.Service
		}
		specs = append(specs, s)
	}
	return specs
}

// Mappings are mappings of subjects as the bus knows them, in the same order.
func Mappings(list []*options.SubjectMapping) (specs []account.Mapping) {
	for _, m := range list {
		specs = append(specs, mapping(m))
	}
	return specs
}

func mapping(m *options.SubjectMapping) account.Mapping {
	s := account.Mapping{Source: m.Source}
	for _, to := range m.Destinations {
		s.Destinations = append(s.Destinations, account.Destined{Subject: to.Subject, Weight: int(to.Weight), Cluster: to.Cluster})
	}
	return s
}

// Rules are permissions as the bus knows them; nil restricts nothing. They share p's lists.
func Rules(p *options.Permissions) perm.Rules {
	if p == nil {
		return perm.Rules{}
	}
	r := perm.Rules{Publish: subjectList(p.Publish), Subscribe: subjectList(p.Subscribe)}
	if p.Response != nil {
		r.Responses = &perm.Responses{Max: p.Response.MaxMsgs, Expires: p.Response.Expires}
	}
	return r
}

func subjectList(p *options.SubjectPermission) perm.List {
	if p == nil {
		return perm.List{}
	}
	return perm.List{Allow: p.Allow, Deny: p.Deny}
}
