package internal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The house rules of docs/architecture.md as data. Who finds a rule in the way asks first
// whether the code is one thing or two; then the code changes, or the table with its reason.

// floors says what the code of a folder may import of barid; its longest matching row counts.
// Entries cover the folders below them. Test files are free, as Go itself forbids circles.
var floors = []floor{
	{".", "server", "internal/cli"},
	{"server", "server/options", "server/status", "conf", "logger", "internal/core", "internal/bus", "internal/transport",
		"internal/trust", "internal/doors", "internal/links", "internal/streams", "internal/blocks", "internal/hosting",
		"internal/observe", "internal/config", "internal/tenancy"},
	{"server/options"},
	{"server/status"},
	{"conf"},
	{"logger"},
	{"test", "server", "conf", "logger"},
	{"scripts", "server", "conf", "logger", "test", "scripts"}, // tools outside the house: public packages only
	{"internal/lab", "server", "conf", "logger", "test", "internal"},
	{"internal/cli", "server", "conf", "logger", "internal/trust/claims", "internal/cli/profile", "internal/cli/trust"},
	{"internal/cli/trust", "internal/trust/claims", "internal/cli/profile", "internal/cli/trust/inspect", "internal/cli/trust/store",
		"internal/cli/trust/wire", "internal/cli/trust/flags"},
	{"internal/cli/trust/flags"},
	{"internal/cli/trust/inspect"},
	{"internal/cli/trust/store"},
	{"internal/cli/trust/wire"},
	{"internal/cli/profile"},

	{"internal/core/closed"},
	{"internal/core/guard"},
	{"internal/core/interest", "internal/core/subject", "internal/core/guard"},
	{"internal/core/meter"},
	{"internal/core/msg"},
	{"internal/core/outbox", "internal/core/guard", "internal/core/msg"},
	{"internal/core/proto", "internal/core/msg", "internal/core/closed"},
	{"internal/core/subject"},
	{"internal/core/task", "internal/core/guard"},

	{"internal/bus/perm", "internal/core", "logger"},
	{"internal/bus/account", "internal/core", "internal/bus/perm", "logger"},
	{"internal/bus/identity", "internal/core", "internal/bus/account", "internal/bus/perm", "logger"},
	{"internal/bus/fanout", "internal/core", "internal/bus/account", "logger"},
	{"internal/bus/port", "internal/core", "internal/bus/account", "internal/bus/fanout", "logger"},

	{"internal/transport/conn", "internal/core", "logger"},
	{"internal/transport/listen", "internal/core", "internal/transport/certs", "internal/transport/conn",
		"internal/transport/websocket", "logger"},
	{"internal/transport/websocket"},
	{"internal/transport/certs"},
	{"internal/transport/proxied"},
	{"internal/transport/httpd", "internal/core", "internal/transport/certs", "logger"},

	{"internal/trust/claims", "internal/core", "internal/bus", "logger"},
	{"internal/trust/accounts", "internal/core", "internal/bus", "internal/trust/claims", "logger"},
	{"internal/trust/resolver", "internal/core", "internal/bus", "internal/trust/claims", "logger"},
	{"internal/trust/auth", "internal/core", "internal/bus", "internal/trust/claims", "internal/trust/accounts", "logger"},
	{"internal/trust/callout", "internal/core", "internal/bus", "internal/trust/claims", "internal/trust/accounts", "logger"},
	{"internal/trust/oidc", "internal/core", "internal/bus", "logger"},

	{"internal/doors/client", "internal/core", "internal/bus", "internal/transport", "internal/doors/client/sids", "logger"},
	{"internal/doors/client/sids", "internal/bus/account"},
	{"internal/doors/mqtt", "internal/core", "internal/bus", "internal/transport", "logger"},

	{"internal/links/link", "internal/core", "internal/bus", "internal/transport", "logger"},
	{"internal/links/route", "internal/core", "internal/bus", "internal/transport", "internal/links/link", "logger"},
	{"internal/links/leaf", "internal/core", "internal/bus", "internal/transport", "internal/links/link", "logger"},
	{"internal/links/gateway", "internal/core", "internal/bus", "internal/transport", "internal/links/link", "logger"},

	{"internal/streams/store", "internal/core", "internal/bus", "logger"},
	{"internal/streams/consensus", "internal/core", "internal/bus", "internal/streams/store", "logger"},
	{"internal/streams/stream", "internal/core", "internal/bus", "internal/streams/store", "internal/streams/consensus", "logger"},
	{"internal/streams/consumer", "internal/core", "internal/bus", "internal/streams/stream", "logger"},
	{"internal/streams/api", "internal/core", "internal/bus", "internal/streams", "logger"},

	{"internal/blocks/locator", "internal/core"},
	{"internal/blocks/volume", "internal/core", "internal/blocks/locator", "logger"},
	{"internal/blocks/service", "internal/core", "internal/bus", "internal/transport/httpd", "internal/blocks/locator",
		"internal/blocks/volume", "logger"},

	{"internal/hosting/driver", "internal/core", "logger"},
	{"internal/hosting/repo", "internal/core", "logger"},
	{"internal/hosting/service", "internal/core", "internal/hosting/driver", "internal/hosting/repo", "logger"},
	{"internal/hosting/api", "internal/core", "internal/transport/httpd", "internal/hosting/service", "logger"},

	observer("internal/observe/report"),
	observer("internal/observe/monitor", "internal/observe/report"),
	observer("internal/observe/system", "internal/observe/report"),
	observer("internal/observe/console", "internal/observe/report"),
	{"internal/config", "conf", "logger", "server/options", "internal/core/subject", "internal/bus/account", "internal/bus/perm",
		"internal/transport/certs", "internal/trust/claims", "internal/config/check", "internal/config/translate"},
	{"internal/config/check", "server/options", "internal/core/subject", "internal/bus/account", "internal/bus/perm",
		"internal/transport/certs", "internal/trust/claims", "internal/config/translate"},
	{"internal/config/translate", "server/options", "internal/bus/account", "internal/bus/perm"},
	{"internal/config/process"},
	{"internal/tenancy", "server/options", "server/status", "internal/core", "internal/bus", "internal/trust", "internal/doors",
		"internal/observe", "internal/config", "logger"},
}

