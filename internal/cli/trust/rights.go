package trust

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/spf13/cobra"
)

// connectionTypes are the ways to connect that a user may be bound to.
var connectionTypes = [...]string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket, jwt.ConnectionTypeLeafnode,
	jwt.ConnectionTypeLeafnodeWS, jwt.ConnectionTypeMqtt, jwt.ConnectionTypeMqttWS, jwt.ConnectionTypeInProcess}

// subjects are the flags of what somebody may publish and subscribe to.
type subjects struct {
	allowPub, allowSub, allowBoth, denyPub, denySub, denyBoth, remove []string

	responses   int
	responseTTL time.Duration
}

func (s *subjects) add(cmd *cobra.Command, who string) {
	f := cmd.Flags()
	f.StringArrayVar(&s.allowPub, "allow-pub", nil, "`SUBJECT` that "+who+" may publish to; may be repeated")
	f.StringArrayVar(&s.allowSub, "allow-sub", nil, "`SUBJECT` that "+who+" may subscribe to, with a queue after a space if it is for that only")
	f.StringArrayVar(&s.allowBoth, "allow-pubsub", nil, "`SUBJECT` that "+who+" may publish and subscribe to")
	f.StringArrayVar(&s.denyPub, "deny-pub", nil, "`SUBJECT` that "+who+" may not publish to")
	f.StringArrayVar(&s.denySub, "deny-sub", nil, "`SUBJECT` that "+who+" may not subscribe to")
	f.StringArrayVar(&s.denyBoth, "deny-pubsub", nil, "`SUBJECT` that "+who+" may neither publish nor subscribe to")
	f.StringArrayVar(&s.remove, "rm-subject", nil, "`SUBJECT` of which nothing is said any more")
	f.IntVar(&s.responses, "allow-responses", 0, "how many replies "+who+" may publish to a request it received (-1: any)")
	f.DurationVar(&s.responseTTL, "response-ttl", 0, "how long such replies may be published (default 2m)")
}

// given reports whether one of the flags was used.
func (s *subjects) given(cmd *cobra.Command) bool {
	return slices.ContainsFunc([]string{"allow-pub", "allow-sub", "allow-pubsub", "deny-pub", "deny-sub", "deny-pubsub",
		"rm-subject", "allow-responses", "response-ttl"}, cmd.Flags().Changed)
}

// apply changes permissions as the flags say.
func (s *subjects) apply(cmd *cobra.Command, p *jwt.Permissions) {
	for _, list := range []*jwt.StringList{&p.Pub.Allow, &p.Pub.Deny, &p.Sub.Allow, &p.Sub.Deny} {
		list.Remove(s.remove...)
	}
	p.Pub.Allow.Add(slices.Concat(s.allowPub, s.allowBoth)...)
	p.Pub.Deny.Add(slices.Concat(s.denyPub, s.denyBoth)...)
	p.Sub.Allow.Add(slices.Concat(s.allowSub, s.allowBoth)...)
	p.Sub.Deny.Add(slices.Concat(s.denySub, s.denyBoth)...)
	switch f := cmd.Flags(); {
	case f.Changed("allow-responses") && s.responses == 0:
		p.Resp = nil
	case f.Changed("allow-responses"), f.Changed("response-ttl"):
		if p.Resp == nil {
			p.Resp = &jwt.ResponsePermission{MaxMsgs: 1}
		}
		if f.Changed("allow-responses") {
			p.Resp.MaxMsgs = s.responses
		}
		if f.Changed("response-ttl") {
			p.Resp.Expires = s.responseTTL
		}
	}
}

// rights are the flags of a user, or of a role that gives them to its users.
type rights struct {
	subjects

	nets, hours, types  []string
	zone                string
	subs, payload, data int64
	bearer, proxy       bool
}

func (x *rights) add(cmd *cobra.Command) {
	x.subjects.add(cmd, "the user")
	f := cmd.Flags()
	f.StringSliceVar(&x.nets, "source-network", nil, "`NET` that the user may come from, such as 10.0.0.0/8; may be repeated (none: any)")
	f.StringSliceVar(&x.hours, "time", nil, "`FROM-TO` in which the user may connect, such as 08:00:00-18:30:00; may be repeated (none: any)")
	f.StringVar(&x.zone, "time-zone", "", "`ZONE` of --time, such as Europe/Berlin (default: that of the server)")
	f.StringSliceVar(&x.types, "conn-type", nil, "`KIND` of connection that is allowed; may be repeated: "+strings.Join(connectionTypes[:], ", "))
	f.Int64Var(&x.subs, "subs", -1, "most subscriptions (-1: any number)")
	f.Int64Var(&x.payload, "payload", -1, "most bytes of a message (-1: what the account and the server allow)")
	f.Int64Var(&x.data, "data", -1, "most bytes of all messages; servers do not enforce it")
	f.BoolVar(&x.bearer, "bearer", false, "who shows the token needs no seed: treat it like a password")
	f.BoolVar(&x.proxy, "proxy-required", false, "the user may only come through a trusted proxy")
}

