package test_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
	"github.com/baridmq/barid/server/status"
	"github.com/baridmq/barid/test"
)

// gate is a server that a configuration file tells who may enter. Its log is kept with debug and
// trace lines. When the test ends, neither the log nor a page of monitoring may have shown a secret.
type gate struct {
	*server.Server
	t   *testing.T
	log *journal

	mu      sync.Mutex
	secrets []string
}

// guarded starts a gate. The configuration does not say where to listen.
func guarded(t *testing.T, conf string, secrets ...string) *gate {
	t.Helper()
	file := filepath.Join(t.TempDir(), "barid.conf")
	require.NoError(t, os.WriteFile(file, []byte(conf), 0o600))
	g := &gate{t: t, log: &journal{}, secrets: secrets}
	g.Server, _ = test.RunServerWithConfigOverrides(file, func(opts *server.Options) {
		opts.Host, opts.Port = "127.0.0.1", -1
		opts.HTTPHost, opts.HTTPPort = "127.0.0.1", -1
		opts.DisableShortFirstPing = true
		if opts.AuthTimeout == 0 {
			opts.AuthTimeout = soon.Seconds() // however busy the machine is
		}
	}, func(s *server.Server) { s.SetLogger(g.log, true, true) })
	t.Cleanup(g.keepsSecrets)
	return g
}

// secret notes a secret that came up only now.
func (g *gate) secret(text string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.secrets = append(g.secrets, text)
	return text
}

// keepsSecrets ends the server and fails the test if it has shown a secret anywhere.
func (g *gate) keepsSecrets() {
	shown := map[string]string{}
	for _, path := range []string{"/connz?state=any&auth=1&subs=detail", "/connz?state=closed&auth=1", "/varz"} {
		_, _, shown[path] = page(g.t, monitor(g.Server), path)
	}
	g.Shutdown()
	for _, secret := range g.secrets {
		require.Empty(g.t, g.log.having(secret), "log lines with the secret %q", secret)
		for path, text := range shown {
			require.NotContains(g.t, text, secret, path)
		}
	}
	require.Empty(g.t, g.log.having("Internal error"))
}

// logs waits for a line of the log that contains all the parts.
func (g *gate) logs(parts ...string) {
	g.t.Helper()
	eventually(g.t, func() bool {
		for _, line := range g.log.having(parts[0]) {
			if !strings.ContainsFunc(line, func(r rune) bool { return r == '\n' }) && containsAll(line, parts) {
				return true
			}
		}
		return false
	}, "no log line with %q", parts)
}

func containsAll(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}

// tells plays the steps of a story, whose reasons are those of /connz?state=closed.
func (g *gate) tells(steps string) {
	g.t.Helper()
	g.tellsOver(dialer(g.Server), steps)
}

func (g *gate) tellsOver(dial func() (net.Conn, error), steps string) {
	g.t.Helper()
	require.NoError(g.t, parsed(g.t, steps).Tell(lab.Target{Dial: dial, Reason: lab.ClosedReasons(monitor(g.Server))}))
}

func parsed(t *testing.T, steps string) *lab.Story {
	t.Helper()
	story, err := lab.Parse(t.Name(), "title: a login\npeer: 2.9\n\n"+steps)
	require.NoError(t, err)
	return story
}

// told plays the steps like the stories of testdata: over TCP, in pieces, and in process, each time to a
// gate of its own with that configuration; and to the peer, which has to answer the same.
func told(t *testing.T, conf, steps string, secrets ...string) {
	story := parsed(t, steps)
	for name, target := range map[string]func(*gate) lab.Target{
		"tcp":           func(g *gate) lab.Target { return lab.Target{Dial: dialer(g.Server)} },
		"tcp in pieces": func(g *gate) lab.Target { return lab.Target{Dial: dialer(g.Server), Drip: true} },
		"in process":    func(g *gate) lab.Target { return lab.Target{Dial: g.InProcessConn} },
	} {
		t.Run(name, func(t *testing.T) {
			g := guarded(t, conf, secrets...)
			to := target(g)
			to.Reason = lab.ClosedReasons(monitor(g.Server))
			require.NoError(t, story.Tell(to))
		})
	}
	t.Run("peer", func(t *testing.T) {
		// Before the one option that it is given, the rest of its configuration.
		peer := lab.StartPeer(t, map[string]string{conf + "\nserver_name": "peer"})
		require.NoError(t, story.Tell(peer.Target()))
	})
}

