package system

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/bus/port"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server/status"
)

func msg(subj, reply, body string) *port.Message {
	return &port.Message{Subject: subj, Reply: reply, Data: []byte(body)}
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// reply is the frame of answers.
type reply struct {
	Server *status.ServerInfo `json:"server"`
	Data   json.RawMessage    `json:"data"`
	Error  *status.ApiError   `json:"error"`
}

// answerTo asks and returns the answer in its frame.
func (h *house) answerTo(subj, body string) (r reply) {
	h.t.Helper()
	text := h.ask(subj, body)
	require.NoError(h.t, json.Unmarshal([]byte(text), &r), text)
	require.NotNil(h.t, r.Server, text)
	require.Equal(h.t, serverID, r.Server.ID)
	return r
}

// Every request is answered by one server and by all alike, with data or an error in a frame.
func TestServerRequests(t *testing.T) {
	h := began(t, never())
	for name, data := range map[string]string{
		"VARZ":      `"server_id":"NTEST"`,
		"SUBSZ":     `"num_subscriptions":7`,
		"CONNZ":     `"num_connections":4`,
		"ROUTEZ":    `"num_routes":0`,
		"GATEWAYZ":  `"outbound_gateways":{}`,
		"LEAFZ":     `"leafs":[]`,
		"ACCOUNTZ":  `"accounts":["$G","$SYS","A","B"]`,
		"JSZ":       `"disabled":true`,
		"HEALTHZ":   `{"status":"ok","status_code":200}`,
		"EXPVARZ":   `"memstats":{`,
		"PROFILEZ":  `{"profile":null,"error":"Profile name not specified"}`,
		"IPQUEUESZ": `{}`,
		"RAFTZ":     `{}`,
	} {
		for _, to := range []string{"PING", serverID} {
			subj := "$SYS.REQ.SERVER." + to + "." + name
			r := h.answerTo(subj, "")
			require.Nil(t, r.Error, subj)
			require.Contains(t, string(r.Data), data, subj)
			require.Contains(t, h.ask(subj, " {} "), data, subj)
			require.Equal(t, 400, h.answerTo(subj, "{").Error.Code, subj)
			require.Equal(t, "unexpected end of JSON input", h.answerTo(subj, "{").Error.Description)
			require.Nil(t, h.answerTo(subj, "{").Data)
		}
	}
	for _, to := range []string{"PING", serverID} {
		require.JSONEq(t, `{"name":"front","host":"0.0.0.0","id":"NTEST"}`, h.ask("$SYS.REQ.SERVER."+to+".IDZ", "no JSON"))
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(h.ask("$SYS.REQ.SERVER."+to+".STATSZ", "")), &v))
		require.Contains(t, v, "statsz")
		require.NotContains(t, v, "data")
		require.Contains(t, h.ask("$SYS.REQ.SERVER."+to+".STATSZ", "["), `"error":{"code":400`)
	}
	require.Contains(t, h.ask("$SYS.REQ.SERVER.PING", ""), `"statsz":{`)
	for _, none := range []string{"PING.NOTZ", "NOTHER.VARZ", "PING.KICK", "PING.RELOAD", "PING.LDM"} {
		_, err := h.request(msg("$SYS.REQ.SERVER."+none, "", ""), lab.Patience)
		require.ErrorIs(t, err, port.ErrNoResponders, none)
	}
}

