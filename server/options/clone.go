package options

import (
	"maps"
	"net/url"
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
	user := func(u *User) *User {
		n := copyOf(u)
		n.Permissions, n.Account = u.Permissions.Clone(), account(u.Account)
		n.AllowedConnectionTypes = maps.Clone(u.AllowedConnectionTypes)
		return n
	}
	c.Users = cloneEach(o.Users, user)
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
	cloneParts(&c)
	c.LeafNode.Users = cloneEach(o.LeafNode.Users, user)
	c.Metadata = maps.Clone(o.Metadata)
	cloneTrust(&c)
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

// cloneTrust replaces what c shares of operators, resolvers and those who decide who may enter.
func cloneTrust(c *Options) {
	c.TrustedKeys = slices.Clone(c.TrustedKeys)
	c.TrustedOperators = slices.Clone(c.TrustedOperators) // claims are immutable
	c.OperatorTokens = slices.Clone(c.OperatorTokens)
	c.Resolver, c.ResolverTLS = copyOf(c.Resolver), c.ResolverTLS.Clone()
	c.ResolverPreload = maps.Clone(c.ResolverPreload)
	c.ResolverPinnedAccounts = slices.Clone(c.ResolverPinnedAccounts)
	c.Mappings = cloneEach(c.Mappings, (*SubjectMapping).clone)
	if a := copyOf(c.AuthCallout); a != nil {
		a.AuthUsers, a.AllowedAccounts = slices.Clone(a.AuthUsers), slices.Clone(a.AllowedAccounts)
		c.AuthCallout = a
	}
	if p := copyOf(c.OIDC); p != nil {
		p.Audience, p.Algorithms = slices.Clone(p.Audience), slices.Clone(p.Algorithms)
		p.AllowedAccounts, p.Permissions = slices.Clone(p.AllowedAccounts), p.Permissions.Clone()
		p.Roles = cloneEach(p.Roles, func(r *OIDCRole) *OIDCRole {
			return &OIDCRole{Name: r.Name, Account: r.Account, Permissions: r.Permissions.Clone()}
		})
		c.OIDC = p
	}
}

// Clone returns a copy that shares nothing with r.
func (r AccountRules) Clone() AccountRules {
	return AccountRules{
		Exports: cloneEach(r.Exports, func(e *AccountExport) *AccountExport {
			n := copyOf(e)
			n.Accounts, n.Latency = slices.Clone(e.Accounts), copyOf(e.Latency)
			return n
		}),
		Imports: cloneEach(r.Imports, copyOf),
	}
}

func (m *SubjectMapping) clone() *SubjectMapping {
	return &SubjectMapping{Source: m.Source, Destinations: cloneEach(m.Destinations, copyOf)}
}

// cloneParts replaces what c shares of the settings of absent parts, except for users.
func cloneParts(c *Options) {
	c.Routes = cloneURLs(c.Routes)
	if c.OCSPConfig != nil {
		c.OCSPConfig = &OCSPConfig{Mode: c.OCSPConfig.Mode, OverrideURLs: slices.Clone(c.OCSPConfig.OverrideURLs)}
	}

	cl := &c.Cluster
	cl.TLSConfig, cl.TLSPinnedCerts = cl.TLSConfig.Clone(), maps.Clone(cl.TLSPinnedCerts)
	cl.PinnedAccounts = slices.Clone(cl.PinnedAccounts)
	cl.Compression.RTTThresholds = slices.Clone(cl.Compression.RTTThresholds)
	if p := cl.Permissions; p != nil {
		cl.Permissions = &RoutePermissions{Import: p.Import.clone(), Export: p.Export.clone()}
	}

	g := &c.Gateway
	g.TLSConfig, g.TLSPinnedCerts = g.TLSConfig.Clone(), maps.Clone(g.TLSPinnedCerts)
	g.Gateways = cloneEach(g.Gateways, func(r *RemoteGatewayOpts) *RemoteGatewayOpts {
		n := copyOf(r)
		n.TLSConfig, n.URLs = r.TLSConfig.Clone(), cloneURLs(r.URLs)
		return n
	})

	l := &c.LeafNode
	l.TLSConfig, l.TLSPinnedCerts = l.TLSConfig.Clone(), maps.Clone(l.TLSPinnedCerts)
	l.Compression.RTTThresholds = slices.Clone(l.Compression.RTTThresholds)
	l.Remotes = cloneEach(l.Remotes, func(r *RemoteLeafOpts) *RemoteLeafOpts {
		n := copyOf(r)
		n.TLSConfig, n.URLs = r.TLSConfig.Clone(), cloneURLs(r.URLs)
		n.DenyImports, n.DenyExports = slices.Clone(r.DenyImports), slices.Clone(r.DenyExports)
		n.Compression.RTTThresholds = slices.Clone(r.Compression.RTTThresholds)
		return n
	})

	w := &c.Websocket
	w.TLSConfig, w.TLSPinnedCerts = w.TLSConfig.Clone(), maps.Clone(w.TLSPinnedCerts)
	w.AllowedOrigins, w.Headers = slices.Clone(w.AllowedOrigins), maps.Clone(w.Headers)

	m := &c.MQTT
	m.TLSConfig, m.TLSPinnedCerts = m.TLSConfig.Clone(), maps.Clone(m.TLSPinnedCerts)
}

func cloneURLs(urls []*url.URL) []*url.URL {
	return cloneEach(urls, func(u *url.URL) *url.URL {
		n := *u // User is immutable
		return &n
	})
}