// entered is what Connz shows of a connection, open or closed.
func (g *gate) entered(cid uint64, state server.ConnState) *server.ConnInfo {
	g.t.Helper()
	page, err := g.Connz(&server.ConnzOptions{State: state, Username: true, Limit: 10_000})
	require.NoError(g.t, err)
	for _, c := range page.Conns {
		if c.Cid == cid {
			return c
		}
	}
	return nil
}

// ended waits until Connz tells why the connection was closed.
func (g *gate) ended(cid uint64) (reason string) {
	g.t.Helper()
	eventually(g.t, func() bool {
		c := g.entered(cid, status.ConnClosed)
		if c != nil {
			reason = c.Reason
		}
		return c != nil
	}, "connection %d was not closed", cid)
	return reason
}

// lastClosed is why the connection with the highest id among the closed ones was closed.
func (g *gate) lastClosed(after uint64) (*server.ConnInfo, uint64) {
	g.t.Helper()
	var last *server.ConnInfo
	eventually(g.t, func() bool {
		page, err := g.Connz(&server.ConnzOptions{State: status.ConnClosed, Username: true, Limit: 10_000})
		require.NoError(g.t, err)
		for _, c := range page.Conns {
			if c.Cid > after && (last == nil || c.Cid > last.Cid) {
				last = c
			}
		}
		return last != nil
	}, "no connection was closed")
	return last, last.Cid
}

// wire is a raw connection to a gate. The INFO was read.
type wire struct {
	*gate
	conn net.Conn
	from *bufio.Reader
	info struct {
		CID   uint64 `json:"client_id"`
		Nonce string `json:"nonce"`
		Auth  bool   `json:"auth_required"`
	}
}

func (g *gate) wire() *wire {
	g.t.Helper()
	conn, err := dialer(g.Server)()
	require.NoError(g.t, err)
	g.t.Cleanup(func() { _ = conn.Close() })
	w := &wire{gate: g, conn: conn, from: bufio.NewReader(conn)}
	require.NoError(g.t, conn.SetDeadline(time.Now().Add(soon)))
	object, isInfo := strings.CutPrefix(w.hear(), "INFO ")
	require.True(g.t, isInfo)
	require.NoError(g.t, json.Unmarshal([]byte(object), &w.info))
	return w
}

// say sends a line.
func (w *wire) say(format string, v ...any) {
	w.t.Helper()
	_, err := fmt.Fprintf(w.conn, format+"\r\n", v...)
	require.NoError(w.t, err)
}

// hear returns the next line.
func (w *wire) hear() string {
	w.t.Helper()
	line, err := w.from.ReadString('\n')
	require.NoError(w.t, err)
	text, whole := strings.CutSuffix(line, "\r\n")
	require.True(w.t, whole, "line %q", line)
	return text
}

// enters sends CONNECT and expects to be let in.
func (w *wire) enters(fields string) *wire {
	w.t.Helper()
	w.say(`CONNECT {"verbose":false,"pedantic":false,%s}`, fields)
	w.say("PING")
	require.Equal(w.t, "PONG", w.hear())
	return w
}

// refused sends CONNECT and expects to be turned away, for that reason.
func (w *wire) refused(fields, reason string) {
	w.t.Helper()
	w.say(`CONNECT {"verbose":false,"pedantic":false,%s}`, fields)
	w.turnedAway("Authorization Violation", reason)
}

