package proto

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// server is what the lines below have in common.
var server = ServerInfo{ID: "N1", Name: "one", Version: "2.12.0", Proto: 1, Go: "go1", Host: "h", Port: 4222, Headers: true}

// The keys of INFO in their order; what is false or empty is left out.
func TestInfoKeys(t *testing.T) {
	const (
		head  = `INFO {"server_id":"N1","server_name":"one","version":"2.12.0","proto":1,"go":"go1","host":"h","port":4222,"headers":true`
		conn  = `,"max_payload":-1,"client_id":7,"client_ip":"::1"`
		tail  = `,"api_lvl":0`
		nonce = "8uSVPkRDeq0C3QQ"
	)
	for _, c := range []struct {
		name   string
		change func(s *ServerInfo, c *ConnInfo)
		want   string
	}{
		{"plain", func(*ServerInfo, *ConnInfo) {}, head + conn + tail},
		{"authentication", func(s *ServerInfo, _ *ConnInfo) { s.Auth = true }, head + `,"auth_required":true` + conn + tail},
		{"TLS", func(s *ServerInfo, _ *ConnInfo) { s.TLSRequired = true }, head + `,"tls_required":true` + conn + tail},
		{"TLS with certificates", func(s *ServerInfo, _ *ConnInfo) { s.Auth, s.TLSRequired, s.TLSVerify = true, true, true },
			head + `,"auth_required":true,"tls_required":true,"tls_verify":true` + conn + tail},
		{"TLS at will", func(s *ServerInfo, _ *ConnInfo) { s.TLSVerify, s.TLSAvailable = true, true },
			head + `,"tls_verify":true,"tls_available":true` + conn + tail},
		{"nonce", func(_ *ServerInfo, c *ConnInfo) { c.Nonce = nonce }, head + conn + `,"nonce":"` + nonce + `"` + tail},
		{"account", func(_ *ServerInfo, c *ConnInfo) { c.Account = `a"b` },
			head + conn + `,"connect_info":true,"remote_account":"a\"b"` + tail},
		{"system account", func(_ *ServerInfo, c *ConnInfo) { c.Account, c.System = "$SYS", true },
			head + conn + `,"connect_info":true,"remote_account":"$SYS","acc_is_sys":true` + tail},
		{"system alone says nothing", func(_ *ServerInfo, c *ConnInfo) { c.System = true }, head + conn + tail},
		{"key", func(s *ServerInfo, _ *ConnInfo) { s.Rest = ServerInfoRest{APILevel: 5, XKey: "X1"} }, head + conn + `,"api_lvl":5,"xkey":"X1"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, conn := server, ConnInfo{MaxPayload: -1, ClientID: 7, ClientIP: "::1"}
			c.change(&s, &conn)
			require.Equal(t, c.want+"} \r\n", string(NewInfoLine(&s).Append(nil, &conn)))
		})
	}
}

// A line is made for many connections: what is particular to one does not show in another's.
func TestInfoLinesShareNothing(t *testing.T) {
	line := NewInfoLine(&server)
	first := line.Append(nil, &ConnInfo{ClientID: 1, ClientIP: "192.0.2.1", Nonce: "n", Account: "A", System: true})
	text := string(first)
	second := line.Append(nil, &ConnInfo{ClientID: 2, ClientIP: "192.0.2.2"})
	require.Equal(t, text, string(first))
	require.NotContains(t, string(second), `"nonce"`)
	require.NotContains(t, string(second), "192.0.2.1")
	require.Equal(t, "before"+string(second), string(line.Append([]byte("before"), &ConnInfo{ClientID: 2, ClientIP: "192.0.2.2"})))
}

// Whatever strange texts are configured or come from a proxy, INFO is one line of JSON.
func FuzzInfoLine(f *testing.F) {
	for _, s := range []string{"", "one", "a\"b\\c", "\r\nINFO {}", "\x00\xff", "</script>\u2028"} {
		f.Add(s, s, s)
	}
	f.Fuzz(func(t *testing.T, name, ip, account string) {
		s := server
		s.Name = name
		line := string(NewInfoLine(&s).Append(nil, &ConnInfo{ClientIP: ip, Account: account, Nonce: "n"}))
		body, ok := strings.CutPrefix(line, "INFO ")
		require.True(t, ok)
		body, ok = strings.CutSuffix(body, " \r\n")
		require.True(t, ok)
		require.NotContains(t, body, "\n")
		require.NotContains(t, body, "\r")
		require.True(t, json.Valid([]byte(body)), body)
	})
}

// What clients offer to enter by, and that a second CONNECT keeps what it does not mention.
func TestMergeOfCredentials(t *testing.T) {
	o := DefaultClientOptions()
	first, err := o.Merge([]byte(`{"user":"u","pass":"p","auth_token":"t","jwt":"j","nkey":"n","sig":"s","proxy_sig":"x","tls_required":true}`))
	require.NoError(t, err)
	want := DefaultClientOptions()
	want.User, want.Pass, want.Token, want.JWT, want.NKey, want.Sig, want.ProxySig, want.TLSRequired = "u", "p", "t", "j", "n", "s", "x", true
	require.Equal(t, want, *first)
	second, err := first.Merge([]byte(`{"pass":""}`))
	require.NoError(t, err)
	want.Pass = ""
	require.Equal(t, want, *second)
	for _, bad := range []string{"user", "pass", "auth_token", "jwt", "nkey", "sig", "proxy_sig"} {
		_, err := o.Merge(fmt.Appendf(nil, `{%q:5333}`, bad))
		require.Equal(t, ErrArguments, err, bad)
		require.NotContains(t, err.Error(), "5333", "a wrong type does not show the value")
	}
}
