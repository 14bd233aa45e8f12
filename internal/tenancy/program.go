package tenancy

import (
	"errors"
	"slices"

	"github.com/nats-io/jwt/v2"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/config/translate"
	"github.com/baridmq/barid/internal/trust/claims"
	"github.com/baridmq/barid/server/options"
)

// What is in this file is for programs that embed a server.

// Rules returns what an account exports and imports, but for what all accounts do.
func (t *Tenants) Rules(a *account.Account) options.AccountRules {
	spec, system := a.Spec(), SystemAccount(t.now.Load())
	var r options.AccountRules
	for _, e := range spec.Exports {
		if spec.Name != system || !slices.ContainsFunc(account.SystemExports(), func(s account.Export) bool { return s.Subject == e.Subject }) {
			r.Exports = append(r.Exports, exported(&e))
		}
	}
	for _, i := range spec.Imports {
		if i.Account != system {
			r.Imports = append(r.Imports, &options.AccountImport{
				Service: i.Kind == account.Service, Account: i.Account, Subject: i.Subject, To: i.Local,
				Share: i.Share, AllowTrace: i.AllowTrace,
			})
		}
	}
	return r
}

// exported is an export as programs know it.
func exported(e *account.Export) *options.AccountExport {
	o := &options.AccountExport{
		Service: e.Kind == account.Service, Subject: e.Subject, Accounts: e.Accounts, TokenPosition: e.TokenPosition,
		Threshold: e.Threshold, AllowTrace: e.AllowTrace,
		Response: [...]string{account.Singleton: "", account.Streamed: "Stream", account.Chunked: "Chunked"}[e.Response],
	}
	if e.Latency != nil {
		o.Latency = &options.ServiceLatency{Sampling: e.Latency.Sampling, Subject: e.Latency.Subject}
	}
	return o
}

// errClaims says that a program may not change what a JWT says.
var errClaims = errors.New("claim based accounts can not be updated directly")

// Change lets f change what an account exports and imports, and puts it in force until a reload.
// Nothing is changed if f returns an error, or the server would not allow the result, or has that account
// no more.
func (t *Tenants) Change(a *account.Account, f func(*options.AccountRules) error) error {
	if t.registry.Get(a.Name()) != a {
		return ErrMissing
	}
	if t.Tenant(a.Name()) != nil {
		return errClaims
	}
	system := SystemAccount(t.now.Load())
	rules := t.Rules(a)
	if err := f(&rules); err != nil {
		return err
	}
	spec := *a.Spec()
	spec.Exports, spec.Imports = translate.Exports(rules.Exports), translate.Imports(rules.Imports)
	if spec.Name == system {
		spec.Exports = append(spec.Exports, account.SystemExports()...)
	} else {
		spec.Imports = append(spec.Imports, account.SystemImports(system, spec.Name)...)
	}
	if err := t.permits(spec); err != nil {
		return err
	}
	t.registry.Put(spec)
	return nil
}

// permits returns what is wrong with an account, judged beside all others.
func (t *Tenants) permits(changed account.Spec) error {
	all := []account.Spec{changed}
	for _, a := range t.registry.All() {
		if a.Name() != changed.Name {
			all = append(all, *a.Spec())
		}
	}
	err := t.registry.Check(all)
	var wrong *account.ImportError
	if errors.As(err, &wrong) && wrong.Account == changed.Name {
		return wrong.Err
	}
	return nil // what others import in vain now is their loss
}

// Claim gives an account what claims say, whoever has signed them. An account that came by a JWT is
// changed by another one only.
func (t *Tenants) Claim(name string, c *jwt.AccountClaims) error {
	if t.Tenant(name) != nil {
		return errClaims
	}
	spec, err := claims.SpecOf(c)
	if err != nil {
		return err
	}
	spec.Name = name
	if system := SystemAccount(t.now.Load()); name != system {
		spec.Imports = append(spec.Imports, account.SystemImports(system, name)...)
	}
	t.changed(t.registry.Put(spec))
	return nil
}
