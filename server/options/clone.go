package options

import (
	"maps"
	"slices"
)

// Clone returns a copy that shares nothing with o; nil for nil. What was one account in o is one
// in the copy.
func (o *Options) Clone() *Options {
	if o == nil {
		return nil
	}
	accounts := map[*Account]*Account{}
	account := func(a *Account) *Account {
		if a == nil {
			return nil
		}
		if accounts[a] == nil {
			accounts[a] = a.clone()
		}
		return accounts[a]
	}
	c := *o
	c.Accounts = cloneEach(o.Accounts, account)
	c.Users = cloneEach(o.Users, func(u *User) *User {
		n := copyOf(u)
		n.Permissions, n.Account = u.Permissions.Clone(), account(u.Account)
		n.AllowedConnectionTypes = maps.Clone(u.AllowedConnectionTypes)
		return n
	})
	c.Nkeys = cloneEach(o.Nkeys, func(u *NkeyUser) *NkeyUser {
		n := copyOf(u)
		n.Permissions, n.Account = u.Permissions.Clone(), account(u.Account)
		n.AllowedConnectionTypes = maps.Clone(u.AllowedConnectionTypes)
		return n
	})
	if o.Proxies != nil {
		c.Proxies = &ProxiesConfig{Trusted: cloneEach(o.Proxies.Trusted, copyOf)}
	}
	c.TLSConfig = o.TLSConfig.Clone()
	c.TLSPinnedCerts = maps.Clone(o.TLSPinnedCerts)
	c.Tags = slices.Clone(o.Tags)
	c.Metadata = maps.Clone(o.Metadata)
	c.ConfigNotes = slices.Clone(o.ConfigNotes)
	return &c
}

// Clone returns a copy that shares nothing with p; nil for nil.
func (p *Permissions) Clone() *Permissions {
	if p == nil {
		return nil
	}
	return &Permissions{Publish: p.Publish.clone(), Subscribe: p.Subscribe.clone(), Response: copyOf(p.Response)}
}

func (p *SubjectPermission) clone() *SubjectPermission {
	if p == nil {
		return nil
	}
	return &SubjectPermission{Allow: slices.Clone(p.Allow), Deny: slices.Clone(p.Deny)}
}

func (a *Account) clone() *Account {
	n := copyOf(a)
	n.Limits = copyOf(a.Limits)
	return n
}

// copyOf returns a shallow copy; nil for nil.
func copyOf[T any](v *T) *T {
	if v == nil {
		return nil
	}
	c := *v
	return &c
}

// cloneEach clones the elements of a list. A nil list and nil elements stay nil.
func cloneEach[T any](list []*T, clone func(*T) *T) []*T {
	if list == nil {
		return nil
	}
	c := make([]*T, len(list))
	for i, v := range list {
		if v != nil {
			c[i] = clone(v)
		}
	}
	return c
}