// observer makes the row of a folder that sees all parts below it, and the shapes it fills.
func observer(room string, more ...string) floor {
	return append(floor{room, "internal/core", "internal/bus", "internal/transport", "internal/trust", "internal/doors",
		"internal/links", "internal/streams", "internal/blocks", "internal/hosting", "server/status", "logger"}, more...)
}

// testOnly are folders that only test files may import, besides themselves.
var testOnly = []string{"internal/lab", "test"}

// modules says which folders may import a third-party module outside test files. What is not
// here may be imported by nobody.
var modules = []module{
	{"github.com/nats-io/nkeys", "server", "internal/trust", "internal/config", "internal/cli", "internal/tenancy"},
	{"github.com/nats-io/jwt/v2", "server", "internal/trust", "internal/config", "internal/cli", "internal/tenancy"},
	{"github.com/coreos/go-oidc/v3", "internal/trust/oidc"},
	{"github.com/go-jose/go-jose/v4", "internal/trust/oidc"},
	{"github.com/klauspost/compress", "internal/observe/system"},
	{"github.com/coreos/go-systemd/v22", "server"},
	{"github.com/spf13/cobra", "internal/cli"},
	{"github.com/spf13/pflag", "internal/cli"},
	{"github.com/schollz/progressbar/v3", "internal/cli"},
	{"golang.org/x/term", "internal/cli"},
	{"golang.org/x/crypto", "internal/trust/auth"},
	{"golang.org/x/sys", "internal/observe/report", "scripts"},
	{"github.com/nats-io/nats.go", "test", "internal/lab", "internal/cli", "scripts"},
	{"github.com/stretchr/testify", "internal/lab"},
	{"go.uber.org/goleak", "internal/lab"},
}

// budgets are the sizes that make one ask whether a thing is two.
var budgets = budget{
	fileLines:    600,
	longest:      1000, // generated files, test files and those in tables
	funcLines:    100,
	packageLines: 3000,
	fields:       25,

	tables:       map[string]string{}, // file: why it is one long table
	widePackages: []string{"internal/streams", "internal/doors/mqtt", "internal/config"},
	wideLines:    4500,
	wideStructs:  []string{"server/options", "server/status"}, // what embedders and tools expect
}

// variables are package-level variables that change or could, and why they may.
var variables = map[string]string{
	"internal/core/guard.books":         "who holds which lock is known to the whole process; only under the build tag guard",
	"internal/doors/client.unconnected": "sessions point to it until CONNECT gives them options of their own; nobody writes through it",
	"server.trustedKeys":                "set by the linker, for programs that trust certain operators whatever their options say",
	"test.DefaultTestOptions":           "named so by the embedding contract",
}

// starters are folders whose code may start goroutines: the one of the server, and what is no part
// of the server.
var starters = []string{"internal/core/task", "internal/lab", "internal/cli", "scripts"}

// timers are files that may use AfterFunc, and why what it starts needs no group.
var timers = map[string]string{
	"internal/doors/client/pings.go": "a timer per connection; its function sends a ping or closes, and never waits",
}

// mutexes are folders whose code may name the mutexes of package sync, and why.
var mutexes = map[string]string{
	"internal/core/guard": "makes the ranked types of them",
	"internal/lab":        "no part of the product",
	"scripts":             "no part of the product",
	"conf":                "public, imports nothing of barid",
	"logger":              "public, imports nothing of barid",
	"server":              "start and stop exclude each other, whatever they do meanwhile",
}

func TestHouse(t *testing.T) {
	h, err := open("..")
	require.NoError(t, err)
	require.NotEmpty(t, h.rooms, "no Go files found")
	for _, rule := range []struct {
		name  string
		check func(*house) []string
	}{
		{"floors", func(h *house) []string { return h.floors(floors) }},
		{"test only", func(h *house) []string { return h.testOnly(testOnly) }},
		{"modules", func(h *house) []string { return h.modules(modules) }},
		{"budgets", func(h *house) []string { return h.budgets(budgets) }},
		{"comments", (*house).comments},
		{"goroutines", func(h *house) []string { return h.goroutines(starters, timers) }},
		{"locks", func(h *house) []string { return h.locks(mutexes) }},
		{"init", (*house).inits},
		{"variables", func(h *house) []string { return h.variables(variables) }},
		{"paths", (*house).homePaths},
	} {
		t.Run(rule.name, func(t *testing.T) {
			if found := rule.check(h); len(found) > 0 {
				t.Error("\n" + strings.Join(found, "\n"))
			}
		})
	}
}
