package logger

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// lines counts writes, each of which has to be one line.
type lines struct {
	mu  sync.Mutex
	got []string
}

func (w *lines) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, string(p))
	return len(p), nil
}

func TestForms(t *testing.T) {
	pid := fmt.Sprintf("[%d] ", os.Getpid())
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"bare", Options{}, "[INF] Server is ready\n"},
		{"pid", Options{PID: true}, pid + "[INF] Server is ready\n"},
		{"time", Options{Time: true, UTC: true}, "2000/01/01 00:00:01.000020 [INF] Server is ready\n"},
		{"all", Options{Time: true, UTC: true, PID: true}, pid + "2000/01/01 00:00:01.000020 [INF] Server is ready\n"},
		{"UTC without time", Options{UTC: true}, "[INF] Server is ready\n"},
		{"no terminal, no colours", Options{Colors: true}, "[INF] Server is ready\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Second + 20*time.Microsecond)
				var w lines
				New(&w, c.o).Noticef("Server is %s", "ready")
				require.Equal(t, []string{c.want}, w.got)
			})
		})
	}
}

func TestLocalTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w lines
		New(&w, Options{Time: true}).Noticef("x")
		require.Equal(t, []string{time.Now().Local().Format("2006/01/02 15:04:05.000000") + " [INF] x\n"}, w.got)
	})
}

func TestLevels(t *testing.T) {
	var w lines
	l := New(&w, Options{Debug: true, Trace: true})
	all := func() (got []string) {
		w.got = nil
		l.Noticef("%d", 1)
		l.Warnf("%d", 2)
		l.Errorf("%d", 3)
		l.Fatalf("%d", 4)
		l.Debugf("%d", 5)
		l.Tracef("%d", 6)
		return w.got
	}
	always := []string{"[INF] 1\n", "[WRN] 2\n", "[ERR] 3\n", "[FTL] 4\n"}
	require.Equal(t, append(always, "[DBG] 5\n", "[TRC] 6\n"), all())

	l.SetDebug(false)
	require.False(t, l.DebugEnabled())
	require.True(t, l.TraceEnabled())
	require.Equal(t, append(always, "[TRC] 6\n"), all())

	l.SetTrace(false)
	require.False(t, l.TraceEnabled())
	require.Equal(t, always, all())

	l.SetDebug(true)
	require.True(t, l.DebugEnabled())
	require.Equal(t, append(always, "[DBG] 5\n"), all())

	l.form = textForm{colors: true}
	require.Equal(t, []string{
		"[\x1b[32mINF\x1b[0m] 1\n", "[\x1b[0;93mWRN\x1b[0m] 2\n", "[\x1b[31mERR\x1b[0m] 3\n",
		"[\x1b[31mFTL\x1b[0m] 4\n", "[\x1b[36mDBG\x1b[0m] 5\n",
	}, all())
	l.SetTrace(true)
	require.Equal(t, "[\x1b[33mTRC\x1b[0m] 6\n", all()[5])
}

func TestColorsNeedACharacterDevice(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	plain, err := os.Create(t.TempDir() + "/log")
	require.NoError(t, err)
	defer plain.Close()
	require.True(t, New(null, Options{Colors: true}).form.(textForm).colors)
	require.False(t, New(null, Options{}).form.(textForm).colors)
	require.False(t, New(plain, Options{Colors: true}).form.(textForm).colors)
	require.False(t, New(&bytes.Buffer{}, Options{Colors: true}).form.(textForm).colors)
}

func TestNothingForgesALine(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, ümläut 漢字 \t tab":         "plain text, ümläut 漢字 \t tab",
		"two\nlines":                           `two\nlines`,
		"a\r\n[1] [INF] Server Exiting..":      `a\r\n[1] [INF] Server Exiting..`,
		"\x1b[31mred\x00\x7f":                  `\x1b[31mred\x00\x7f`,
		"C1 \u009b31m":                         `C1 \x9b31m`,
		"not UTF-8 \x9b31m\xc3(\xff\ufffd":     `not UTF-8 \x9b31m\xc3(\xff` + "\ufffd",
		"ends\n":                               "ends",
		"ends\r\n\n":                           "ends",
		"":                                     "",
		"\nstarts":                             `\nstarts`,
		strings.Repeat("long ", 30000) + "end": strings.Repeat("long ", 30000) + "end",
	} {
		var w lines
		New(&w, Options{}).Noticef("%s", in)
		require.Equal(t, []string{"[INF] " + want + "\n"}, w.got)
	}
}

// chatty logs while it is being formatted.
type chatty struct{ l *Logger }

func (c chatty) String() string {
	c.l.Noticef("inner")
	return "outer"
}

func TestArgumentsMayLog(t *testing.T) {
	var w lines
	l := New(&w, Options{})
	l.Noticef("%v", chatty{l})
	require.Equal(t, []string{"[INF] inner\n", "[INF] outer\n"}, w.got)
}

func TestConcurrentLinesStayWhole(t *testing.T) {
	var w lines
	l := New(&w, Options{Time: true, UTC: true})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				l.Warnf("%s", strings.Repeat(string(rune('a'+i)), 40))
				l.SetDebug(i%2 == 0)
				l.Debugf("%s", strings.Repeat(string(rune('a'+i)), 40))
			}
		})
	}
	wg.Wait()
	warnings, last := 0, ""
	for _, line := range w.got {
		require.Regexp(t, `^\S+ \S+ \[(WRN|DBG)\] (a{40}|b{40}|c{40}|d{40}|e{40}|f{40}|g{40}|h{40})\n$`, line)
		if strings.Contains(line, "[WRN]") {
			warnings++
		}
		stamp := line[:26]
		require.LessOrEqual(t, last, stamp, "lines stand in the order of their times")
		last = stamp
	}
	require.Equal(t, 400, warnings)
}

func TestWriterHasNothingToReopenOrClose(t *testing.T) {
	var w lines
	l := New(&w, Options{})
	require.ErrorIs(t, l.Reopen(), ErrNotFile)
	require.NoError(t, l.Close())
	l.Noticef("still there")
	require.Equal(t, []string{"[INF] still there\n"}, w.got)
	require.ErrorIs(t, NewStderr(Options{}).Reopen(), ErrNotFile)
}

func TestSilentLevelsAllocateNothing(t *testing.T) {
	l := New(&lines{}, Options{})
	subject := "orders.new"
	require.Zero(t, testing.AllocsPerRun(100, func() {
		l.Debugf("cid:%d %s", 7, "SUB")
		if l.TraceEnabled() {
			l.Tracef("<<- [PUB %s %d]", subject, 1024)
		}
	}))
}

func BenchmarkNoticef(b *testing.B) {
	l := New(&bytes.Buffer{}, Options{Time: true, PID: true})
	b.ReportAllocs()
	for b.Loop() {
		l.mu.sink.(writer).w.(*bytes.Buffer).Reset()
		l.Noticef("cid:%d - %s", 5, "Client connection created")
	}
}

func BenchmarkTracefOff(b *testing.B) {
	l := New(&bytes.Buffer{}, Options{Time: true})
	b.ReportAllocs()
	for b.Loop() {
		if l.TraceEnabled() {
			l.Tracef("<<- [PUB %s %d]", "a.b", 1024)
		}
	}
}
