package oidc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/identity"
)

var errExpired = errors.New("the token has expired")

// longestUser bounds the name of a user, in bytes.
const longestUser = 256

// admit says who has the claims c, which the provider has signed.
func (a *Authenticator) admit(c claims, now time.Time) (*identity.Identity, error) {
	if err := a.intended(c); err != nil {
		return nil, err
	}
	expires, err := a.valid(c, now)
	if err != nil {
		return nil, err
	}
	user, there, err := c.text(a.cfg.UserClaim)
	switch {
	case err != nil:
		return nil, err
	case !there:
		return nil, fmt.Errorf("there is no claim %q", a.cfg.UserClaim)
	case len(user) > longestUser:
		return nil, fmt.Errorf("the name of the user is longer than %d bytes", longestUser)
	}
	roles, err := a.roles(c)
	if err != nil {
		return nil, err
	}
	in, err := a.account(c, roles)
	if err != nil {
		return nil, err
	}
	p, err := a.permissions(c, roles)
	if err != nil {
		return nil, err
	}
	return &identity.Identity{
		Account: in, Permissions: p, Limits: a.limits, Label: "oidc:" + user, User: user,
		Expires: expires, Claims: &identity.Claims{Name: user, Bearer: true}, Entry: &entry{a.keys.origin},
	}, nil
}

// intended checks who has made the token, and for whom.
func (a *Authenticator) intended(c claims) error {
	issuer, _, err := c.text("iss")
	if err != nil {
		return err
	}
	if issuer != a.cfg.Issuer {
		return fmt.Errorf("the issuer is %q", issuer)
	}
	audience, _, err := c.texts("aud")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(audience, func(s string) bool { return slices.Contains(a.cfg.Audience, s) }) {
		return fmt.Errorf("the audience is %q", audience)
	}
	return nil
}

// valid checks the times of the token and returns until when it is good.
func (a *Authenticator) valid(c claims, now time.Time) (expires time.Time, err error) {
	exp, there, err := c.second("exp")
	switch {
	case err != nil:
		return time.Time{}, err
	case !there:
		return time.Time{}, errors.New("the token never expires")
	}
	expires = unix(exp).Add(a.cfg.ClockSkew)
	if !now.Before(expires) {
		return time.Time{}, errExpired
	}
	for _, name := range []string{"nbf", "iat"} {
		at, there, err := c.second(name)
		switch {
		case err != nil:
			return time.Time{}, err
		case there && now.Add(a.cfg.ClockSkew).Before(unix(at)):
			return time.Time{}, fmt.Errorf("the token is not valid yet, by its claim %q", name)
		}
	}
	return expires, nil
}

// unix is a time with a fraction, as far as that counts.
func unix(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)) }

// roles returns those that the token names, in the order of the configuration.
func (a *Authenticator) roles(c claims) (roles []*Role, err error) {
	if a.cfg.RolesClaim == "" {
		return nil, nil
	}
	names, there, err := c.texts(a.cfg.RolesClaim)
	if err != nil || !there {
		return nil, err
	}
	if len(names) == 1 { // or a list in one string, as scopes are
		names = append(names, strings.Fields(names[0])...)
	}
	for i := range a.cfg.Roles {
		if r := &a.cfg.Roles[i]; slices.Contains(names, r.Name) {
			roles = append(roles, r)
		}
	}
	if len(roles) == 0 {
		return nil, errors.New("none of its roles is known")
	}
	return roles, nil
}

// account returns where the user belongs.
func (a *Authenticator) account(c claims, roles []*Role) (*account.Account, error) {
	name := a.cfg.Account
	for _, r := range roles {
		if r.Account != "" {
			name = r.Account
			break
		}
	}
	if a.cfg.AccountClaim != "" {
		claimed, there, err := c.text(a.cfg.AccountClaim)
		switch {
		case err != nil:
			return nil, err
		case there && !a.claimable(claimed):
			return nil, fmt.Errorf("account %.128q is not allowed", claimed)
		case there:
			name = claimed
		}
	}
	in := a.cfg.Accounts(name)
	if in == nil {
		return nil, fmt.Errorf("there is no account %.128q", name)
	}
	return in, nil
}

// claimable reports whether a claim may name that account.
func (a *Authenticator) claimable(name string) bool {
	if len(a.cfg.AllowedAccounts) > 0 {
		return slices.Contains(a.cfg.AllowedAccounts, name)
	}
	return name != a.cfg.System
}