func TestRequestsWithOptions(t *testing.T) {
	h := began(t, never())
	data := func(name, body string) string { return string(h.answerTo("$SYS.REQ.SERVER.PING."+name, body).Data) }
	require.Contains(t, data("CONNZ", `{"acc":"A","limit":1,"unknown":[1]}`), `"num_connections":1,"total":2`)
	require.Contains(t, data("CONNZ", `{"state":"closed"}`), `"num_connections":0`)
	require.Contains(t, data("CONNZ", `{"state":1}`), `"num_connections":0`)
	require.Contains(t, data("SUBSZ", `{"account":"B"}`), `"num_subscriptions":4`)
	require.Contains(t, data("SUBSZ", `{"limit":1000000000}`), `"limit":100000`)
	require.Contains(t, data("ACCOUNTZ", `{"account":"A"}`), `"account_detail":{"account_name":"A"`)
	require.Contains(t, data("HEALTHZ", `{"stream":"s"}`), `"status":"error","status_code":400`)

	for body, text := range map[string]string{
		`{"filter_subject":"a"}`: "filter by subject only valid with account filtering",
		`{"sort":"size"}`:        "invalid sorting option: size",
	} {
		got := h.ask("$SYS.REQ.SERVER.PING.CONNZ", body)
		require.Contains(t, got, `"data":null,"error":{"code":500,"description":"`+text+`"}`)
	}
	require.Contains(t, h.ask("$SYS.REQ.SERVER.PING.ACCOUNTZ", `{"account":"C"}`), `"data":null,"error":{"code":500,"description":"Account C does not exist"}`)
	require.Equal(t, 400, h.answerTo("$SYS.REQ.SERVER.PING.CONNZ", `{"state":"shut"}`).Error.Code)
	require.Equal(t, 400, h.answerTo("$SYS.REQ.SERVER.PING.CONNZ", `{"limit":"x"}`).Error.Code)
	h.silent("$SYS.REQ.SERVER.PING.JSZ", `{"leader_only":true}`, "$SYS.REQ.SERVER.PING.VARZ")
	r := h.answerTo("$SYS.REQ.SERVER.PING.VARZ", `{"server_name":"`+strings.Repeat("x", mostBody)+`"}`)
	require.Equal(t, "the request is too large", r.Error.Description)
	deep := strings.Repeat("[", mostBody-1)
	require.Equal(t, 400, h.answerTo("$SYS.REQ.SERVER.PING.VARZ", deep).Error.Code)
}

func TestFilters(t *testing.T) {
	h := began(t, never())
	for body, meant := range map[string]bool{
		`{"server_name":"ron"}`:                      true,
		`{"server_name":"ron","exact_match":true}`:   false,
		`{"server_name":"front","exact_match":true}`: true,
		`{"server_name":"back"}`:                     false,
		`{"cluster":"eas"}`:                          true,
		`{"cluster":"west"}`:                         false,
		`{"host":"0.0"}`:                             true,
		`{"host":"0.0","exact_match":true}`:          false,
		`{"domain":"hub"}`:                           true,
		`{"domain":"hu"}`:                            false,
		`{"tags":["SSD","zone:1"]}`:                  true,
		`{"tags":["ssd","hdd"]}`:                     false,
		`{"tags":[]}`:                                true,
		`null`:                                       true,
	} {
		for _, subj := range []string{"$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.NTEST.VARZ", "$SYS.REQ.ACCOUNT.A.INFO", "$SYS.REQ.SERVER.NTEST.RELOAD"} {
			behind := map[byte]string{'P': "$SYS.REQ.SERVER.PING", 'N': "$SYS.REQ.SERVER.PING.VARZ", 'A': "$SYS.REQ.ACCOUNT.B.INFO"}[strings.Split(subj, ".")[3][0]]
			if meant && !strings.HasSuffix(subj, "RELOAD") {
				require.NotEmpty(t, h.ask(subj, body), "%s %s", subj, body)
			} else if !meant {
				h.silent(subj, body, behind)
			}
		}
	}
}

func TestCompression(t *testing.T) {
	h := began(t, never())
	for _, c := range []struct{ accept, encoding string }{
		{"snappy", "snappy"}, {"S2, gzip", "snappy"}, {"GZip", "gzip"}, {"br", "identity"}, {"", ""},
	} {
		ask := func(subj, body string) *port.Message {
			m := msg(subj, "", body)
			if c.accept != "" {
				m.Set("Accept-Encoding", c.accept)
			}
			r, err := h.request(m, lab.Patience)
			require.NoError(t, err)
			return r
		}
		r := ask("$SYS.REQ.SERVER.PING.CONNZ", "")
		require.Equal(t, c.encoding, r.Get("Content-Encoding"), c.accept)
		var in io.Reader = bytes.NewReader(r.Data)
		switch c.encoding {
		case "snappy":
			require.Equal(t, "\xff\x06\x00\x00sNaPpY", string(r.Data[:10]), "the framing that all readers know")
			in = s2.NewReader(in)
		case "gzip":
			z, err := gzip.NewReader(in)
			require.NoError(t, err)
			in = z
		}
		text, err := io.ReadAll(in)
		require.NoError(t, err)
		require.Contains(t, string(text), `"num_connections":4`)

		for subj, body := range map[string]string{
			"$SYS.REQ.SERVER.PING": "", "$SYS.REQ.SERVER.PING.STATSZ": "", "$SYS.REQ.SERVER.PING.IDZ": "", "$SYS.REQ.SERVER.PING.CONNZ": "{",
		} {
			r := ask(subj, body)
			require.Empty(t, r.Get("Content-Encoding"), subj)
			require.Equal(t, byte('{'), r.Data[0], subj)
		}
	}
}

