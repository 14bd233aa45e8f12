package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

// seeded makes an nkey of a user and a file with its seed.
func seeded(t *testing.T) (public, seed, file string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err = pair.PublicKey()
	require.NoError(t, err)
	secret, err := pair.Seed()
	require.NoError(t, err)
	return public, string(secret), write(t, "user.nk", string(secret))
}

func TestLogins(t *testing.T) {
	public, _, seedFile := seeded(t)
	_, _, otherSeed := seeded(t)
	users := serve(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "s3cret"}}
		o.Nkeys = []*server.NkeyUser{{Nkey: public}}
	}).ClientURL()
	token := serve(t, func(o *server.Options) { o.Authorization = "t0ken" }).ClientURL()
	for _, c := range []struct {
		server string
		flags  string
		env    string
		want   string // error
	}{
		{users, "--user u --password s3cret", "", ""},
		{users, "--user u", "NATS_PASSWORD=s3cret", ""},
		{users, "", "NATS_USER=u NATS_PASSWORD=s3cret", ""},
		{users, "--user u --password s3cret", "NATS_TOKEN=x NATS_NKEY=none", ""}, // the flags count
		{users, "--nkey " + seedFile, "NATS_USER=u", ""},
		{users, "", "NATS_NKEY=" + seedFile, ""},
		{strings.Replace(users, "//", "//u:s3cret@", 1), "", "", ""},
		{users, "", "", "uthorization violation"},
		{users, "--user u --password wrong-s3cret", "", "uthorization violation"},
		{users, "--nkey " + otherSeed, "", "uthorization violation"},
		{users, "--nkey no-file", "", "nkey file no-file: "},
		{users, "--creds no-file", "", "no-file: no such file"},
		{users, "--token s3cret --nkey x", "", "more than one login is given"},
		{users, "", "NATS_TOKEN=s3cret NATS_USER=u", "more than one login is given"},
		{users, "--context none", "", `there is no context "none"`},
		{users, "--tlscert x", "", "a TLS certificate needs its key"},
		{"nats://u:s3#cret@127.0.0.1:1", "", "", "the server URL is not valid"},
		{"nats://u:s3cret@127.0.0.1:1", "", "", "cannot connect to nats://127.0.0.1:1: "},
		{token, "--token t0ken", "", ""},
		{token, "--user t0ken", "", ""}, // a user without a password
		{token, "", "NATS_TOKEN=t0ken", ""},
		{token, "--token s3cret", "", "uthorization violation"},
	} {
		t.Run("", func(t *testing.T) {
			for v := range strings.FieldsSeq(c.env) {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value)
			}
			args := append([]string{"pub", "-s", c.server, "a", "b"}, strings.Fields(c.flags)...)
			status, _, stderr := ask(t, "", args...)
			require.Equal(t, c.want != "", status == 1, "%s: %s", c.flags, stderr)
			require.Contains(t, strings.ToLower(stderr), strings.ToLower(c.want))
			for _, secret := range []string{"s3cret", "t0ken", "s3#cret"} {
				require.NotContains(t, stderr, secret)
			}
		})
	}
}

// handshake plays a server up to CONNECT and returns what was said there.
func handshake(t *testing.T) (url string, said <-chan map[string]any) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	told := make(chan map[string]any, 1)
	go func() {
		defer close(told)
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(lab.Patience))
		fmt.Fprint(nc, `INFO {"server_id":"x","version":"2.12.0","max_payload":1000,"auth_required":true,"nonce":"bm9uY2U","headers":true}`+"\r\n")
		in := bufio.NewScanner(nc)
		for in.Scan() {
			if text, ok := strings.CutPrefix(in.Text(), "CONNECT "); ok {
				var connect map[string]any
				_ = json.Unmarshal([]byte(text), &connect)
				told <- connect
			}
			if in.Text() == "PING" {
				fmt.Fprint(nc, "PONG\r\n")
			}
		}
	}()
	return "nats://" + ln.Addr().String(), told
}

func TestCredentialsAreSent(t *testing.T) {
	_, seed, _ := seeded(t)
	creds := write(t, "user.creds", "-----BEGIN NATS USER JWT-----\na.jwt.here\n------END NATS USER JWT------\n\n"+
		"-----BEGIN USER NKEY SEED-----\n"+seed+"\n------END USER NKEY SEED------\n")
	dir := contexts(t, map[string]string{
		"creds":  `{"creds":"` + creds + `"}`,
		"jwt":    `{"user_jwt":"a.jwt.here","user_seed":"` + seed + `"}`,
		"bearer": `{"user_jwt":"a.jwt.here"}`,
	})
	for _, c := range []struct {
		args   []string
		signed bool
	}{
		{[]string{"--creds", creds}, true}, {[]string{"--context", "creds"}, true}, {[]string{"--context", "jwt"}, true},
		{[]string{"--context", "bearer"}, false},
	} {
		t.Setenv("XDG_CONFIG_HOME", dir)
		url, said := handshake(t)
		succeed(t, append([]string{"pub", "a", "b", "-s", url, "--connection-name", "me"}, c.args...)...)
		connect := <-said
		require.Equal(t, "a.jwt.here", connect["jwt"], c.args)
		require.Equal(t, "me", connect["name"])
		require.Equal(t, c.signed, connect["sig"] != nil && connect["sig"] != "", c.args)
	}
	url, said := handshake(t)
	succeed(t, "pub", "a", "b", "-s", url)
	require.Equal(t, "barid pub", (<-said)["name"])
}

