package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/options"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with the golden file of a configuration, or writes it there.
func golden(t *testing.T, conf, got string) {
	t.Helper()
	file := strings.TrimSuffix(conf, ".conf") + ".golden"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// corpus runs a test for every file of a folder of testdata.
func corpus(t *testing.T, folder string, check func(t *testing.T, file string)) {
	setFiles(t)
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.conf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".conf"), func(t *testing.T) { check(t, file) })
	}
}

// What the files in testdata/good say is in the options, and complete it makes a server.
func TestGoodFiles(t *testing.T) {
	corpus(t, "good", func(t *testing.T, file string) {
		o, remarks, err := File(file)
		require.NoError(t, err)
		require.Equal(t, file, o.ConfigFile)
		require.Regexp(t, "^sha256:[0-9a-f]{64}$", o.ConfigDigest)
		golden(t, file, remarked(remarks)+dump(o))
		Complete(o)
		require.NoError(t, Validate(o))
	})
}

// What is wrong with the files in testdata/bad is said, and no secret with it.
func TestBadFiles(t *testing.T) {
	corpus(t, "bad", func(t *testing.T, file string) {
		before := options.Options{ServerName: "before", Tags: []string{"a"}}
		after := before
		if _, err := into(&after, file); err != nil {
			require.Equal(t, before, after, "a bad file changes nothing")
		}
		line, err := parseLine("-c", file)
		require.NoError(t, err)
		_, remarks, err := line.Options()
		require.Error(t, err)
		text := remarked(remarks) + withoutFolder(err.Error()) + "\n"
		for fault := range strings.Lines(text) {
			require.Regexp(t, `^((warning|note): )?\S+\.(conf|inc):[0-9]+:[0-9]+: |Parse error on line`, fault, "it has a place")
		}
		require.NotContains(t, text, "s3cret")
		require.NotContains(t, text, "AAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H", "a seed")
		golden(t, file, text)
	})
}

func remarked(r Remarks) string {
	var b strings.Builder
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return withoutFolder(b.String())
}

// withoutFolder leaves out what differs between machines.
func withoutFolder(text string) string {
	text = strings.ReplaceAll(text, filepath.Join("testdata", "good")+string(filepath.Separator), "")
	text = strings.ReplaceAll(text, filepath.Join("testdata", "bad")+string(filepath.Separator), "")
	return strings.ReplaceAll(text, filepath.Dir(os.Getenv("T_CERT"))+string(filepath.Separator), "")
}