// Statistics are answered while an expensive request is being worked on.
func TestExpensiveRequestsDoNotDelayStatistics(t *testing.T) {
	h := began(t, never())
	busy, finish := make(chan struct{}), make(chan struct{})
	h.connz = func(*status.ConnzOptions) { close(busy); <-finish }
	answers := h.listen(h.asker, "answers")
	h.asker.Publish(msg("$SYS.REQ.SERVER.PING.CONNZ", "answers", ""))
	<-busy
	h.ask("$SYS.REQ.SERVER.PING", "")
	h.ask("$SYS.REQ.SERVER.PING.IDZ", "")
	h.ask("$SYS.REQ.SERVER.PING.VARZ", "")
	require.Empty(t, answers)
	h.connz = nil
	close(finish)
	next(t, answers)
}

func TestRequestsWithoutReplyAreIgnored(t *testing.T) {
	h := began(t, never())
	for _, subj := range []string{
		"PING.VARZ", "PING.CONNZ", "PING.PROFILEZ", "PING.IDZ", "NTEST.KICK", "NTEST.LDM", "NTEST.RELOAD",
	} {
		require.True(t, h.asker.Publish(msg("$SYS.REQ.SERVER."+subj, "", `{"cid":7}`)))
	}
	for _, subj := range []string{"ACCOUNT.A.CONNZ", "ACCOUNT.A.STATZ", "ACCOUNT.A.CONNS", "USER.A.INFO"} {
		require.True(t, h.asker.Publish(msg("$SYS.REQ."+subj, "", "")))
	}
	h.asker.Publish(msg("$SYS.DEBUG.SUBSCRIBERS", "", "a"))
	h.ask("$SYS.REQ.SERVER.PING.VARZ", "")
	h.ask("$SYS.REQ.ACCOUNT.A.INFO", "")
	require.Empty(t, h.ldm)
	require.Zero(t, h.reloaded)
	require.Empty(t, h.logged())
}

func TestKickAndAnnounce(t *testing.T) {
	h := began(t, never())
	const kick, ldm = "$SYS.REQ.SERVER.NTEST.KICK", "$SYS.REQ.SERVER.NTEST.LDM"
	for _, subj := range []string{kick, ldm} {
		r := h.answerTo(subj, `{"cid":7}`)
		require.Nil(t, r.Error)
		require.Nil(t, r.Data)
	}
	require.Equal(t, []uint64{7}, h.ldm)
	require.Equal(t, &status.ApiError{Code: 500, Description: "no such client or leafnode id"}, h.answerTo(kick, `{"cid":8}`).Error)
	require.Equal(t, &status.ApiError{Code: 500, Description: "no such client id"}, h.answerTo(ldm, `{"cid":8}`).Error)
	h.silent(kick, `{"cid":7,"server_name":"back"}`, "$SYS.REQ.SERVER.PING.VARZ")
	require.Empty(t, h.logged())
	for _, body := range []string{"", "7", `{"cid":-1}`} {
		h.silent(ldm, body, "$SYS.REQ.SERVER.PING.VARZ")
	}
	require.Equal(t, 3, strings.Count(h.logged(), "error System account: LDM: the request"), h.logged())
}

func TestReload(t *testing.T) {
	h := began(t, never())
	r := h.answerTo("$SYS.REQ.SERVER.NTEST.RELOAD", "")
	require.Nil(t, r.Error)
	require.Nil(t, r.Data)
	require.Eventually(t, func() bool { return !h.reloading.Load() }, lab.Patience, time.Millisecond)
	require.Equal(t, &status.ApiError{Code: 500, Description: "the file is gone"}, h.answerTo("$SYS.REQ.SERVER.NTEST.RELOAD", "{}").Error)
}

// A reload may put another System in the place of the one that was asked.
func TestReloadMayEndTheSystem(t *testing.T) {
	var h *house
	ended := make(chan struct{})
	h = began(t, never(), func(c *Config) {
		c.Actions.Reload = func() error { h.System.Close(); close(ended); return nil }
	})
	h.asker.Publish(msg("$SYS.REQ.SERVER.NTEST.RELOAD", "nobody", ""))
	<-ended
}

