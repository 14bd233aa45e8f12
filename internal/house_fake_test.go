package internal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The rules, held against small houses that break or keep them.

// fake is a house of files by path. A text without a package clause gets one, with its comment.
type fake map[string]string

func (f fake) build(t *testing.T) *house {
	t.Helper()
	texts := map[string]string{}
	for p, text := range f {
		if strings.HasSuffix(p, ".go") && !strings.Contains(text, "package ") {
			text = "// Package x is here.\npackage x\n\n" + text
		}
		texts[p] = text
	}
	h, err := build(texts)
	require.NoError(t, err)
	return h
}

// imports returns Go source that imports the paths.
func imports(paths ...string) string {
	var b strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&b, "import _ %q\n", p)
	}
	return b.String()
}

func own(dir string) string { return modulePath + "/" + dir }

// verdict is a house and what is found in it: one part of each finding, in order.
type verdict struct {
	name string
	f    fake
	want []string
}

func judge(t *testing.T, check func(*house) []string, cases []verdict) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			found := check(c.f.build(t))
			require.Len(t, found, len(c.want), "%q", found)
			for i := range found {
				require.Contains(t, found[i], c.want[i])
			}
		})
	}
}

func TestFloors(t *testing.T) {
	judge(t, func(h *house) []string { return h.floors(floors) }, []verdict{
		{"down", fake{"internal/bus/account/a.go": imports(own("internal/core/interest"), "fmt", own("logger"))}, nil},
		{"up", fake{"internal/core/msg/a.go": imports(own("internal/bus/account"))},
			[]string{"internal/core/msg/a.go:4: internal/core/msg may not import internal/bus/account"}},
		{"sideways", fake{"internal/doors/client/a.go": imports(own("internal/doors/mqtt"), own("internal/trust/auth"))},
			[]string{"may not import internal/doors/mqtt", "may not import internal/trust/auth"}},
		{"inside core only as told", fake{
			"internal/core/interest/a.go": imports(own("internal/core/subject")),
			"internal/core/subject/a.go":  imports(own("internal/core/msg"))},
			[]string{"internal/core/subject may not import internal/core/msg"}},
		{"a name that only begins alike", fake{"internal/transport/httpd/a.go": imports(own("internal/transport/certsy"))},
			[]string{"may not import internal/transport/certsy"}},
		{"main", fake{"main.go": imports(own("server"), own("internal/cli"), own("internal/config"))},
			[]string{"main.go:6: . may not import internal/config"}},
		{"public packages", fake{"conf/a.go": imports(own("logger")), "server/options/a.go": imports(own("internal/core/msg")),
			"server/status/a.go": imports("time")},
			[]string{"conf may not import logger", "server/options may not import internal/core/msg"}},
		{"the root itself", fake{"server/a.go": imports(modulePath)}, []string{"server may not import ."}},
		{"tools", fake{"scripts/x/a.go": imports(own("server"), own("internal/core/msg"))},
			[]string{"scripts/x may not import internal/core/msg"}},
		{"tests are free", fake{"internal/core/msg/a_test.go": imports(own("server"))}, nil},
		{"no row", fake{"internal/core/util/a.go": "", "pkg/a.go": ""}, []string{"internal/core/util: has no row", "pkg: has no row"}},
		{"no Go", fake{"internal/streams/README.md": "text"}, nil},
	})
}

func TestTestOnly(t *testing.T) {
	judge(t, func(h *house) []string { return h.testOnly(testOnly) }, []verdict{
		{"product", fake{"server/a.go": imports(own("internal/lab"))}, []string{"server/a.go:4: only tests may import internal/lab"}},
		{"tests", fake{"server/a_test.go": imports(own("internal/lab")), "internal/lab/b.go": imports(own("test"))}, nil},
	})
}

