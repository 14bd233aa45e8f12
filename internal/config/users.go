package config

import (
	"strconv"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/server/options"
)

// login is an authorization block.
type login struct {
	*options.Options         // where user, password and token go
	entrants         group   // its users
	marks            *single // where they are written
}

// single is where a file writes the one login of its authorization.
type single struct {
	empty    []*conf.Pair // user, password and token without content
	password *conf.Pair   // nil if there is none
}

// group are the users of one authorization block or account.
type group struct {
	named    bool // there is a key for users, with or without content
	users    []*userEntry
	defaults *options.Permissions
}

// userEntry is one user as it is written down: by name or by nkey.
type userEntry struct {
	at         conf.Position
	name, pass string
	nkey       string
	perms      *options.Permissions
	kinds      []string
	proxied    bool
}

// authorizationBlock are the settings of authorization.
var authorizationBlock = block[*login]{path: "authorization", unknown: unknownField, keys: []key[*login]{
	made("user username", "string", func(l *login) *string { return &l.Username }, func(d *decoder, p *conf.Pair, l *login) {
		d.single(p, l, &l.Username)
	}).help("user that clients have to be").live("Reloaded: authorization username").flag(userFlag, "NAME").hidden(),
	made("password pass", "string", func(l *login) *string { return &l.Password }, func(d *decoder, p *conf.Pair, l *login) {
		l.marks.password = p
		d.single(p, l, &l.Password)
	}).help("password of that user, or its bcrypt hash").live("Reloaded: authorization password").flag(passFlag, "PASSWORD").hidden(),
	made("token", "string", func(l *login) *string { return &l.Authorization }, func(d *decoder, p *conf.Pair, l *login) {
		d.single(p, l, &l.Authorization)
	}).help("token that clients have to show, or its bcrypt hash").live("Reloaded: authorization token").flag(authFlag, "TOKEN").hidden(),
	made("timeout", "seconds or duration", func(l *login) *float64 { return &l.AuthTimeout }, (*decoder).authTimeout).
		unset("2, or 1 more than that of tls").check(check.Timeout).
		help("time to say who one is").live("Reloaded: authorization timeout = %v"),
	special("users", "list of maps", func(d *decoder, p *conf.Pair, l *login) { d.users(p, &l.entrants) }).
		help("who may enter").unset("everybody").reloads("yes", nil),
	defaultPermissions("default_permissions default_permission permissions", func(l *login) *group { return &l.entrants }),
	choice("proxy_required", func(l *login) *bool { return &l.ProxyRequired }).
		help("the single login needs a trusted proxy").stays("ProxyRequired"),
	made("auth_callout auth_hook", "map", func(l *login) **options.AuthCallout { return &l.AuthCallout }, (*decoder).authCallout).
		help("a service decides who may enter").unset("none").reloads("no", calloutChanges),
	made("oidc", "map", func(l *login) **options.OIDC { return &l.OIDC }, (*decoder).oidc).
		help("who has a token of an OpenID Connect provider may enter").unset("none").live("Reloaded: authorization oidc"),
}}

// userBlock are the settings of a user.
var userBlock = block[*userEntry]{path: "users", unknown: unknownField, keys: []key[*userEntry]{
	text("user username", func(u *userEntry) *string { return &u.name }).help("name, once in a file"),
	text("password pass", func(u *userEntry) *string { return &u.pass }).help("password, or its bcrypt hash").hidden(),
	text("nkey", func(u *userEntry) *string { return &u.nkey }).help("public key of the user, in place of name and password"),
	special("permissions permission authorization", "map", func(d *decoder, p *conf.Pair, u *userEntry) {
		u.perms = d.permissions(p)
	}).help("what the user may do").unset("those of default_permissions"),
	made("allowed_connection_types connection_types clients", "list", func(u *userEntry) *[]string { return &u.kinds }, (*decoder).kinds).
		unset("all").help("ways to connect: STANDARD, WEBSOCKET, LEAFNODE, LEAFNODE_WS, MQTT, MQTT_WS, IN_PROCESS"),
	choice("proxy_required", func(u *userEntry) *bool { return &u.proxied }).help("the user needs a trusted proxy"),
}}

func defaultPermissions[T any](names string, of func(T) *group) *row[T, struct{}] {
	return special(names, "map", func(d *decoder, p *conf.Pair, to T) { of(to).defaults = d.permissions(p) }).
		help("permissions of users that have none of their own").unset("no bound").reloads("yes", nil)
}

func (d *decoder) authorization(p *conf.Pair, o opts) {
	b, ok := d.fields(p)
	if !ok || !d.once(p, &d.entrants.block) {
		return
	}
	l := &login{Options: o, marks: &d.entrants.single}
	authorizationBlock.decode(d, b, l)
	o.AuthorizationBlock = true
	d.entrants.join(d, &l.entrants, nil)
	d.entrants.listed = l.entrants.named
}

// once refuses a block that stands in the file already, in another spelling of its key: it would
// not be clear what of both counts.
func (d *decoder) once(p *conf.Pair, first **conf.Pair) bool {
	if *first != nil {
		d.fail(p.At, "%q stands here again: the first one is %q at %s", p.Key, (*first).Key, (*first).At)
		return false
	}
	*first = p
	return true
}