func TestProfiles(t *testing.T) {
	h := began(t, never())
	get := func(body string) (z status.ProfilezStatus) {
		r := h.answerTo("$SYS.REQ.SERVER.PING.PROFILEZ", body)
		require.Nil(t, r.Error)
		require.Contains(t, string(r.Data), `"error":"`)
		require.NoError(t, json.Unmarshal(r.Data, &z))
		return z
	}
	for _, name := range []string{"allocs", "heap", "goroutine", "mutex", "threadcreate", "block"} {
		z := get(`{"name":"` + name + `"}`)
		require.Empty(t, z.Error, name)
		require.Equal(t, "\x1f\x8b", string(z.Profile[:2]), name)
	}
	require.Contains(t, string(get(`{"name":"goroutine","debug":1}`).Profile), "goroutine profile: total")
	require.Equal(t, `Profile "x" not found`, get(`{"name":"x"}`).Error)
	require.Equal(t, "Duration 0s should be between 0s and 15s", get(`{"name":"cpu"}`).Error)
	require.Equal(t, "Duration 16s should be between 0s and 15s", get(`{"name":"cpu","duration":16000000000}`).Error)
	require.Equal(t, "Duration -1ns should be between 0s and 15s", get(`{"name":"heap","duration":-1}`).Error)
	require.Equal(t, "\x1f\x8b", string(get(`{"name":"cpu","duration":1000000}`).Profile[:2]))

	// A long one keeps nobody waiting, neither those who ask nor the end of the server.
	h.asker.Publish(msg("$SYS.REQ.SERVER.PING.PROFILEZ", "answers", `{"name":"cpu","duration":15000000000}`))
	require.Equal(t, "Failed to start CPU profile: cpu profiling already in use", get(`{"name":"cpu","duration":1000}`).Error)
}

func TestAccountRequests(t *testing.T) {
	h := began(t, never())
	h.count("A", 2)
	data := func(subj, body string) string { return string(h.answerTo("$SYS.REQ.ACCOUNT."+subj, body).Data) }
	require.Contains(t, data("A.CONNZ", `{"acc":"B"}`), `"num_connections":2,"total":2`)
	require.Contains(t, data("C.CONNZ", ``), `"num_connections":0`)
	require.Contains(t, data("A.SUBSZ", `{"account":"B"}`), `"num_subscriptions":3`)
	require.Contains(t, data("A.SUBSZ", ``), `"total":3`, "a list is forced")
	require.Contains(t, data("C.SUBSZ", ``), `"num_subscriptions":0`)
	require.Contains(t, data("A.LEAFZ", ``), `"leafs":[]`)
	require.True(t, strings.HasPrefix(data("A.INFO", ""), `{"account_name":"A"`))
	require.Contains(t, h.ask("$SYS.REQ.ACCOUNT.C.INFO", ""), `"data":null,"error":{"code":500,"description":"Account C does not exist"}`)
	require.Contains(t, h.ask("$SYS.REQ.ACCOUNT.C.JSZ", ""), `"data":null,"error":{"code":500,"description":"account \"C\" not found"}`)
	require.Contains(t, h.ask("$SYS.REQ.ACCOUNT.A.JSZ", ""), `"data":null,"error":{"code":500,"description":"jetstream not enabled"}`)

	accounts := func(subj, body string) (names []string) {
		var z status.AccountStatz
		require.NoError(t, json.Unmarshal([]byte(data(subj, body)), &z))
		for _, a := range z.Accounts {
			names = append(names, a.Account)
		}
		return names
	}
	require.Equal(t, []string{"A"}, accounts("A.STATZ", `{"accounts":["B"]}`))
	require.Equal(t, []string{"B"}, accounts("B.STATZ", `{"include_unused":true}`))
	require.Empty(t, accounts("C.STATZ", `{"include_unused":true}`))
	require.Equal(t, []string{"A"}, accounts("PING.STATZ", ``))
	require.Equal(t, []string{"B"}, accounts("PING.STATZ", `{"include_unused":true,"accounts":["B"]}`))
	for _, quiet := range []string{"B.STATZ", "C.STATZ", "B.CONNS", "C.CONNS"} {
		h.silent("$SYS.REQ.ACCOUNT."+quiet, "", "$SYS.REQ.ACCOUNT.A.INFO")
	}
	h.silent("$SYS.REQ.ACCOUNT.PING.STATZ", `{"accounts":["B"]}`, "$SYS.REQ.ACCOUNT.A.INFO")

	for _, body := range []string{"", `{"acc":"A","server":{}}`} {
		var n status.AccountNumConns
		require.NoError(t, json.Unmarshal([]byte(h.ask("$SYS.REQ.ACCOUNT.A.CONNS", body)), &n))
		require.Equal(t, []any{"A", 2, serverID, status.AccountConnectionsType}, []any{n.Account, n.TotalConns, n.Server.ID, n.Type})
	}
	h.silent("$SYS.REQ.ACCOUNT.A.CONNS", `{"acc":"B"}`, "$SYS.REQ.ACCOUNT.A.INFO")
}

