package monitor

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

// query decodes parameters one after another and keeps the first error. An empty value is as
// good as none, and of several values the first one counts.
type query struct {
	values url.Values
	err    error
}

// decode returns what parse makes of a parameter, or the zero value.
func decode[T any](q *query, name, kind string, parse func(string) (T, error)) T {
	var zero T
	text := q.values.Get(name)
	if q.err != nil || text == "" {
		return zero
	}
	v, err := parse(text)
	if err != nil {
		//lint:ignore ST1005 the text is the answer's body, which tools know
		q.err = fmt.Errorf("Error decoding %s for '%s': %w", kind, name, err)
		return zero
	}
	return v
}

func (q *query) bool(name string) bool { return decode(q, name, "boolean", strconv.ParseBool) }

func (q *query) int(name string) int { return decode(q, name, "int", strconv.Atoi) }

func (q *query) uint64(name string) uint64 {
	return decode(q, name, "uint64", func(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) })
}

// subs decodes how subscriptions are to be listed: a boolean, or "detail".
func (q *query) subs(name string) (list, detail bool) {
	if strings.ToLower(q.values.Get(name)) == "detail" {
		return true, true
	}
	return q.bool(name), false
}

func (q *query) state(name string) status.ConnState {
	state, err := status.ParseConnState(q.values.Get(name))
	if q.err == nil {
		q.err = err
	}
	return state
}

func connzOptions(values url.Values) (*status.ConnzOptions, error) {
	q := query{values: values}
	o := new(status.ConnzOptions)
	o.Username = q.bool("auth")
	o.Subscriptions, o.SubscriptionsDetail = q.subs("subs")
	o.Offset = q.int("offset")
	o.Limit = q.int("limit")
	o.CID = q.uint64("cid")
	o.State = q.state("state")
	o.Sort = status.SortOpt(values.Get("sort"))
	o.User = values.Get("user")
	o.Account = values.Get("acc")
	o.MQTTClient = values.Get("mqtt_client")
	if q.err != nil {
		return nil, q.err
	}
	return o, nil
}

func subszOptions(values url.Values) (*status.SubszOptions, error) {
	q := query{values: values}
	o := new(status.SubszOptions)
	o.Subscriptions = q.bool("subs")
	o.Offset = q.int("offset")
	o.Limit = min(q.int("limit"), report.MostListed)
	o.Test = values.Get("test")
	o.Account = values.Get("acc")
	if q.err != nil {
		return nil, q.err
	}
	return o, nil
}

func routezOptions(values url.Values) (*status.RoutezOptions, error) {
	q := query{values: values}
	o := new(status.RoutezOptions)
	o.Subscriptions, o.SubscriptionsDetail = q.subs("subs")
	return o, q.err
}

func gatewayzOptions(values url.Values) (*status.GatewayzOptions, error) {
	q := query{values: values}
	o := new(status.GatewayzOptions)
	o.AccountSubscriptions, o.AccountSubscriptionsDetail = q.subs("subs")
	o.Accounts = q.bool("accs")
	o.Name = values.Get("gw_name")
	o.AccountName = values.Get("acc_name")
	o.Accounts = o.Accounts || o.AccountName != ""
	return o, q.err
}

func leafzOptions(values url.Values) (*status.LeafzOptions, error) {
	q := query{values: values}
	o := new(status.LeafzOptions)
	o.Subscriptions = q.bool("subs")
	o.Account = values.Get("acc")
	return o, q.err
}

func accountzOptions(values url.Values) (*status.AccountzOptions, error) {
	return &status.AccountzOptions{Account: values.Get("acc")}, nil
}

func accountStatzOptions(values url.Values) (*status.AccountStatzOptions, error) {
	q := query{values: values}
	o := new(status.AccountStatzOptions)
	o.IncludeUnused = q.bool("unused")
	return o, q.err
}

func jszOptions(values url.Values) (*status.JSzOptions, error) {
	q := query{values: values}
	o := new(status.JSzOptions)
	o.Accounts = q.bool("accounts")
	o.Streams = q.bool("streams")
	o.Consumer = q.bool("consumers")
	o.DirectConsumer = q.bool("direct-consumers")
	o.Config = q.bool("config")
	o.Offset = q.int("offset")
	o.Limit = q.int("limit")
	o.LeaderOnly = q.bool("leader-only")
	o.RaftGroups = q.bool("raft")
	o.StreamLeaderOnly = q.bool("stream-leader-only")
	o.Account = values.Get("acc")
	return o, q.err
}

func healthzOptions(values url.Values) (*status.HealthzOptions, error) {
	q := query{values: values}
	o := new(status.HealthzOptions)
	o.JSEnabled = q.bool("js-enabled")
	o.JSEnabledOnly = q.bool("js-enabled-only")
	o.JSServerOnly = q.bool("js-server-only")
	o.JSMetaOnly = q.bool("js-meta-only")
	o.Details = q.bool("details")
	o.Account = values.Get("account")
	o.Stream = values.Get("stream")
	o.Consumer = values.Get("consumer")
	if q.err != nil {
		return nil, q.err
	}
	return o, nil
}
