package profile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMerge(t *testing.T) {
	user := func(u, p string) Profile { return Profile{User: u, Password: p} }
	for _, c := range []struct {
		name                string
		flags, env, context Profile
		want                Profile
	}{
		{"nothing", Profile{}, Profile{}, Profile{}, Profile{URL: "nats://127.0.0.1:4222"}},
		{"flags first", Profile{URL: "f", CA: "f", InboxPrefix: "f"}, Profile{URL: "e", CA: "e"}, Profile{URL: "c", CA: "c", InboxPrefix: "c"},
			Profile{URL: "f", CA: "f", InboxPrefix: "f"}},
		{"environment before context", Profile{}, Profile{URL: "e"}, Profile{URL: "c", CA: "c", InboxPrefix: "c", TLSFirst: true},
			Profile{URL: "e", CA: "c", InboxPrefix: "c", TLSFirst: true}},
		{"a certificate and its key", Profile{Cert: "f", Key: "f"}, Profile{Cert: "e", Key: "e"}, Profile{},
			Profile{URL: "nats://127.0.0.1:4222", Cert: "f", Key: "f"}},
		{"password of the environment", user("f", ""), user("", "e"), user("c", "c"),
			Profile{URL: "nats://127.0.0.1:4222", User: "f", Password: "e", way: byPassword}},
		{"no password of another", user("f", ""), Profile{}, user("c", "c"),
			Profile{URL: "nats://127.0.0.1:4222", User: "f", Token: "f", way: byToken}},
		{"password for the context's user", user("", "f"), Profile{}, user("c", "c"),
			Profile{URL: "nats://127.0.0.1:4222", User: "c", Password: "f", way: byPassword}},
		{"a user of a context without password", Profile{}, Profile{}, user("c", ""),
			Profile{URL: "nats://127.0.0.1:4222", User: "c", way: byPassword}},
		{"another way", Profile{Token: "f"}, Profile{}, user("c", "c"),
			Profile{URL: "nats://127.0.0.1:4222", Token: "f", User: "c", Password: "c", way: byToken}},
	} {
		got, err := Merge(c.flags, c.env, c.context)
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, got, c.name)
	}
	for _, p := range []Profile{{Token: "x", User: "x"}, {Creds: "x", NKey: "x"}, {UserJWT: "x", Password: "x"}, {Cert: "x"}, {Key: "x"}} {
		for _, all := range [][3]Profile{{p}, {{}, p}, {{}, {}, p}} {
			_, err := Merge(all[0], all[1], all[2])
			require.Error(t, err)
		}
	}
	_, err := Merge(Profile{Cert: "f"}, Profile{}, Profile{Key: "c"})
	require.Error(t, err, "a certificate with the key of another")
}

func TestHosts(t *testing.T) {
	for list, want := range map[string]string{
		"h":                               "nats://h",
		"u:p@h:1, tls://t@g:2":            "nats://h:1,tls://g:2",
		"ws://[::1]:8080/path?secret=yes": "ws://[::1]:8080",
	} {
		got, err := Hosts(list)
		require.NoError(t, err, list)
		require.Equal(t, want, got)
	}
	for _, list := range []string{"", "h,", "nats://u:s3#cret@h", "nats://u:s3 cret%@h", "nats://"} {
		_, err := Hosts(list)
		require.Error(t, err, list)
		require.NotContains(t, err.Error(), "s3")
	}
}

func TestContextFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("HOME", dir)
	names, selected, err := Names()
	require.NoError(t, err, "no folder is no error")
	require.Empty(t, names)
	require.Empty(t, selected)

	dir = filepath.Join(dir, ".config", "nats")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "context"), 0o700))
	for name, text := range map[string]string{
		"good":    `{"creds": "~/x.creds", "ca": "/abs/ca.pem", "unknown": [1], "jetstream_domain": "hub"}`,
		"proxy":   `{"socks_proxy": "s3cret"}`,
		"nsc":     `{"nsc": "nsc://s3cret"}`,
		"windows": `{"windows_cert_store": "user"}`,
		"vault":   `{"creds": "op://s3cret"}`,
		"seed":    `{"user_seed": "s3cret"}`,
		"type":    `{"password": {"s3cret": 1}}`,
		"syntax":  `{"password": "s3cret`,
		"text":    `s3cret`,
		"empty":   ``,
		"long":    `{"description": "` + strings.Repeat("x", maxProfile) + `"}`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "context", name+".json"), []byte(text), 0o600))
	}
	names, _, err = Names()
	require.NoError(t, err)
	require.Len(t, names, 11)
	for _, name := range append(names, "none", "", ".", "..", "../context", `a\b`, "good/../good") {
		p, err := Named(name)
		if name == "good" {
			require.NoError(t, err)
			require.Equal(t, filepath.Join(os.Getenv("HOME"), "x.creds"), p.Creds)
			require.Equal(t, "/abs/ca.pem", p.CA)
			continue
		}
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "s3cret")
		require.Error(t, Select(name))
	}
	require.NoError(t, Select("good"))
	_, selected, err = Names()
	require.NoError(t, err)
	require.Equal(t, "good", selected)
}