// An account that is called like the word for all of them does not get all of them.
func TestAccountCalledPing(t *testing.T) {
	h := began(t, never())
	h.count("A", 2)
	replies := h.listen(h.asker, "answers")
	m := msg("$SYS.REQ.ACCOUNT.PING.STATZ", "answers", "")
	m.Set("Nats-Request-Info", `{"acc":"PING"}`)
	h.asker.Publish(m)
	h.ask("$SYS.REQ.ACCOUNT.A.INFO", "")
	require.Empty(t, replies)
}

// Every account may ask the servers for connections, and sees its own.
func TestOthersSeeTheirOwnConnections(t *testing.T) {
	h := began(t, never())
	for header, want := range map[string]string{
		`{"acc":"A"}`: `"num_connections":2,"total":2`, `{"acc":"C"}`: `"num_connections":0`, "{": `"num_connections":0`, `{}`: `"num_connections":0`,
	} {
		m := msg("$SYS.REQ.SERVER.PING.CONNZ", "", `{"acc":"B"}`)
		m.Set("Nats-Request-Info", header)
		r, err := h.request(m, lab.Patience)
		require.NoError(t, err)
		require.Contains(t, string(r.Data), want, header)
	}
}

func TestUserInfo(t *testing.T) {
	h := began(t, never())
	ask := func(name, header string) reply {
		m := msg("$SYS.REQ.USER."+name+".INFO", "", "")
		if header != "" {
			m.Set("Nats-Request-Info", header)
		}
		answer, err := h.request(m, lab.Patience)
		require.NoError(t, err)
		return decoded[reply](t, answer)
	}
	r := ask("A", `{"acc":"A","id":7,"rtt":1}`)
	require.Nil(t, r.Error)
	require.JSONEq(t, `{"user":"alice","account":"A","permissions":{"publish":{"deny":["x"]}},"expires":90000000000}`, string(r.Data))
	for _, c := range [][2]string{
		{"A", ""}, {"A", "{"}, {"A", "7"}, {"A", `{"acc":"A"}`}, {"A", `{"acc":"A","id":8}`}, {"B", `{"acc":"A","id":7}`}, {"B", `{"acc":"B","id":7}`},
	} {
		require.Equal(t, &status.ApiError{Code: 400}, ask(c[0], c[1]).Error, "%s", c)
	}
}

func TestSubscribersAreCounted(t *testing.T) {
	h := began(t, never())
	one, two := h.connect("A", 1), h.connect("A", 2)
	defer one.Close()
	defer two.Close()
	for _, sub := range [][2]string{{"a.b", ""}, {"a.*", ""}, {"a.b", "q"}, {"a.c", "other q"}, {"b", ""}} {
		_, err := one.Subscribe(sub[0], strings.ReplaceAll(sub[1], " ", "-"), func(*port.Message) {})
		require.NoError(t, err)
	}
	_, err := two.Subscribe("a.b", "q", func(*port.Message) {})
	require.NoError(t, err)
	inside := h.into("A") // a part of the server
	defer inside.Close()
	_, err = inside.Subscribe("a.b", "", func(*port.Message) {})
	require.NoError(t, err)

	for body, want := range map[string]string{
		"a.b": "4", "a.b q": "2", "a.b x": "0", "a.>": "5", "a.*": "5", "a.* q": "2", ">": "6", "c": "0", "": "0", "a..b": "0", " a.b  q ": "2",
	} {
		m := msg("$SYS.DEBUG.SUBSCRIBERS", "", body)
		m.Set("Nats-Request-Info", `{"acc":"A"}`)
		r, err := h.request(m, lab.Patience)
		require.NoError(t, err)
		require.Equal(t, want, string(r.Data), "%q", body)
	}
	for header, want := range map[string]string{"": "1", `{"acc":"gone"}`: "0", "{": "0"} {
		m := msg("$SYS.DEBUG.SUBSCRIBERS", "", "in.system")
		if header != "" {
			m.Set("Nats-Request-Info", header)
		}
		system := h.connect("$SYS", 3)
		_, err = system.Subscribe("in.system", "", func(*port.Message) {})
		require.NoError(t, err)
		r, err := h.request(m, lab.Patience)
		require.NoError(t, err)
		require.Equal(t, want, string(r.Data), "%q", header)
		system.Close()
	}
}