// turnedAway expects -ERR and nothing else before the end.
func (w *wire) turnedAway(text, reason string) {
	w.t.Helper()
	rest, err := io.ReadAll(w.from)
	require.NoError(w.t, err)
	require.Equal(w.t, "-ERR '"+text+"'\r\n", string(rest))
	require.NoError(w.t, w.conn.Close())
	require.Equal(w.t, reason, w.ended(w.info.CID))
}

// hashed is the bcrypt hash of a secret in the given version, which is as cheap as may be.
func hashed(t testing.TB, version, secret string) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	require.NoError(t, err)
	return "$" + version + strings.TrimPrefix(string(hash), "$2a")
}

// attempt is somebody who tries to enter with the client library.
type attempt struct {
	name    string
	options []nats.Option
	user    string // as the log shows it, with the account; empty for one who is refused
	shown   string // as Connz shows it
	said    string // of the refused, in the log
}

// tries lets each of them try, and looks at what everybody gets to know of it.
func (g *gate) tries(attempts ...attempt) {
	last := uint64(0)
	for _, a := range attempts {
		nc, err := nats.Connect(g.ClientURL(), append(a.options, nats.Name("nc-"+a.name), nats.Timeout(soon))...)
		if a.user == "" {
			require.ErrorIs(g.t, err, nats.ErrAuthorization, a.name)
			var ended *server.ConnInfo
			ended, last = g.lastClosed(last)
			require.Equal(g.t, "Authentication Failure", ended.Reason, a.name)
			require.Empty(g.t, ended.AuthorizedUser, a.name)
			g.logs("ERR ", fmt.Sprintf("cid:%d - authentication error%s", last, a.said))
			continue
		}
		require.NoError(g.t, err, a.name)
		cid, err := nc.GetClientID()
		require.NoError(g.t, err)
		info := g.entered(cid, status.ConnOpen)
		require.NotNil(g.t, info, a.name)
		require.Equal(g.t, a.shown, info.AuthorizedUser, a.name)
		account, _, _ := strings.Cut(a.user, "/")
		require.Equal(g.t, strings.TrimPrefix(account, "$G"), info.Account, a.name)
		nc.Close()
		require.Equal(g.t, "Client Closed", g.ended(cid))
		g.logs("DBG ", fmt.Sprintf("cid:%d - ", cid), ":nc-"+a.name, fmt.Sprintf(" - %q - ", a.user), "connection closed")
		last = max(last, cid)
	}
}

// Where nobody has to say who he is, everybody belongs to $G, whatever he says.
func TestEntryWithoutLogin(t *testing.T) {
	t.Parallel()
	g := guarded(t, "", "the-password", "the-token")
	require.False(t, g.wire().info.Auth)
	for _, options := range [][]nats.Option{
		nil, {nats.UserInfo("ann", "the-password")}, {nats.Token("the-token")},
	} {
		nc := connect(t, g.Server, options...)
		cid, err := nc.GetClientID()
		require.NoError(t, err)
		require.Empty(t, g.entered(cid, status.ConnOpen).AuthorizedUser)
	}
}

func TestEntryByToken(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]string{
		"as it is": "the-token", "hashed": hashed(t, "2a", "the-token"), "hashed by PHP": hashed(t, "2y", "the-token"),
	} {
		t.Run(name, func(t *testing.T) {
			g := guarded(t, fmt.Sprintf("authorization { token: %q }", written), written, "the-token", "the-guess")
			require.True(t, g.wire().info.Auth)
			guesses := []attempt{
				{name: "right", options: []nats.Option{nats.Token("the-token")}, user: "$G/token", shown: "[REDACTED]"},
				{name: "again", options: []nats.Option{nats.Token("the-token")}, user: "$G/token", shown: "[REDACTED]"},
				{name: "wrong", options: []nats.Option{nats.Token("the-guess")}, said: ` - Token "[REDACTED]"`},
				{name: "longer", options: []nats.Option{nats.Token("the-token!")}, said: ` - Token "[REDACTED]"`},
				{name: "shorter", options: []nats.Option{nats.Token("the-toke")}, said: ` - Token "[REDACTED]"`},
				{name: "none"},
				{name: "as password", options: []nats.Option{nats.UserInfo("", "the-token")}},
				{name: "user", options: []nats.Option{nats.UserInfo("ann", "the-guess")}, said: ` - User "ann"`},
			}
			if written != "the-token" {
				guesses = append(guesses, attempt{name: "the hash itself", options: []nats.Option{nats.Token(written)}, said: ` - Token "[REDACTED]"`})
			}
			g.tries(guesses...)
		})
	}
}

