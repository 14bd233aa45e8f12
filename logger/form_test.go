package logger

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
)

func TestJSONForms(t *testing.T) {
	pid := fmt.Sprintf(`"pid":%d,`, os.Getpid())
	const at = `"time":"2000-01-01T00:00:01.000020Z",`
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"bare", Options{}, `{"level":"info","msg":"Server is ready"}`},
		{"pid", Options{PID: true}, `{"level":"info",` + pid + `"msg":"Server is ready"}`},
		{"time", Options{Time: true, UTC: true}, `{` + at + `"level":"info","msg":"Server is ready"}`},
		{"all", Options{Time: true, UTC: true, PID: true, Colors: true},
			`{` + at + `"level":"info",` + pid + `"msg":"Server is ready"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Second + 20*time.Microsecond)
				var w lines
				c.o.JSON = true
				New(&w, c.o).Noticef("Server is %s", "ready")
				require.Equal(t, []string{c.want + "\n"}, w.got)
			})
		})
	}
}

func TestJSONLocalTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w lines
		New(&w, Options{JSON: true, Time: true}).Noticef("x")
		var line struct{ Time time.Time }
		require.NoError(t, json.Unmarshal([]byte(w.got[0]), &line))
		require.True(t, time.Now().Equal(line.Time))
		require.Contains(t, w.got[0], time.Now().Local().Format("2006-01-02T15:04:05.000000Z07:00"))
	})
}

func TestJSONLevels(t *testing.T) {
	var w lines
	l := New(&w, Options{JSON: true, Debug: true, Trace: true})
	l.Noticef("1")
	l.Warnf("2")
	l.Errorf("3")
	l.Fatalf("4")
	l.Debugf("5")
	l.Tracef("6")
	require.Equal(t, []string{
		`{"level":"info","msg":"1"}` + "\n", `{"level":"warn","msg":"2"}` + "\n", `{"level":"error","msg":"3"}` + "\n",
		`{"level":"fatal","msg":"4"}` + "\n", `{"level":"debug","msg":"5"}` + "\n", `{"level":"trace","msg":"6"}` + "\n",
	}, w.got)
}

func TestJSONText(t *testing.T) {
	for in, want := range map[string]string{
		"plain, ümläut 漢字 <&> /":                      "plain, ümläut 漢字 <&> /",
		`127.0.0.1:1 - cid:5 - "v1:go" - "$G/user:a"`: `127.0.0.1:1 - cid:5 - \"v1:go\" - \"$G/user:a\"`,
		"a\tb\\c\r\nd\n":                              `a\tb\\c\r\nd`,
		"\x00\x1b[31m\x7f\u009b\u2028\u2029":          `\u0000\u001b[31m\u007f\u009b\u2028\u2029`,
		"\xff\xc3(\xed\xa0\x80":                       `\ufffd\ufffd(\ufffd\ufffd\ufffd`,
		"\ufffd stays":                                "\ufffd stays",
		"":                                            "",
	} {
		var w lines
		New(&w, Options{JSON: true}).Noticef("%s", in)
		require.Equal(t, []string{`{"level":"info","msg":"` + want + "\"}\n"}, w.got)
	}
}

func TestJSONFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "barid.log")
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("{}\n", 10)), 0o600))
		l := open(t, path, Options{JSON: true, SizeLimit: 5, MaxFiles: 1})
		require.NoError(t, l.Close())
		want, err := json.Marshal(fmt.Sprintf("Rotated log, backup saved as %q", backup(path)))
		require.NoError(t, err)
		log := strings.Split(read(t, path), "\n")
		require.Equal(t, `{"level":"info","msg":`+string(want)+`}`, log[0])
		require.Regexp(t, `^{"level":"info","msg":"Purged log file .*"}$`, log[1])
		require.Len(t, log, 3)
	})
}

// FuzzJSONLine checks that whatever is logged is one line, valid JSON and harmless on a terminal.
func FuzzJSONLine(f *testing.F) {
	f.Add("Server is ready", true, true)
	f.Add("a\r\n\"b\\\x00\x1b\x7f\u0085\u2028\xff", false, true)
	f.Fuzz(func(t *testing.T, text string, times, pid bool) {
		var w lines
		l := New(&w, Options{JSON: true, Time: times, PID: pid})
		l.Warnf("%s", text)
		require.Len(t, w.got, 1)
		line, ok := strings.CutSuffix(w.got[0], "\n")
		require.True(t, ok)
		require.False(t, strings.ContainsFunc(line, unicode.IsControl), "%q", line)
		require.True(t, json.Valid([]byte(line)), line)

		var got struct {
			Level, Msg string
			Time       *time.Time
			PID        *int
		}
		require.NoError(t, json.Unmarshal([]byte(line), &got))
		require.Equal(t, "warn", got.Level)
		require.Equal(t, times, got.Time != nil)
		require.Equal(t, pid, got.PID != nil)
		want := []rune(strings.TrimRight(text, "\r\n")) // each byte that is not UTF-8 is U+FFFD there
		require.Equal(t, string(want), got.Msg)
	})
}

func BenchmarkJSON(b *testing.B) {
	f := newForm(Options{JSON: true, Time: true, PID: true}, false)
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = f.appendLine(line[:0], notice, `127.0.0.1:1 - cid:5 - "v1:go" - Client connection created`)
	}
}