// Bodies are read with bounds and never break anything.
func FuzzRequests(f *testing.F) {
	for _, body := range []string{`{"cid":7}`, `{"tags":["a"],"state":"any"}`, `[[[[`, `{"name":"cpu","duration":9e99}`, "", "\x00"} {
		f.Add(body, `{"acc":"A","id":7}`)
	}
	h := began(f, never())
	f.Fuzz(func(t *testing.T, body, header string) {
		for _, subj := range []string{"SERVER.PING", "SERVER.PING.CONNZ", "SERVER.NTEST.KICK", "ACCOUNT.A.STATZ", "ACCOUNT.A.CONNS", "USER.A.INFO"} {
			m := msg("$SYS.REQ."+subj, "nobody", body)
			m.Set("Nats-Request-Info", header)
			require.True(t, h.asker.Publish(m), fmt.Sprint(subj))
		}
	})
}

// The users of other accounts ask through imports that every account has.
func TestRequestsThroughImports(t *testing.T) {
	h := began(t, never())
	h.count("A", 2)
	h.accounts.Put(account.Spec{Name: "$SYS", Limits: account.Unlimited(), Exports: account.SystemExports()})
	h.accounts.Put(account.Spec{Name: "A", Limits: account.Unlimited(), Imports: account.SystemImports("$SYS", "A")})
	h.accounts.Put(account.Spec{Name: "B", Limits: account.Unlimited(), Imports: account.SystemImports("$SYS", "B")})
	h.asker.Close()
	h.asker = h.into("A")
	for subj, want := range map[string]string{
		"$SYS.REQ.ACCOUNT.PING.CONNZ": `"num_connections":2,"total":2`,
		"$SYS.REQ.SERVER.PING.CONNZ":  `"num_connections":2,"total":2`,
		"$SYS.REQ.ACCOUNT.PING.STATZ": `"account_statz":[{"acc":"A",`,
		"$SYS.REQ.USER.INFO":          `"error":{"code":400}`, // a port is no user
	} {
		require.Contains(t, h.ask(subj, ""), want, subj)
	}
	for _, none := range []string{"$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.B.CONNZ", "$SYS.REQ.SERVER.NTEST.KICK"} {
		_, err := h.request(msg(none, "", ""), lab.Patience)
		require.ErrorIs(t, err, port.ErrNoResponders, none)
	}
}

// An account that asks as fast as it can holds up neither the users of another one nor the operator.
func TestAFloodOfOneAccountHoldsUpNobody(t *testing.T) {
	h := began(t, never())
	h.accounts.Put(account.Spec{Name: "$SYS", Limits: account.Unlimited(), Exports: account.SystemExports()})
	h.accounts.Put(account.Spec{Name: "A", Limits: account.Unlimited(), Imports: account.SystemImports("$SYS", "A")})
	h.accounts.Put(account.Spec{Name: "B", Limits: account.Unlimited(), Imports: account.SystemImports("$SYS", "B")})
	a, b, gate := h.into("A"), h.into("B"), make(chan struct{})
	defer a.Close()
	defer b.Close()
	began := make(chan struct{}, 1<<16)
	h.connz = func(*status.ConnzOptions) { began <- struct{}{}; <-gate }
	defer close(gate)
	answers := h.listen(b, "answer")
	n := 0
	for ; a.Publish(msg("$SYS.REQ.SERVER.PING.CONNZ", "nobody", "{}")); n++ {
	}
	require.Greater(t, n, 100)
	require.False(t, a.Publish(msg("$SYS.REQ.USER.INFO", "nobody", "")))
	require.True(t, b.Publish(msg("$SYS.REQ.USER.INFO", "answer", "")), "it is heard")
	require.True(t, h.asker.Publish(msg("$SYS.REQ.ACCOUNT.A.INFO", "answer", "")), "so is the operator")
	h.ask("$SYS.REQ.SERVER.PING.VARZ", "")
	h.ask("$SYS.REQ.SERVER.NTEST.KICK", `{"cid":7}`)
	require.Empty(t, answers)
	<-began
	gate <- struct{}{}
	<-began // it is not the next of the flood alone
	gate <- struct{}{}
	require.Contains(t, string(next(t, answers).Data), `"error":{"code":400}`)
}