// given reports whether one of the flags was used.
func (x *rights) given(cmd *cobra.Command) bool {
	return x.subjects.given(cmd) || slices.ContainsFunc([]string{"source-network", "time", "time-zone", "conn-type", "subs",
		"payload", "data", "bearer", "proxy-required"}, cmd.Flags().Changed)
}

// apply changes what a user may do as the flags say.
func (x *rights) apply(t *tool, cmd *cobra.Command, u *jwt.UserPermissionLimits) error {
	x.subjects.apply(cmd, &u.Permissions)
	f := cmd.Flags()
	if f.Changed("source-network") {
		u.Src = nil
		u.Src.Add(x.nets...)
	}
	if f.Changed("time") {
		u.Times = nil
		for _, h := range x.hours {
			from, to, ok := strings.Cut(h, "-")
			if !ok {
				return t.misused("--time %q is not of the form 08:00:00-18:30:00", h)
			}
			u.Times = append(u.Times, jwt.TimeRange{Start: from, End: to})
		}
	}
	if f.Changed("time-zone") {
		u.Locale = x.zone
	}
	if f.Changed("conn-type") {
		u.AllowedConnectionTypes = nil
		for _, k := range x.types {
			if k = strings.ToUpper(k); !slices.Contains(connectionTypes[:], k) {
				return t.misused("--conn-type %q is not one of %s", k, strings.Join(connectionTypes[:], ", "))
			}
			u.AllowedConnectionTypes.Add(k)
		}
	}
	for name, set := range map[string]func(){
		"subs": func() { u.Subs = x.subs }, "payload": func() { u.Payload = x.payload }, "data": func() { u.Data = x.data },
		"bearer": func() { u.BearerToken = x.bearer }, "proxy-required": func() { u.ProxyRequired = x.proxy },
	} {
		if f.Changed(name) {
			set()
		}
	}
	return nil
}

// common are the flags of every token.
type common struct {
	expiry, start string
	tags, untag   []string
}

func (c *common) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.expiry, "expiry", "", "`WHEN` it ends: a span such as 12h or 90d, a day such as 2027-01-31, or never")
	f.StringVar(&c.start, "start", "", "`WHEN` it begins to count, in the form of --expiry")
	f.StringSliceVar(&c.tags, "tag", nil, "`TAG` of it; may be repeated")
	f.StringSliceVar(&c.untag, "rm-tag", nil, "`TAG` to remove; may be repeated")
}

// apply changes a token as the flags say. Tags may be nil for one without.
func (c *common) apply(t *tool, cmd *cobra.Command, d *jwt.ClaimsData, tags *jwt.TagList) error {
	for _, x := range []struct {
		flag, text string
		to         *int64
	}{{"expiry", c.expiry, &d.Expires}, {"start", c.start, &d.NotBefore}} {
		if !cmd.Flags().Changed(x.flag) {
			continue
		}
		at, err := moment(x.text, time.Now())
		if err != nil {
			return t.misused("--%s: %w", x.flag, err)
		}
		*x.to = at
	}
	if d.Expires != 0 && d.Expires <= max(time.Now().Unix(), d.NotBefore) && cmd.Flags().Changed("expiry") {
		return t.misused("--expiry %s is in the past, or before the start", c.expiry)
	}
	if tags != nil {
		tags.Add(c.tags...)
		tags.Remove(c.untag...)
	}
	return nil
}

// moment returns a time in seconds of Unix; 0 is never.
func moment(text string, now time.Time) (int64, error) {
	if text == "" || text == "never" || text == "0" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			return now.AddDate(0, 0, n).Unix(), nil
		}
	}
	if span, err := time.ParseDuration(text); err == nil && span > 0 {
		return now.Add(span).Unix(), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil && at.Unix() > 0 {
			return at.Unix(), nil
		}
	}
	return 0, fmt.Errorf("%q is no span such as 12h or 90d, no day such as 2027-01-31, no time such as 2027-01-31T18:00:00Z, and not never", text)
}

// sorted returns the keys of a map in order.
func sorted[M ~map[K]V, K ~string, V any](m M) []K { return slices.Sorted(maps.Keys(m)) }
