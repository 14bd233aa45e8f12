package flags

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/spf13/cobra"
)

// connectionTypes are the ways to connect that a user may be bound to.
var connectionTypes = [...]string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket, jwt.ConnectionTypeLeafnode,
	jwt.ConnectionTypeLeafnodeWS, jwt.ConnectionTypeMqtt, jwt.ConnectionTypeMqttWS, jwt.ConnectionTypeInProcess}

// Subjects are the flags of what somebody may publish and subscribe to.
type Subjects struct {
	allowPub, allowSub, allowBoth, denyPub, denySub, denyBoth, remove []string

	responses   int64
	responseTTL time.Duration
}

// Add adds the flags to a command; who is whose permissions they are.
func (s *Subjects) Add(cmd *cobra.Command, who string) {
	f := cmd.Flags()
	f.StringArrayVar(&s.allowPub, "allow-pub", nil, "`SUBJECT` that "+who+" may publish to; may be repeated")
	f.StringArrayVar(&s.allowSub, "allow-sub", nil, "`SUBJECT` that "+who+" may subscribe to, with a queue after a space if it is for that only")
	f.StringArrayVar(&s.allowBoth, "allow-pubsub", nil, "`SUBJECT` that "+who+" may publish and subscribe to")
	f.StringArrayVar(&s.denyPub, "deny-pub", nil, "`SUBJECT` that "+who+" may not publish to")
	f.StringArrayVar(&s.denySub, "deny-sub", nil, "`SUBJECT` that "+who+" may not subscribe to")
	f.StringArrayVar(&s.denyBoth, "deny-pubsub", nil, "`SUBJECT` that "+who+" may neither publish nor subscribe to")
	f.StringArrayVar(&s.remove, "rm-subject", nil, "`SUBJECT` of which nothing is said any more")
	f.Var(count(&s.responses, 0), "allow-responses", "how many replies "+who+" may publish to a request it received (-1: any number)")
	f.DurationVar(&s.responseTTL, "response-ttl", 0, "how long such replies may be published (default 2m; negative: at any time)")
}

// Given reports whether one of the flags was used.
func (s *Subjects) Given(cmd *cobra.Command) bool {
	return slices.ContainsFunc([]string{"allow-pub", "allow-sub", "allow-pubsub", "deny-pub", "deny-sub", "deny-pubsub",
		"rm-subject", "allow-responses", "response-ttl"}, cmd.Flags().Changed)
}

// Apply changes permissions as the flags say.
func (s *Subjects) Apply(cmd *cobra.Command, p *jwt.Permissions) {
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
			p.Resp.MaxMsgs = int(s.responses)
		}
		if f.Changed("response-ttl") {
			p.Resp.Expires = s.responseTTL
		}
	}
}

// Rights are the flags of a user, or of a role that gives them to its users.
type Rights struct {
	Subjects

	nets, hours, types  []string
	zone                string
	subs, payload, data int64
	bearer, proxy       bool
}

// Add adds the flags to a command.
func (x *Rights) Add(cmd *cobra.Command) {
	x.Subjects.Add(cmd, "the user")
	f := cmd.Flags()
	f.StringSliceVar(&x.nets, "source-network", nil, "`NET` that the user may come from, such as 10.0.0.0/8; may be repeated (none: any)")
	f.StringSliceVar(&x.hours, "time", nil, "`FROM-TO` in which the user may connect, such as 08:00:00-18:30:00; may be repeated (none: any)")
	f.StringVar(&x.zone, "time-zone", "", "`ZONE` of --time, such as Europe/Berlin (default: that of the server)")
	f.StringSliceVar(&x.types, "conn-type", nil, "`KIND` of connection that is allowed; may be repeated: "+strings.Join(connectionTypes[:], ", "))
	f.Var(count(&x.subs, -1), "subs", "most subscriptions (-1: any number)")
	f.Var(count(&x.payload, -1), "payload", "most bytes of a message (-1: what the account and the server allow)")
	f.Var(count(&x.data, -1), "data", "most bytes of all messages; servers do not enforce it")
	f.BoolVar(&x.bearer, "bearer", false, "who shows the token needs no seed: treat it like a password")
	f.BoolVar(&x.proxy, "proxy-required", false, "the user may only come through a trusted proxy")
}

// Given reports whether one of the flags was used.
func (x *Rights) Given(cmd *cobra.Command) bool {
	return x.Subjects.Given(cmd) || slices.ContainsFunc([]string{"source-network", "time", "time-zone", "conn-type", "subs",
		"payload", "data", "bearer", "proxy-required"}, cmd.Flags().Changed)
}

// Apply changes what a user may do as the flags say.
func (x *Rights) Apply(cmd *cobra.Command, u *jwt.UserPermissionLimits) error {
	x.Subjects.Apply(cmd, &u.Permissions)
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
				return fmt.Errorf("--time %q is not of the form 08:00:00-18:30:00", h)
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
				return fmt.Errorf("--conn-type %q is not one of %s", k, strings.Join(connectionTypes[:], ", "))
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
