package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatCannotBeSent(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		f, err := os.CreateTemp(dir, "pid")
		require.NoError(t, err)
		_, err = f.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		return f.Name()
	}
	for _, c := range []struct{ flag, want string }{
		{"", `unknown signal ""`},
		{"restart", `unknown signal "restart"`},
		{"restart=1", `unknown signal "restart"`},
		{"STOP", `unknown signal "STOP"`},
		{"reload=1=2=3", "invalid signal parameters: [2 3]"},
		{"reload=abc", "invalid pid: abc"},
		{"reload=0", "invalid pid: 0"},
		{"reload=-1", "invalid pid: -1"},
		{"reload=1.5", "invalid pid: 1.5"},
		{"reload=99999999999999999999", "invalid pid: 99999999999999999999"},
		{"reload=2147483648", "invalid pid: 2147483648"},
		{"reload=4294967295", "invalid pid: 4294967295"}, // as -1 it would be everybody
		{"reload=" + file("4294967295"), "invalid pid: 4294967295"},
		{"reload=x*", "invalid pid: x*"},
		{"reload=-1*", "invalid pid: -1*"},
		{"reload=1**", "invalid pid: 1**"},
		{"reload=" + file(""), "invalid pid: "},
		{"reload=" + file("who\n"), "invalid pid: who"},
		{"reload=" + file("-1"), "invalid pid: -1"},
		{"reload=" + file(strings.Repeat("1", 1<<16)), "invalid pid: " + strings.Repeat("1", maxPidFile)},
		{"reload=" + dir, "invalid pid: "},
		{"reload", "no " + program() + " processes running"},
		{"reload=*", "no " + program() + " processes running"},
		{"reload=" + strconv.Itoa(os.Getpid()) + "*", "no " + program() + " processes running"},
	} {
		require.EqualError(t, SendFlag(c.flag), c.want, c.flag)
	}
}

func TestProgramIsNamedAsItWasCalled(t *testing.T) {
	require.Equal(t, strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"), program())
}

func TestNumberOfAProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	for _, text := range []string{"42", "42\n", " 42\r\n"} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		for _, expr := range []string{"42", file} {
			pid, err := single(expr)
			require.NoError(t, err, "%q", text)
			require.Equal(t, 42, pid)
		}
	}
	_, err := single(fmt.Sprintf("%s.none", file))
	require.ErrorContains(t, err, "invalid pid: ")
}
