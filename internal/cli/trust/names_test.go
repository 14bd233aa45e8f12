package trust

import (
	"os"
	"strconv"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

// refused runs a command line that must be a misuse.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	_, _, err := ask(t, "", args...)
	require.ErrorContains(t, err, want, args)
	require.ErrorAs(t, err, &misuse{}, args)
}

func TestNamesAreOfLettersAndDigits(t *testing.T) {
	home(t)
	refused(t, "cannot be the name of an operator", "init", "a b")
	succeed(t, "init ACME")
	for _, name := range []string{"a b", "a'b", "a;b", "$a", "a\u202eb", "a\xff", "-a", "a-", ".a", "a.", "", "a\tb", "a\nb", "a/b"} {
		if name != "" && name[0] == '-' {
			continue // a flag
		}
		refused(t, "cannot be the name of an account", "account", "add", name)
		refused(t, "cannot be the name of a user", "user", "add", name)
		refused(t, "cannot be the name of an account", "init", "X", "--account", name)
		refused(t, "cannot be the name of a user", "init", "X", "--user", name)
		if name != "" {
			refused(t, "cannot be the name of a role", "account", "edit", "APP", "--role", name)
		}
	}
	for _, name := range []string{"a", "Z_9", "a-b.c", "Übersee", "帳戶"} {
		succeed(t, "account add "+name)
		succeed(t, "user add "+name+" --account "+name)
	}
}

// Other tools allow more; what they made is good to work with, and hints can be pasted to a shell.
func TestNamesOfOtherToolsAreQuoted(t *testing.T) {
	home(t)
	foreign(t, "nats://127.0.0.1:4222")
	base := "data/nats/nsc/stores/O/accounts/"
	require.NoError(t, os.Rename(base+"A/A.jwt", base+"A/a b.jwt"))
	require.NoError(t, os.Rename(base+"A", base+"a b"))
	_, told, err := ask(t, "", "export", "add", "--account", "a b", "--subject", "x")
	require.NoError(t, err)
	require.Contains(t, told, "barid trust push --account 'a b'")
	_, _, err = ask(t, "", "user", "add", "U", "--account", "a b")
	require.ErrorContains(t, err, "barid trust user edit U --account 'a b'")
}

func TestSelectSaysWhatIsSelected(t *testing.T) {
	home(t)
	succeed(t, "init ACME")
	_, told := succeed(t, "operator select ACME --account APP")
	require.Equal(t, "operator ACME is selected, and its account APP\n", told)
	_, told = succeed(t, "operator select ACME")
	require.Equal(t, "operator ACME is selected, and no account of it; name one with --account\n", told)
}

func TestNumbersBelowMinusOneAreRefused(t *testing.T) {
	home(t)
	succeed(t, "init ACME")
	const account, user = "account edit APP", "user edit app"
	for flag, line := range map[string]string{
		"conns": account, "leaf-conns": account, "account-subs": account, "account-payload": account, "account-data": account,
		"imports": account, "exports": account, "js-memory": account, "js-disk": account, "js-streams": account, "js-consumers": account,
		"subs": user, "payload": user, "data": user, "allow-responses": user,
	} {
		for _, bad := range []string{"-2", "-9223372036854775808", "9223372036854775808", "many", ""} {
			misunderstood(t, line+" --"+flag+"="+bad, "a number from 0, or -1 for any number")
		}
		for _, ok := range []int{-1, 0, 7} {
			succeed(t, line+" --"+flag+"="+strconv.Itoa(ok))
		}
	}
	c, err := jwt.DecodeAccountClaims(read(t, "data/nats/nsc/stores/ACME/accounts/APP/APP.jwt"))
	require.NoError(t, err)
	require.Equal(t, int64(7), c.Limits.Conn)
	succeed(t, "account add PLAIN")
	c, err = jwt.DecodeAccountClaims(read(t, "data/nats/nsc/stores/ACME/accounts/PLAIN/PLAIN.jwt"))
	require.NoError(t, err)
	none := jwt.NewAccountClaims("A").Limits
	none.JetStreamTieredLimits = nil // as it is when it was read
	require.Equal(t, none, c.Limits, "limits of which nothing is said")
	fail(t, "export add --subject a --service --response-threshold -1s", "negative")
	fail(t, "export add --subject a --service --latency l --sampling -1", "sampling")
	misunderstood(t, "export add --subject a --account-token-position -1", "invalid argument")
}

func TestImportsAreOfOthersAndMatchAnExport(t *testing.T) {
	home(t)
	succeed(t, "init ACME")
	succeed(t, "account add SVC")
	succeed(t, "export add --account SVC --subject news.>")
	succeed(t, "export add --account APP --subject mine")
	misunderstood(t, "import add --account APP --from APP --subject mine --local-subject x", "cannot import from itself")
	misunderstood(t, "activate --account APP --subject mine --target APP", "cannot import from itself")
	_, told := succeed(t, "import add --account APP --from SVC --subject news.sport")
	require.NotContains(t, told, "warning")
	_, told = succeed(t, "import add --account APP --from SVC --subject olds")
	require.Contains(t, told, `warning: account SVC exports no stream that contains "olds" yet; it exports: stream "news.>"`)
	_, told = succeed(t, "import add --account APP --from SVC --service --subject news.ask")
	require.Contains(t, told, `warning: account SVC exports no service that contains "news.ask" yet`)
	pair, err := nkeys.CreateAccount()
	require.NoError(t, err)
	elsewhere, err := pair.PublicKey()
	require.NoError(t, err)
	_, told = succeed(t, "import add --account APP --from "+elsewhere+" --subject who.knows")
	require.NotContains(t, told, "warning")
}
