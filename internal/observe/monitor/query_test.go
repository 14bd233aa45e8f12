package monitor

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/observe/report"
	"github.com/baridmq/barid/server/status"
)

func TestConnzOptions(t *testing.T) {
	for _, tt := range []struct {
		query string
		want  status.ConnzOptions
	}{
		{"", status.ConnzOptions{}},
		{"auth=&subs=&offset=&limit=&cid=&state=&sort=&user=&acc=&mqtt_client=", status.ConnzOptions{}},
		{"nothing=here&filter_subject=a&CID=7", status.ConnzOptions{}},
		{"auth=1", status.ConnzOptions{Username: true}},
		{"auth=TRUE&subs=t", status.ConnzOptions{Username: true, Subscriptions: true}},
		{"auth=F&subs=0", status.ConnzOptions{}},
		{"auth=1&auth=junk", status.ConnzOptions{Username: true}},
		{"subs=detail", status.ConnzOptions{Subscriptions: true, SubscriptionsDetail: true}},
		{"subs=DeTail", status.ConnzOptions{Subscriptions: true, SubscriptionsDetail: true}},
		{"offset=%2B5&limit=-1", status.ConnzOptions{Offset: 5, Limit: -1}},
		{"cid=18446744073709551615", status.ConnzOptions{CID: 1<<64 - 1}},
		{"state=Open", status.ConnzOptions{}},
		{"state=CLOSED", status.ConnzOptions{State: status.ConnClosed}},
		{"state=any", status.ConnzOptions{State: status.ConnAll}},
		{"state=aLL", status.ConnzOptions{State: status.ConnAll}},
		{
			"sort=idle&user=ann&acc=A%26B&mqtt_client=dev+1",
			status.ConnzOptions{Sort: status.ByIdle, User: "ann", Account: "A&B", MQTTClient: "dev 1"},
		},
		{"limit=1024&sort=cid&subs=1", status.ConnzOptions{Limit: 1024, Sort: status.ByCid, Subscriptions: true}}, // nats-top
	} {
		got, err := connzOptions(parse(t, tt.query))
		require.NoError(t, err, tt.query)
		require.Equal(t, &tt.want, got, tt.query)
	}
}

func TestOtherOptions(t *testing.T) {
	s, err := subszOptions(parse(t, "subs=1&offset=2&limit=3&test=a.b&acc=A"))
	require.NoError(t, err)
	require.Equal(t, &status.SubszOptions{Subscriptions: true, Offset: 2, Limit: 3, Test: "a.b", Account: "A"}, s)

	h, err := healthzOptions(parse(t, "js-enabled=1&js-enabled-only=1&js-server-only=1&js-meta-only=1&details=1&account=A&stream=S&consumer=C"))
	require.NoError(t, err)
	require.Equal(t, &status.HealthzOptions{
		JSEnabled: true, JSEnabledOnly: true, JSServerOnly: true, JSMetaOnly: true, Details: true,
		Account: "A", Stream: "S", Consumer: "C",
	}, h)
}

func TestMoreOptions(t *testing.T) {
	r, err := routezOptions(parse(t, "subs=detail"))
	require.NoError(t, err)
	require.Equal(t, &status.RoutezOptions{Subscriptions: true, SubscriptionsDetail: true}, r)

	g, err := gatewayzOptions(parse(t, "subs=1&gw_name=G&acc_name=A"))
	require.NoError(t, err)
	require.Equal(t, &status.GatewayzOptions{Name: "G", Accounts: true, AccountName: "A", AccountSubscriptions: true}, g)

	l, err := leafzOptions(parse(t, "subs=1&acc=A"))
	require.NoError(t, err)
	require.Equal(t, &status.LeafzOptions{Subscriptions: true, Account: "A"}, l)

	a, err := accountzOptions(parse(t, "acc=A"))
	require.NoError(t, err)
	require.Equal(t, &status.AccountzOptions{Account: "A"}, a)

	u, err := accountStatzOptions(parse(t, "unused=1"))
	require.NoError(t, err)
	require.Equal(t, &status.AccountStatzOptions{IncludeUnused: true}, u)

	j, err := jszOptions(parse(t, "accounts=1&streams=1&consumers=1&direct-consumers=1&config=1&offset=1&limit=-1&leader-only=1&raft=1&stream-leader-only=1&acc=A"))
	require.NoError(t, err)
	require.Equal(t, &status.JSzOptions{
		Account: "A", Accounts: true, Streams: true, Consumer: true, DirectConsumer: true, Config: true, LeaderOnly: true,
		Offset: 1, Limit: -1, RaftGroups: true, StreamLeaderOnly: true,
	}, j)

	s, err := subszOptions(parse(t, "limit=9000000"))
	require.NoError(t, err)
	require.Equal(t, report.MostListed, s.Limit)
}