func TestModules(t *testing.T) {
	judge(t, func(h *house) []string { return h.modules(modules) }, []verdict{
		{"at home", fake{"internal/observe/report/a.go": imports("golang.org/x/sys/unix"),
			"internal/trust/auth/a.go": imports("github.com/nats-io/nkeys")}, nil},
		{"elsewhere", fake{"internal/bus/port/a.go": imports("golang.org/x/sys/unix", "github.com/nats-io/nats.go")},
			[]string{"internal/bus/port may not import golang.org/x/sys/unix", "may not import github.com/nats-io/nats.go"}},
		{"unknown", fake{"server/a.go": imports("example.org/left/pad")}, []string{"example.org/left/pad is not in the table"}},
		{"standard library and own", fake{"server/a.go": imports("net/http", own("conf"))}, nil},
		{"tests", fake{"conf/a_test.go": imports("github.com/stretchr/testify/require")}, nil},
	})
}

func TestBudgets(t *testing.T) {
	long := func(lines int) string { return strings.Repeat("//\n", lines) }
	body := func(lines int) string { return "func f() {\n" + strings.Repeat("\tf()\n", lines-2) + "}\n" }
	b := budgets
	b.tables = map[string]string{"conf/table.go": "one row for each key"}
	judge(t, func(h *house) []string { return h.budgets(b) }, []verdict{
		{"file", fake{"a/a.go": long(597), "a/b.go": long(598)}, []string{"a/b.go: 601 lines, allowed are 600"}},
		{"longer files", fake{"conf/table.go": long(900), "a/a_test.go": long(900),
			"a/gen.go": "// Code generated by x. DO NOT EDIT.\n\n" + "package x\n" + long(900)}, nil},
		{"longest", fake{"a/a_test.go": long(1000)}, []string{"a/a_test.go: 1003 lines, allowed are 1000"}},
		{"package", fake{"a/a.go": long(590), "a/b.go": long(590), "a/c.go": long(590), "a/d.go": long(590), "a/e.go": long(590),
			"a/f.go": long(40), "a/a_test.go": long(590)}, []string{"a: 3008 lines, allowed are 3000"}},
		{"function", fake{"a/a.go": body(100), "a/b.go": body(101)}, []string{"a/b.go:4: f has 101 lines, allowed are 100"}},
		{"struct", fake{"a/a.go": "type ok struct { " + fields(25, "") + "}\ntype wide struct { " + fields(26, "") + "}\n"},
			[]string{": wide has 26 fields, allowed are 25"}},
		{"struct in struct", fake{"a/a.go": "type wide struct { x.Leaf\n" + fields(13, "") + "mu struct { x.Leaf\n" + fields(11, "") + "}\n}\n"},
			[]string{": wide has 26 fields"}},
		{"several names in a row", fake{"a/a.go": "type wide struct { a, b int\n" + fields(24, "") + "}\n"}, []string{": wide has 26 fields"}},
		{"JSON", fake{"a/a.go": "type payload struct { Base\n" + fields(30, "`json:\"x\"`") + "}\n"}, nil},
		{"half JSON", fake{"a/a.go": "type payload struct { a int\n" + fields(30, "`json:\"x\"`") + "}\n"}, []string{": payload has 31 fields"}},
		{"options", fake{"server/options/a.go": "type Options struct { " + fields(90, "") + "}\n"}, nil},
	})
}

func fields(n int, tag string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "F%d int %s\n", i, tag)
	}
	return b.String()
}

