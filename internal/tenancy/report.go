package tenancy

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/internal/core/proto"
	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

// Describe fills in what reports say of an account beside its traffic. With details it decodes the
// JWT of the account again.
func (t *Tenants) Describe(a *account.Account, x *report.Account, details bool) {
	x.Spec = a.Spec()
	known := t.Tenant(a.Name())
	if known != nil {
		x.Expired, x.Updated = known.Expired(), known.Updated
	}
	if !details {
		return
	}
	x.Imports = report.Imports(a.Imports(), t.spec)
	if known == nil || known.Token == "" {
		return
	}
	x.Token = report.Token{JWT: known.Token, Issuer: known.Claims.Issuer, Tags: known.Claims.Tags, Revoked: map[string]int64{}}
	for key, at := range known.Revoked() {
		x.Token.Revoked[key] = at.Unix()
	}
	decoded, issues := known.Decoded()
	if decoded != nil {
		x.Token.Claims, _ = json.Marshal(decoded) // it came from JSON
	}
	for _, i := range issues {
		x.Token.Issues = append(x.Token.Issues, report.Issue{Text: i.Description, Blocking: i.Blocking, Time: i.TimeCheck})
	}
}

// spec returns what is in force for an account, nil if the server does not have it.
func (t *Tenants) spec(name string) *account.Spec {
	if a := t.Registry().Get(name); a != nil {
		return a.Spec()
	}
	return nil
}

// Trust is what reports say of whom the server trusts.
func (t *Tenants) Trust() report.Trust {
	o := t.now.Load()
	r := report.Trust{SystemAccount: SystemAccount(o), OperatorJWTs: o.OperatorTokens}
	for _, op := range o.TrustedOperators {
		if claims, err := json.Marshal(op); err == nil {
			r.OperatorClaims = append(r.OperatorClaims, claims)
		}
	}
	return r
}

// UserInfo is what a user may know of itself; nil for nil.
func UserInfo(who *identity.Identity) *status.UserInfo {
	if who == nil {
		return nil
	}
	u := &status.UserInfo{
		UserID: cmp.Or(who.NKey, who.User), Account: who.Account.Name(), AccountName: who.Account.Spec().Tag,
		Permissions: permissions(who.Permissions.Rules()),
	}
	if u.UserID == "" && who.Label == "token" {
		u.UserID = proto.Redacted
	}
	if who.Claims != nil {
		u.UserName = who.Claims.Name
	}
	if !who.Expires.IsZero() {
		u.Expires = time.Until(who.Expires)
	}
	return u
}

// permissions are rules as reports show them, nil for no bounds.
func permissions(r perm.Rules) *status.UserPermissions {
	list := func(l perm.List) *status.SubjectPermission {
		if len(l.Allow) == 0 && len(l.Deny) == 0 {
			return nil
		}
		return &status.SubjectPermission{Allow: l.Allow, Deny: l.Deny}
	}
	p := &status.UserPermissions{Publish: list(r.Publish), Subscribe: list(r.Subscribe)}
	if r.Responses != nil {
		p.Response = &status.ResponsePermission{MaxMsgs: r.Responses.Max, Expires: r.Responses.Expires}
	}
	if *p == (status.UserPermissions{}) {
		return nil
	}
	return p
}