func TestEntryByUserAndPassword(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]string{
		"as it is": "the-password", "hashed": hashed(t, "2a", "the-password"),
		"hashed by OpenBSD": hashed(t, "2b", "the-password"), "hashed by PHP": hashed(t, "2y", "the-password"),
	} {
		t.Run(name, func(t *testing.T) {
			confs := []string{fmt.Sprintf("authorization { users: [ {user: bob, password: other-password}, {user: ann, password: %q} ] }", written)}
			if strings.HasPrefix(name, "as it") || name == "hashed" {
				confs = append(confs, fmt.Sprintf("authorization { user: ann, password: %q }", written))
			}
			for _, conf := range confs {
				g := guarded(t, conf, written, "the-password", "other-password", "the-guess")
				require.True(t, g.wire().info.Auth)
				g.tries(
					attempt{name: "right", options: []nats.Option{nats.UserInfo("ann", "the-password")}, user: "$G/user:ann", shown: "ann"},
					attempt{name: "again", options: []nats.Option{nats.UserInfo("ann", "the-password")}, user: "$G/user:ann", shown: "ann"},
					attempt{name: "wrong", options: []nats.Option{nats.UserInfo("ann", "the-guess")}, said: ` - User "ann"`},
					attempt{name: "no password", options: []nats.Option{nats.UserInfo("ann", "")}, said: ` - User "ann"`},
					attempt{name: "no user", options: []nats.Option{nats.UserInfo("", "the-password")}},
					attempt{name: "nobody", options: []nats.Option{nats.UserInfo("eve", "the-password")}, said: ` - User "eve"`},
					attempt{name: "case matters", options: []nats.Option{nats.UserInfo("Ann", "the-password")}, said: ` - User "Ann"`},
					attempt{name: "nothing"},
					attempt{name: "token", options: []nats.Option{nats.Token("the-password")}, said: ` - Token "[REDACTED]"`},
				)
			}
		})
	}
}

// A user without a password enters without one, and an empty list of users lets nobody in.
func TestEntryWithoutPassword(t *testing.T) {
	t.Parallel()
	g := guarded(t, "authorization { users: [ {user: ann} ] }", "the-guess")
	g.tries(
		attempt{name: "right", options: []nats.Option{nats.UserInfo("ann", "")}, user: "$G/user:ann", shown: "ann"},
		attempt{name: "wrong", options: []nats.Option{nats.UserInfo("ann", "the-guess")}, said: ` - User "ann"`},
		attempt{name: "nothing"},
	)
	closed := guarded(t, "authorization { users: [] }")
	require.True(t, closed.wire().info.Auth)
	closed.tries(attempt{name: "user", options: []nats.Option{nats.UserInfo("ann", "")}, said: ` - User "ann"`}, attempt{name: "nothing"})
}