func TestTLS(t *testing.T) {
	pair, cert, key := certificate(t)
	for _, first := range []bool{false, true} {
		s := serve(t, func(o *server.Options) {
			config, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: cert, KeyFile: key, CaFile: cert, Verify: true})
			require.NoError(t, err)
			o.TLSConfig, o.TLS, o.TLSVerify, o.TLSTimeout, o.TLSHandshakeFirst = config, true, true, 10, first
		})
		require.NotEmpty(t, pair.Certificate)
		args := []string{"pub", "a", "b", "-s", strings.Replace(s.ClientURL(), "nats:", "tls:", 1)}
		flags := []string{"--tlscert", cert, "--tlskey", key, "--tlsca", cert}
		if first {
			flags = append(flags, "--tlsfirst")
		}
		succeed(t, append(args, flags...)...)
		for _, less := range [][]string{nil, flags[4:], flags[:4]} {
			status, _, stderr := ask(t, "", append(append(args, "--timeout", "300ms"), less...)...)
			require.Equal(t, 1, status, less)
			require.Contains(t, stderr, "cannot connect to tls://", less)
		}
		t.Run("environment", func(t *testing.T) {
			t.Setenv("NATS_CERT", cert)
			t.Setenv("NATS_KEY", key)
			t.Setenv("NATS_CA", cert)
			succeed(t, append(args, flags[6:]...)...)
		})
	}
}

// contexts makes a folder of contexts, for XDG_CONFIG_HOME.
func contexts(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "nats", "context"), 0o700))
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "nats", "context", name+".json"), []byte(text), 0o600))
	}
	t.Setenv("XDG_CONFIG_HOME", dir)
	return dir
}

func TestContexts(t *testing.T) {
	url := serve(t, func(o *server.Options) { o.Username, o.Password = "u", "s3cret" }).ClientURL()
	t.Setenv("NATS_URL", "")
	dir := contexts(t, map[string]string{
		"good":  `{"description":"the good one","url":"` + url + `","user":"u","password":"s3cret","color_scheme":"red"}`,
		"wrong": `{"url":"nats://u:s3cret@127.0.0.1:1","token":"s3cret"}`,
		"socks": `{"url":"` + url + `","socks_proxy":"s3cret"}`,
		"bad":   `{"url": 5}`,
	})
	require.Equal(t, ""+
		"  bad                  context \"bad\" is not valid: url cannot be number\n"+
		"  good                 "+url+"  the good one\n"+
		"  socks                context \"socks\": barid cannot use its socks_proxy\n"+
		"  wrong                nats://127.0.0.1:1  \n", succeed(t, "context", "ls"))
	succeed(t, "pub", "a", "b", "--context", "good")
	status, _, stderr := ask(t, "", "pub", "a", "b", "--context", "wrong")
	require.Equal(t, 1, status)
	require.NotContains(t, stderr, "s3cret")

	// Flags and environment win over a context, logins as a whole.
	succeed(t, "pub", "a", "b", "--context", "wrong", "-s", url, "--user", "u", "--password", "s3cret")
	status, _, _ = ask(t, "", "pub", "a", "b", "--context", "good", "--user", "somebody")
	require.Equal(t, 1, status, "the password is for another user")
	t.Run("environment", func(t *testing.T) {
		t.Setenv("NATS_CONTEXT", "wrong")
		t.Setenv("NATS_URL", url)
		t.Setenv("NATS_USER", "u")
		t.Setenv("NATS_PASSWORD", "s3cret")
		succeed(t, "pub", "a", "b")
	})

	succeed(t, "context", "select", "good")
	text, err := os.ReadFile(filepath.Join(dir, "nats", "context.txt"))
	require.NoError(t, err)
	require.Equal(t, "good", string(text))
	succeed(t, "pub", "a", "b")
	require.Contains(t, succeed(t, "context", "ls", "--json"),
		`{"name":"good","description":"the good one","server":"`+url+`","selected":true}`+"\n")
	for _, name := range []string{"none", "socks", "../x", ".x", ""} {
		status, _, stderr = ask(t, "", "context", "select", name)
		require.Equal(t, 1, status, name)
		require.NotContains(t, stderr, "s3cret")
	}
	status, _, stderr = ask(t, "", "check", "connection", "--context", "none")
	require.Equal(t, 3, status)
	require.Equal(t, "barid: there is no context \"none\"\n", stderr)
}

func TestTimeout(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	require.NoError(t, err)
	defer ln.Close()
	t.Setenv("NATS_URL", ln.Addr().String())
	t.Setenv("NATS_TIMEOUT", "1h")
	status, _, stderr := ask(t, "", "pub", "a", "b", "--timeout", "50ms")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "i/o timeout")
	t.Setenv("NATS_TIMEOUT", "50ms")
	status, _, _ = ask(t, "", "pub", "a", "b")
	require.Equal(t, 1, status)
	t.Setenv("NATS_TIMEOUT", "soon")
	status, _, stderr = ask(t, "", "pub", "a", "b")
	require.Equal(t, 2, status)
	require.Contains(t, stderr, `NATS_TIMEOUT "soon" is no duration`)
}