func TestComments(t *testing.T) {
	const head = "// Package x is here.\npackage x\n"
	judge(t, (*house).comments, []verdict{
		{"none", fake{"a/a.go": "package x\n"}, []string{"a: package x has no package comment"}},
		{"build tag is none", fake{"a/a.go": "//go:build linux\n\npackage x\n"}, []string{"no package comment"}},
		{"two", fake{"a/a.go": head, "a/b.go": head}, []string{"a/b.go: package x has 2 package comments"}},
		{"one", fake{"a/a.go": head, "a/b.go": "package x\n", "a/a_test.go": head}, nil},
		{"wrong name", fake{"a/a.go": "// Package y is here.\npackage x\n"}, []string{`has to begin with "Package x "`}},
		{"command", fake{"a/a.go": "// A tool.\npackage main\n"}, nil},
		{"tests alone", fake{"a/a_test.go": "package x_test\n"}, nil},
		{"bare", fake{"a/a.go": "func F() {}\ntype T int\nfunc (T) M() {}\nfunc (*G[K]) M() {}\nconst C = 1\nvar ErrV = 2\n"},
			[]string{"exported F", "exported T", "exported M", "exported M", "exported C", "exported ErrV"}},
		{"documented", fake{"a/a.go": "// F is.\nfunc F() {}\n// T is.\ntype T int\n// Both are.\nconst (\nA = 1\nB = 2\n)\nvar (\n// V is.\nV = 1\nW = 2 // is, too\n)\n"}, nil},
		{"one type of a group", fake{"a/a.go": "// Both are.\ntype (\nA int\n// B is.\nB int\n)\n"}, []string{"exported A"}},
		{"aliases", fake{"a/a.go": "// What b has.\ntype (\nA = b.A\nB = b.B\n)\n"}, nil},
		{"aliases without a word", fake{"a/a.go": "type (\nA = b.A\nB = b.B // B is.\n)\n"}, []string{"exported A"}},
		{"not seen outside", fake{"a/a.go": "type t int\nfunc (t) M() {}\nfunc f() {}\n"}, nil},
		{"in tests", fake{"a/a.go": "", "a/a_test.go": "func F() {}\n"}, nil},
	})
}

func TestGoroutines(t *testing.T) {
	judge(t, func(h *house) []string {
		return h.goroutines(starters, map[string]string{"server/timer.go": "told so"})
	}, []verdict{
		{"go", fake{"server/a.go": "func f() { func() { go f() }() }"}, []string{"server/a.go:4: a go statement"}},
		{"hidden", fake{"server/a.go": "func f() { time.AfterFunc(1, f); context.AfterFunc(c, f) }"}, []string{"AfterFunc", "AfterFunc"}},
		{"timer", fake{"server/timer.go": "func f() { time.AfterFunc(1, f); go f() }"}, []string{"server/timer.go:4: a go statement"}},
		{"wait group", fake{"server/a.go": "type s struct { wg sync.WaitGroup; g *task.Group }\nfunc (s *s) f() { s.wg.Go(f); s.g.Go(\"x\", f)\nvar w sync.WaitGroup\nw.Go(f) }",
			"server/b.go": "type e struct { *sync.WaitGroup }\nfunc (e e) f() { e.WaitGroup.Go(f) }"},
			[]string{"a.go:5: sync.WaitGroup.Go", "a.go:7: sync.WaitGroup.Go", "b.go:5: sync.WaitGroup.Go"}},
		{"allowed", fake{"internal/core/task/a.go": "func f() { go f() }", "scripts/x/a.go": "func f() { go f() }",
			"server/a_test.go": "func f() { go f() }"}, nil},
	})
}

func TestLocks(t *testing.T) {
	judge(t, func(h *house) []string { return h.locks(mutexes) }, []verdict{
		{"bare", fake{"internal/bus/account/a.go": "type t struct { mu struct { sync.Mutex; n int }; rw *sync.RWMutex }"},
			[]string{"use guard.Leaf", "use guard.Leaf"}},
		{"ranked", fake{"internal/bus/account/a.go": "type t struct { mu struct { guard.Leaf; n int }; once sync.Once }",
			"logger/a.go":    "var mu sync.Mutex",
			"scripts/x/a.go": "var mu sync.Mutex", "server/a_test.go": "var mu sync.Mutex"}, nil},
	})
}

func TestInits(t *testing.T) {
	judge(t, (*house).inits, []verdict{
		{"init", fake{"a/a.go": "func init() {}"}, []string{"a/a.go:4: no func init"}},
		{"others", fake{"a/a.go": "type t int\nfunc (t) init() {}\nfunc f() { init := 1; _ = init }", "a/a_test.go": "func init() {}"}, nil},
	})
}

