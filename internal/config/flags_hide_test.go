package config

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecretsAreFoundInCommandLines(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", ""},
		{"-p 1", "-p 1"},
		{"--pass s", "--pass [REDACTED]"},
		{"-pass s", "-pass [REDACTED]"},
		{"--pass=s=s -D", "--pass=[REDACTED] -D"},
		{"--user u --pass p --auth a", "--user [REDACTED] --pass [REDACTED] --auth [REDACTED]"},
		{"-D --pass --user", "-D --pass [REDACTED]"}, // a value that looks like a flag
		{"-l --pass --user u", "-l --pass --user [REDACTED]"},
		{"--pass", "--pass"},
		{"--pass=", "--pass="},
		{"-D=false --pass s", "-D=false --pass [REDACTED]"},
		{"-unknown --pass s", "-unknown --pass [REDACTED]"},
		{"word --pass s", "word --pass s"}, // no flag any more
		{"-- --pass s", "-- --pass s"},
		{"--routes nats://h:1", "--routes nats://h:1"},
		{"--routes nats://u:p@h:1,nats://h2,nats://v@h3", "--routes nats://[REDACTED]@h:1,nats://h2,nats://[REDACTED]@h3"},
		{"--cluster=nats://u:p@h:1", "--cluster=nats://[REDACTED]@h:1"},
		{"--cluster_listen u:p@h:1", "--cluster_listen [REDACTED]@h:1"},
		{"--routes nats://u:p@,p@h:1", "--routes nats://[REDACTED]@h:1"}, // a password with both of our marks
	} {
		fs := flag.NewFlagSet("barid", flag.ContinueOnError)
		_, _ = ParseFlags(fs, nil)
		args := strings.Fields(c.args)
		before := slices.Clone(args)
		hideSecrets(fs, args)
		require.Equal(t, c.want, strings.Join(args, " "))
		require.Equal(t, strings.Fields(c.args), before, "texts that are not the system's are not written to")
	}
}

// Only the arguments of the process are hidden; others belong to the caller.
func TestArgumentsOfCallersStay(t *testing.T) {
	args := []string{"--pass", "s"}
	_, err := parseLine(args...)
	require.NoError(t, err)
	require.Equal(t, []string{"--pass", "s"}, args)
}

// Constants cannot be written to; a try would end the process.
func TestOnlyArgumentsAreOverwritten(t *testing.T) {
	const text = "constant"
	overwrite(text)
	overwrite("")
	require.Equal(t, "constant", text)
}
