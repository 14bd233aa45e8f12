package config

import (
	"time"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/bus/perm"
	"github.com/baridmq/barid/server/options"
)

type perms = *options.Permissions

// permissionsBlock are the settings of permissions.
var permissionsBlock = block[perms]{path: "permissions", unknown: "Unknown field %q parsing permissions", keys: []key[perms]{
	special("publish pub import", "subjects", func(d *decoder, p *conf.Pair, to perms) {
		to.Publish = d.subjectPermission(p, publishable)
	}).help("subjects that may be published: these, or as allow and deny say").unset("no bound"),
	special("subscribe sub export", "subjects", func(d *decoder, p *conf.Pair, to perms) {
		to.Subscribe = d.subjectPermission(p, subscribable)
	}).help("subjects that may be subscribed to; \"subject queue\" is about a queue group").unset("no bound"),
	special("allow_responses publish_allow_responses", "boolean or map", func(d *decoder, p *conf.Pair, to perms) {
		to.Response = d.responses(p)
	}).help("the reply subjects of received messages may be published").unset("false"),
}}

// subjectBlock are the settings of one side of permissions.
var subjectBlock = block[*subjects]{
	path:    "publish",
	unknown: "Unknown field name %q parsing subject permissions, only 'allow' or 'deny' are permitted",
	keys: []key[*subjects]{
		special("allow", "subjects", func(d *decoder, p *conf.Pair, to *subjects) { to.Allow = d.subjects(p.Key, p.Value, to.check) }).
			help("only these").unset("all"),
		special("deny", "subjects", func(d *decoder, p *conf.Pair, to *subjects) { to.Deny = d.subjects(p.Key, p.Value, to.check) }).
			help("not these, though allow says so").unset("none"),
	},
}

// responseBlock are the settings of allow_responses.
var responseBlock = block[*options.ResponsePermission]{path: "allow_responses", unknown: "Unknown field %q parsing permissions",
	keys: []key[*options.ResponsePermission]{
		number("max max_msgs max_messages max_responses", func(r *options.ResponsePermission) *int { return &r.MaxMsgs }).
			help("publishes to one reply subject; negative for any number").unset("1"),
		special("expires expiration ttl", "duration", (*decoder).responseExpiry).
			help("for how long; negative for ever").unset("2m"),
	},
}

// subjects is one side of permissions, with the check of its entries.
type subjects struct {
	options.SubjectPermission
	check func(entry string) error
}

// publishable and subscribable check an entry of permissions.

func publishable(entry string) error {
	_, err := perm.Compile(perm.Rules{Publish: perm.List{Allow: []string{entry}}})
	return err
}

func subscribable(entry string) error {
	_, err := perm.Compile(perm.Rules{Subscribe: perm.List{Allow: []string{entry}}})
	return err
}

func (d *decoder) permissions(p *conf.Pair) *options.Permissions {
	if p.Value.Kind != conf.Map {
		d.fail(p.At, "Expected permissions to be a map/struct, got %s", p.Value.Kind)
		return nil
	}
	to := &options.Permissions{}
	permissionsBlock.decode(d, p.Value.Map, to)
	return to
}

// subjectPermission takes a subject or several, which are allowed, or a map with allow and deny.
func (d *decoder) subjectPermission(p *conf.Pair, check func(string) error) *options.SubjectPermission {
	to := &subjects{check: check}
	if p.Value.Kind == conf.Map {
		subjectBlock.decode(d, p.Value.Map, to)
	} else {
		to.Allow = d.subjects(p.Key, p.Value, check)
	}
	return &to.SubjectPermission
}

func (d *decoder) subjects(key string, v *conf.Value, check func(string) error) (entries []string) {
	items := v.Items
	if v.Kind != conf.Array {
		items = []*conf.Value{v}
	}
	for _, item := range items {
		if item.Kind != conf.String {
			d.fail(item.At, "Expected subject permissions to be a subject, or array of subjects, got %s", item.Kind)
		} else if err := check(item.Text); err != nil {
			d.fail(item.At, "%v", err)
		}
		entries = append(entries, item.Text)
	}
	return entries
}

func (d *decoder) responses(p *conf.Pair) *options.ResponsePermission {
	to := &options.ResponsePermission{}
	switch v := p.Value; v.Kind {
	case conf.Boolean:
		if !v.Bool {
			return nil
		}
	case conf.Map:
		responseBlock.decode(d, v.Map, to)
	default:
		d.fail(p.At, "error parsing response permissions, expected a boolean or a map")
	}
	return to
}

func (d *decoder) responseExpiry(p *conf.Pair, to *options.ResponsePermission) {
	if p.Value.Kind != conf.String {
		d.fail(p.At, "error parsing expires, not a duration string")
		return
	}
	t, err := time.ParseDuration(p.Value.Text)
	if err != nil {
		d.fail(p.At, "error parsing expires: %v", err)
	}
	to.Expires = t
}