func TestVariables(t *testing.T) {
	allowed := map[string]string{"a.State": "told so"}
	judge(t, func(h *house) []string { return h.variables(allowed) }, []verdict{
		{"fine", fake{"a/a.go": `
var ErrX = errors.New("x")
var ErrY error = fmt.Errorf("y: %w", ErrX)
var errZ = &failure{text: "z"}
var _ Iface = (*T)(nil)
var pool sync.Pool
var pools [4]sync.Pool
var fresh = sync.Pool{New: nil}
var table = map[string]int{"a": 1}
var crlf = []byte("\r\n")
var pattern = regexp.MustCompile("x")
var sum, product = 1 + 2, -3
var built = build()
var once = func() [2]int { return [2]int{} }()
var State = map[string]int{}
//go:embed page.html
var page string
func build() []int { return nil }
func read() int { for i := range table { p := &crlf[i]; _ = *p }; return table["a"] + len(crlf) }
`}, nil},
		{"empty", fake{"a/a.go": "var n int\nvar mu sync.Mutex\nvar a, b = f()"}, []string{"n begins empty", "mu begins empty", "b begins empty"}},
		{"pointer", fake{"a/a.go": "var s = &state{}\nvar c = make(chan int)\nvar l = newList()\nfunc newList() *list { return nil }\nvar m = sync.Map{}\nvar n = atomic.Int64{}"},
			[]string{"s points to", "c points to", "l points to", "m points to", "n points to"}},
		{"exported", fake{"a/a.go": "var Table = []int{1}"}, []string{"Table is exported"}},
		{"written", fake{"a/a.go": "var m = map[int]int{}\nvar s = []int{1}\nvar t = T{}\nvar n = 1\nvar e = []int{}\nvar c = []int{}\nvar p = []T{}\n" +
			"var r = 1\nvar d = map[int]int{}\n" +
			"func f() { m[1] = 2; s = append(s, 1); t.x.y++; n += 1; g(&e[0]); copy(c[1:], c); q := &p[0]; q.x = 1; for r = range s {}; delete(d, 1) }"},
			[]string{"m is assigned to at a/a.go:13", "s is assigned", "t is assigned", "n is assigned", "e has its address taken", "c is changed",
				"p is assigned", "r is assigned", "d is changed"}},
		{"written in another file", fake{"a/a.go": "var n = 1", "a/b.go": "func f() { n = 2 }"}, []string{"n is assigned to at a/b.go:4"}},
		{"written by tests alone", fake{"a/a.go": "var n = 1", "a/b_test.go": "func f() { n = 2 }"}, nil},
		{"a local of the same name", fake{"a/a.go": "var n = 1", "a/b.go": "func f(n int) { n = 2 }\nfunc g() { n := 1; n++; m := 1; m++ }"}, nil},
		{"an error that changes", fake{"a/a.go": "var ErrX = errors.New(``)\nfunc f() { ErrX = nil }"}, []string{"ErrX is assigned to"}},
	})
}

func TestHomePaths(t *testing.T) {
	home, users, rooted, windows := "/"+"home/a/x", "/"+"Users/a/x", "/"+"root/x", `C:`+`\Users\a`
	judge(t, (*house).homePaths, []verdict{
		{"found", fake{"README.md": "see\n" + home + "\n(" + users + ")", "Makefile": "x=" + rooted + " y", "docs/a.md": "`" + windows + "`"},
			[]string{"Makefile:1: ", "README.md:2: ", "README.md:3: ", "docs/a.md:1: "}},
		{"fine", fake{"README.md": "docs/home/a, /" + "rooted, ~/x, http://host/" + "home/a, $HOME/" + "root/x"}, nil},
	})
}

func TestOpenReadsTheRepositoryOnly(t *testing.T) {
	dir := t.TempDir()
	for p, text := range map[string]string{
		"a/a.go": "package a\n", "a/README.md": "x", ".ci/run": "x", ".git/b/b.go": "no Go", "node_modules/c/c.go": "no Go",
		"bin/d.go": "no Go", "a/testdata/e.go": "no Go", "blob": "\x00\x01", "empty/.keep": "",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(p)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, p), []byte(text), 0o600))
	}
	h, err := open(dir)
	require.NoError(t, err)
	require.Len(t, h.rooms, 1)
	require.Equal(t, "a", h.rooms[0].dir)
	for _, p := range []string{"a/a.go", "a/README.md", ".ci/run", "a/testdata/e.go", "empty/.keep"} {
		require.Contains(t, h.texts, p)
	}
	require.Len(t, h.texts, 5)
	_, err = build(map[string]string{"a.go": "no Go"})
	require.ErrorContains(t, err, "no Go file")
}