// FuzzQuery checks that no query does anything but give options or an error with a known text.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "subs=1&acc=A", "accs=x", "limit=-1&offset=9", "leader-only=%00", "unused=T&unused=x", "subs=DETAIL", "raft=;&"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values := (&url.URL{RawQuery: raw}).Query()
		for _, decode := range []func() error{
			func() error { _, err := subszOptions(values); return err },
			func() error { _, err := routezOptions(values); return err },
			func() error { _, err := gatewayzOptions(values); return err },
			func() error { _, err := leafzOptions(values); return err },
			func() error { _, err := accountzOptions(values); return err },
			func() error { _, err := accountStatzOptions(values); return err },
			func() error { _, err := jszOptions(values); return err },
			func() error { _, err := healthzOptions(values); return err },
		} {
			if err := decode(); err != nil {
				require.True(t, strings.HasPrefix(err.Error(), "Error decoding "), err.Error())
			}
		}
	})
}

func TestQueryErrors(t *testing.T) {
	connz := func(v url.Values) error { _, err := connzOptions(v); return err }
	subsz := func(v url.Values) error { _, err := subszOptions(v); return err }
	healthz := func(v url.Values) error { _, err := healthzOptions(v); return err }
	for _, tt := range []struct {
		decode func(url.Values) error
		query  string
		want   string
	}{
		{connz, "auth=yes", `Error decoding boolean for 'auth': strconv.ParseBool: parsing "yes": invalid syntax`},
		{connz, "subs=details", `Error decoding boolean for 'subs': strconv.ParseBool: parsing "details": invalid syntax`},
		{connz, "offset=1.5", `Error decoding int for 'offset': strconv.Atoi: parsing "1.5": invalid syntax`},
		{connz, "limit=99999999999999999999", `Error decoding int for 'limit': strconv.Atoi: parsing "99999999999999999999": value out of range`},
		{connz, "cid=-1", `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "-1": invalid syntax`},
		{connz, "cid=18446744073709551616", `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "18446744073709551616": value out of range`},
		{connz, "state=Half", `Error decoding state for Half`},
		{connz, "state=Half&limit=x&auth=y", `Error decoding boolean for 'auth': strconv.ParseBool: parsing "y": invalid syntax`},
		{connz, "state=Half&cid=c", `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "c": invalid syntax`},
		{subsz, "subs=detail", `Error decoding boolean for 'subs': strconv.ParseBool: parsing "detail": invalid syntax`},
		{subsz, "limit=x&offset=y", `Error decoding int for 'offset': strconv.Atoi: parsing "y": invalid syntax`},
		{healthz, "details=x", `Error decoding boolean for 'details': strconv.ParseBool: parsing "x": invalid syntax`},
		{healthz, "js-meta-only=x&js-enabled=y", `Error decoding boolean for 'js-enabled': strconv.ParseBool: parsing "y": invalid syntax`},
	} {
		require.EqualError(t, tt.decode(parse(t, tt.query)), tt.want, tt.query)
	}
}

func parse(t *testing.T, query string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(query)
	require.NoError(t, err)
	return v
}

// FuzzConnzOptions checks that any query either fails with a known text or gives options that
// survive being written as a query again.
func FuzzConnzOptions(f *testing.F) {
	for _, seed := range []string{
		"", "auth=1&subs=detail&offset=3&limit=10&cid=7&state=closed&sort=stop", "state=%zz", "subs=DETAIL;auth=1",
		"limit=-9223372036854775809", "cid=0x7", "user=%00&acc=$G&mqtt_client=%F0%9F", "auth=1&auth=2", "=&=&&",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values := (&url.URL{RawQuery: raw}).Query()
		o, err := connzOptions(values)
		if err != nil {
			require.Nil(t, o)
			require.True(t, strings.HasPrefix(err.Error(), "Error decoding "), err.Error())
			return
		}
		require.Equal(t, o.SubscriptionsDetail, strings.EqualFold(values.Get("subs"), "detail"))
		again, err := connzOptions(encode(o))
		require.NoError(t, err)
		require.Equal(t, o, again)
	})
}

// encode writes options as a query.
func encode(o *status.ConnzOptions) url.Values {
	v := url.Values{
		"auth":        {strconv.FormatBool(o.Username)},
		"subs":        {strconv.FormatBool(o.Subscriptions)},
		"offset":      {strconv.Itoa(o.Offset)},
		"limit":       {strconv.Itoa(o.Limit)},
		"cid":         {strconv.FormatUint(o.CID, 10)},
		"state":       {[]string{"open", "closed", "any"}[o.State]},
		"sort":        {string(o.Sort)},
		"user":        {o.User},
		"acc":         {o.Account},
		"mqtt_client": {o.MQTTClient},
	}
	if o.SubscriptionsDetail {
		v.Set("subs", "detail")
	}
	return v
}
