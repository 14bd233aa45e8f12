package config

import (
	"fmt"
	"strings"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/server/options"
)

// missing is a key of a part that barid does not have. It is refused, as a server must not seem
// to do what it does not; but a value that switches the part off is fine.
func missing[T any](names, has string, off func(*conf.Value) bool) *row[T, struct{}] {
	r := special(names, "not supported yet", func(d *decoder, p *conf.Pair, _ T) {
		if !off(p.Value) {
			d.fail(p.At, "%q is not supported yet: barid has no %s", p.Key, has)
		}
	})
	r.lacks = has
	return r
}

// idle is a number that tunes the inside of another implementation: accepted, without effect.
func idle[T any](names string, field func(T) *int, why string) *row[T, int] {
	return made(names, "integer", field, func(d *decoder, p *conf.Pair, to T) {
		if n, ok := fit[int](d, p); ok {
			*field(to) = n
			d.note(p, why)
		}
	}).help("no effect: " + why)
}

// ignored is idle for what nobody keeps.
func ignored(names string, kind conf.Kind, why string) *row[opts, struct{}] {
	return special(names, kind.String(), func(d *decoder, p *conf.Pair, _ opts) {
		if d.is(kind, p.Key, p.Value) {
			d.note(p, why)
		}
	}).help("no effect: "+why).reloads("nothing to change", nil)
}

// The functions below say which values switch a part off.

// absent is nothing at all: an empty text, list or map, 0 or false.
func absent(v *conf.Value) bool {
	switch v.Kind {
	case conf.String:
		return v.Text == ""
	case conf.Integer:
		return v.Int == 0
	case conf.Boolean:
		return !v.Bool
	case conf.Array:
		return len(v.Items) == 0
	case conf.Map:
		return len(v.Map.Pairs) == 0
	}
	return false
}

// disabled is false, a word for it, or a map that says so.
func disabled(v *conf.Value) bool {
	switch v.Kind {
	case conf.Boolean:
		return !v.Bool
	case conf.String:
		return strings.EqualFold(v.Text, "disabled") || strings.EqualFold(v.Text, "disable")
	case conf.Map:
		return says(v.Map, func(v *conf.Value) bool { return v.Kind == conf.Boolean && !v.Bool }, "enabled", "enable")
	}
	return false
}

// unbound is a block of a listener without a port, and without others to connect to.
func unbound(v *conf.Value) bool {
	if v.Kind != conf.Map {
		return false
	}
	off := true
	for _, p := range v.Map.Pairs {
		switch strings.ToLower(p.Key) {
		case "remotes", "routes":
			if !absent(p.Value) {
				return false
			}
		case "port", "listen":
			off = portless(p.Value)
		}
	}
	return off
}

func portless(v *conf.Value) bool {
	return v.Kind == conf.Integer && v.Int == 0 || v.Kind == conf.String && strings.HasSuffix(v.Text, ":0")
}

// off returns a check for a map with one of the keys, or a single value, that is a certain word;
// false is one, too.
func off(word string, keys ...string) func(*conf.Value) bool {
	isOff := func(v *conf.Value) bool {
		return v.Kind == conf.Boolean && !v.Bool || v.Kind == conf.String && strings.EqualFold(v.Text, word)
	}
	return func(v *conf.Value) bool {
		return isOff(v) || v.Kind == conf.Map && says(v.Map, isOff, keys...)
	}
}

// says reports whether the last of some keys in a block has a value that is as it should be.
func says(b *conf.Block, asShould func(*conf.Value) bool, keys ...string) (yes bool) {
	for _, p := range b.Pairs {
		for _, k := range keys {
			if strings.EqualFold(p.Key, k) {
				yes = asShould(p.Value)
			}
		}
	}
	return yes
}

// absentParts refuses what programs ask for of parts that barid does not have.
func absentParts(o opts) (faults []check.Fault) {
	for _, part := range []struct {
		asked       bool
		field, lack string
	}{
		{o.Cluster.Port != 0, "Cluster.Port", clustering},
		{len(o.Routes) > 0 || o.RoutesStr != "", "Routes", clustering},
		{o.Gateway.Name != "" || o.Gateway.Port != 0, "Gateway", "gateways"},
		{o.LeafNode.Port != 0, "LeafNode.Port", "leafnodes"},
		{len(o.LeafNode.Remotes) > 0, "LeafNode.Remotes", "leafnodes"},
		{o.Websocket.Port != 0, "Websocket.Port", "websockets"},
		{o.MQTT.Port != 0, "MQTT.Port", "MQTT"},
		{o.JetStream, "JetStream", streams},
		{o.OCSPConfig != nil && o.OCSPConfig.Mode != options.OCSPModeNever, "OCSPConfig", "OCSP"},
	} {
		if part.asked {
			faults = append(faults, check.Fault{
				Text: fmt.Sprintf("Options.%s is not supported yet: barid has no %s", part.field, part.lack)})
		}
	}
	return faults
}