// What a refused connection reads, to the byte, and what of its end is remembered.
func TestRefusalOnTheWire(t *testing.T) {
	t.Parallel()
	told(t, `authorization { users: [ {user: ann, password: the-password} ] }`, `
wrong connects with {"user":"ann","pass":"the-guess"}
wrong < -ERR 'Authorization Violation'
wrong closed: Authentication Failure
unknown connects with {"user":"eve","pass":"the-password"}
unknown < -ERR 'Authorization Violation'
unknown closed: Authentication Failure
empty connects with {}
empty < -ERR 'Authorization Violation'
empty closed: Authentication Failure
# Nothing is answered that came with it.
eager connects
eager > CONNECT {"user":"ann","pass":"the-guess"}
eager > PING
eager > SUB a 1
eager > PUB a 2
eager > hi
eager < -ERR 'Authorization Violation'
eager closed: Authentication Failure
# Who does not begin with CONNECT is refused at its first byte.
ping connects
ping > P\
ping < -ERR 'Authorization Violation'
ping closed: Authentication Failure
publish connects
publish > PUB a 0
publish >
publish < -ERR 'Authorization Violation'
publish closed: Authentication Failure
blank connects
blank >
blank < -ERR 'Authorization Violation'
blank closed: Authentication Failure
verb connects
verb > CLOSE
verb < -ERR 'Unknown Protocol Operation'
verb closed: Protocol Violation
json connects
json > CONNECT {"user":"ann","pass":"the-password"
json closed: Protocol Violation
# Keys of a former protocol, from one who may enter.
account connects with {"user":"ann","pass":"the-password","account":"A"}
account < -ERR 'Authorization Violation'
account closed: Authentication Failure
new connects with {"user":"ann","pass":"the-password","new_account":true}
new < -ERR 'Authorization Violation'
new closed: Authentication Failure
verbose connects with {"user":"ann","pass":"the-password"}
verbose < +OK
verbose quiet
`, "the-password", "the-guess")
}

// What is said to somebody unknown is what is said to somebody with a wrong password, and so is what
// the log says of them, aside from the name.
func TestUnknownUserLooksLikeWrongPassword(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]string{"as it is": "the-password", "hashed": hashed(t, "2a", "the-password")} {
		t.Run(name, func(t *testing.T) {
			g := guarded(t, fmt.Sprintf("authorization { users: [ {user: ann, password: %q} ] }", written), "the-password", "the-guess", written)
			looks := func(user string) string {
				w := g.wire()
				w.refused(fmt.Sprintf(`"user":%q,"pass":"the-guess"`, user), "Authentication Failure")
				prefix := fmt.Sprintf("%s - cid:%d", w.conn.LocalAddr(), w.info.CID)
				g.logs(prefix, "connection closed")
				lines := strings.Join(g.log.having(prefix), "\n")
				return strings.NewReplacer(prefix, "PREFIX", user, "USER").Replace(lines)
			}
			require.Equal(t, looks("ann"), looks("eve"))
		})
	}
}

// What a client says of itself cannot make up lines of the log, nor secrets get there by way of an
// error.
func TestHostileCredentials(t *testing.T) {
	t.Parallel()
	g := guarded(t, `authorization { users: [ {user: ann, password: the-password} ] }`, "the-password", "the-guess")
	for _, fields := range []string{
		`"user":"eve\r\n[1] 2026/01/01 [INF] made up","pass":"the-guess"`,
		`"user":"ann","pass":"the-guess","PASS":"the-guess","passcode":"the-guess"`,
		`"user":"ann","pass":"the-guess\u0000the-password"`,
		`"user":"` + strings.Repeat("x", 3000) + `","pass":"the-guess"`,
		`"auth_token":"the-guess","AUTH_TOKEN":"the-guess","auth_token_2":["the-guess"]`,
		`"proxy_sig":"the-guess","sig":"the-guess","nkey":"no-such-key"`,
	} {
		g.wire().refused(fields, "Authentication Failure")
	}
	for _, fields := range []string{`"user":"ann","pass":["the-guess"]`, `"user":{"the-guess":1}`, `"pass":"the-guess`, `"pass":"the-guess",}`} {
		w := g.wire()
		w.say("CONNECT {%s}", fields)
		rest, err := io.ReadAll(w.from)
		require.NoError(t, err)
		require.Empty(t, rest)
		require.NoError(t, w.conn.Close())
		require.Equal(t, "Protocol Violation", g.ended(w.info.CID))
	}
	for _, line := range g.log.having("made up") {
		require.NotContains(t, line, "\n")
	}
}