// single takes the user, password or token of the one login.
func (d *decoder) single(p *conf.Pair, l *login, to *string) {
	if d.text(p.Key, p.Value, to) && *to == "" {
		l.marks.empty = append(l.marks.empty, p)
	}
}

// longLogin is the time to say who one is that is probably a mistake, in seconds.
const longLogin = 60

func (d *decoder) authTimeout(p *conf.Pair, l *login) {
	s, why := seconds(p.Value)
	if why != "" {
		d.fail(p.At, "error parsing authorization config, 'timeout' %s", why)
		return
	}
	if s > longLogin {
		hint := ""
		if p.Value.Kind != conf.String {
			hint = "; a duration has to be in quotes, as 1m without is a million"
		}
		d.warn(p, "%s seconds are long for a login%s", strconv.FormatFloat(s, 'f', -1, 64), hint)
	}
	l.AuthTimeout = s
}

// users takes the users of a group.
func (d *decoder) users(p *conf.Pair, g *group) {
	if p.Value.Kind != conf.Array {
		d.fail(p.At, "Expected users field to be an array, got %s", p.Value.Kind)
		return
	}
	g.named, g.users = true, nil
	for _, item := range p.Value.Items {
		if item.Kind != conf.Map {
			d.fail(item.At, "Expected user entry to be a map/struct, got %s", item.Kind)
			continue
		}
		u := &userEntry{at: item.At}
		userBlock.decode(d, item.Map, u)
		switch {
		case u.nkey != "" && (u.name != "" || u.pass != ""):
			d.fail(item.At, "Nkey users do not take usernames or passwords")
		case u.nkey != "" && !nkeys.IsValidPublicUserKey(u.nkey):
			d.fail(item.At, check.BadUserKey)
		case u.nkey == "" && u.name == "":
			d.fail(item.At, check.NoUserName)
		default:
			g.users = append(g.users, u)
		}
	}
}

// kinds takes the kinds of connections of a user, in any case of letters.
func (d *decoder) kinds(p *conf.Pair, u *userEntry) {
	items, _ := d.elements(p.Key, p.Value)
	u.kinds = make([]string, len(items))
	for i, item := range items {
		u.kinds[i] = strings.ToUpper(item.Text)
		if bad := check.UnknownKinds(u.kinds[i : i+1]); bad != nil {
			d.fail(item.At, check.BadKinds, bad)
		}
	}
}

// entrants are the users of all blocks of a file.
type entrants struct {
	block    *conf.Pair // authorization; nil if there is none
	accounts *conf.Pair // nil if there are none
	single   single
	listed   bool // authorization has users, if only an empty list
	users    []*options.User
	nkeys    []*options.NkeyUser
	taken    map[string]bool // their names and keys
}

// join adds the users of a group to those of an account, nil for the default one.
func (e *entrants) join(d *decoder, g *group, a *options.Account) {
	if e.taken == nil {
		e.taken = map[string]bool{}
	}
	for _, u := range g.users {
		name, duplicate := u.name, check.DuplicateUser
		if u.nkey != "" {
			name, duplicate = u.nkey, check.DuplicateNkey
		}
		if e.taken[name] {
			d.fail(u.at, duplicate, name)
			continue
		}
		e.taken[name] = true
		perms := u.perms
		if perms == nil {
			perms = g.defaults.Clone()
		}
		if u.nkey != "" {
			e.nkeys = append(e.nkeys, &options.NkeyUser{Nkey: u.nkey, Permissions: perms, Account: a,
				AllowedConnectionTypes: kindSet(u.kinds), ProxyRequired: u.proxied})
			continue
		}
		e.users = append(e.users, &options.User{Username: u.name, Password: u.pass, Permissions: perms, Account: a,
			AllowedConnectionTypes: kindSet(u.kinds), ProxyRequired: u.proxied})
	}
}

func kindSet(kinds []string) map[string]struct{} {
	if len(kinds) == 0 {
		return nil
	}
	set := make(map[string]struct{}, len(kinds))
	for _, kind := range kinds {
		set[kind] = struct{}{}
	}
	return set
}

// settle gives the users to o, when all blocks are read, and says what of them excludes each other.
func (e *entrants) settle(d *decoder, o opts) {
	if e.listed || len(e.users)+len(e.nkeys) > 0 {
		o.Users, o.Nkeys = e.users, e.nkeys
		if o.Users == nil {
			o.Users = []*options.User{}
		}
	}
	e.settleSingle(d, o)
	at := d.file
	if e.block != nil {
		at = e.block.At
	}
	for _, contradiction := range check.Contradictions(o) {
		d.fail(at, "%s", contradiction)
	}
}

// settleSingle looks at what is written of the one login. A password without a user is none if
// there are users: often it is a variable that they refer to.
func (e *entrants) settleSingle(d *decoder, o opts) {
	switch {
	case o.Username != "" || o.Authorization != "":
	case o.Users == nil && o.Nkeys == nil:
		for _, p := range e.single.empty {
			d.warn(p, "it is empty, and without another login everybody may enter")
		}
	case e.single.password != nil:
		o.Password = ""
		if !e.single.password.Used {
			d.note(e.single.password, "there is no user beside it")
		}
	}
}
