package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestCommandLinesOfTheClient(t *testing.T) {
	for _, c := range []struct {
		line string
		want bool
	}{
		{"pub", true}, {"sub a", true}, {"check health", true}, {"completion bash", true}, {"context ls", true},
		{"help pub", true}, {"__complete pub", true}, {"__completeNoDesc", true},
		{"", false}, {"help", false}, {"help me", false}, {"HELP pub", false}, {"Pub", false}, {"-D pub", false},
		{"version", false}, {"start", false}, {"-c x", false}, {"publish", false},
	} {
		require.Equal(t, c.want, Owns(strings.Fields(c.line)), c.line)
	}
	require.False(t, Owns([]string{""}))
	for _, word := range Commands() {
		require.True(t, Owns([]string{word}))
		require.Contains(t, Summary(), word)
	}
}

// Every command has a help with an example, and every example is a command line that is understood.
func TestHelp(t *testing.T) {
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			look(sub)
		}
		if c.HasSubCommands() {
			return
		}
		require.NotEmpty(t, c.Example, c.CommandPath())
		require.NotEmpty(t, c.Short, c.CommandPath())
		path := strings.Fields(c.CommandPath())[1:]
		help := succeed(t, append(path, "--help")...)
		require.Contains(t, help, c.Example)
		require.Equal(t, help, succeed(t, append([]string{"help"}, path...)...))
		for line := range strings.SplitSeq(c.Example, "\n") {
			require.True(t, strings.HasPrefix(line, "  "), line)
			require.LessOrEqual(t, len(line), 110, line)
		}
	}
	look(commands())
	require.Contains(t, succeed(t, "completion", "bash"), "__start_barid")
	require.Contains(t, succeed(t, "__complete", "pub", "--tls"), "--tlscert")
}

func TestCommandLinesThatAreNotUnderstood(t *testing.T) {
	t.Setenv("NATS_URL", "127.0.0.1:1") // nobody gets that far
	for _, c := range []struct {
		line   string
		status int
		want   string
	}{
		{"pub", 2, "accepts between 1 and 2 arg(s), received 0\nsee barid pub --help"},
		{"pub a b c", 2, "received 3"},
		{"pub --no-such a", 2, "unknown flag: --no-such\nsee barid pub --help"},
		{"pub --count 0 a", 2, "there is nothing to publish"},
		{"pub --count x a", 2, `invalid argument "x"`},
		{"pub --lines a b", 2, "--lines takes the input"},
		{"pub -H novalue a b", 2, `header "novalue" is not of the form key:value`},
		{"pub --timeout 0s a b", 2, "a timeout of 0s is too short"},
		{"sub", 2, "requires at least 1 arg(s)"},
		{"sub --count=-1 a", 2, "no number of messages"},
		{"request --replies=-1 a", 2, "no number of replies"},
		{"request --reply-timeout 0s a b", 2, "too short"},
		{"reply a", 2, "say how to answer"},
		{"reply --echo a b", 2, "say how to answer"},
		{"reply --arg x a b", 2, "--arg is for --command"},
		{"bench", 2, "say which: pub, sub, request, reply\nsee barid bench --help"},
		{"bench fly", 2, `unknown command "fly"`},
		{"bench pub --clients 0 a", 2, "--clients 0"},
		{"bench pub --msgs 0 a", 2, "nothing to measure"},
		{"bench pub --size=-1 a", 2, "no size"},
		{"bench request --msgs 10000001 a", 2, "at most 10000000"},
		{"top --sort x", 2, "is not one of cid"},
		{"top -n 0", 2, "no number of connections"},
		{"top -r -1", 2, "no number of pictures"},
		{"top -d 1ms", 2, "too short"},
		{"top -m 70000", 2, "70000 is no port"},
		{"top --monitor ftp://u:s3cret@h", 2, "--monitor is no URL"},
		{"completion", 2, "say which: bash, fish, powershell, zsh\nsee barid completion --help"},
		{"completion nosh", 2, `unknown command "nosh" for "barid completion"`},
		{"completion bash x", 2, `unknown command "x"`},
		{"context", 2, "say which: ls, select"},
		{"context select", 2, "accepts 1 arg(s)"},
		{"check", 3, "say which: connection, server, health"},
		{"check --what", 3, "unknown flag"},
		{"check health x", 3, `unknown command "x"`},
		{"check health --format xml", 3, "is not nagios, json, prometheus or text"},
		{"check health --namespace a-b", 3, "no beginning of a metric's name"},
		{"check server --cpu-warn high", 3, `--cpu-warn "high": not of the kind percent`},
		{"check server --mem-warn 5q", 3, "not of the kind bytes"},
		{"check connection --warn 2s", 3, "-critical has to be above"},
	} {
		status, stdout, stderr := ask(t, "", strings.Fields(c.line)...)
		require.Equal(t, c.status, status, "%s: %s", c.line, stderr)
		require.Empty(t, stdout, c.line)
		require.True(t, strings.HasPrefix(stderr, "barid: "), stderr)
		require.Contains(t, stderr, c.want, c.line)
		require.Contains(t, stderr, "\nsee barid ", c.line)
		require.NotContains(t, stderr, "s3cret")
	}
}

// Run is what the program calls.
func TestRun(t *testing.T) {
	serve(t)
	var stdout, stderr bytes.Buffer
	require.Equal(t, 0, Run([]string{"pub", "a", "b"}, strings.NewReader(""), &stdout, &stderr))
	require.Equal(t, "published 1 to \"a\"\n", stderr.String())
	require.Empty(t, stdout.String())
}

func TestTextOfOthersIsHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"plain":            "plain",
		"two\nlines\t":     "two\nlines\t",
		"größe 日本":         "größe 日本",
		"\x1b[2J":          `\x1b[2J`,
		"a\rb\x00\x7f":     `a\x0db\x00\x7f`,
		"\xff\xfe":         `\xff\xfe`,
		"\u009b31m\u202e.": `\x9b31m\x202e.`,
	} {
		require.Equal(t, want, clean(text))
	}
}

func TestErrorsOfOthersAreHarmless(t *testing.T) {
	cmd := commands()
	var stderr bytes.Buffer
	cmd.SetErr(&stderr)
	say(cmd, "it says %s", "\x1b]0;pwned\a\u009b")
	require.Equal(t, `it says \x1b]0;pwned\x07\x9b`+"\n", stderr.String())

	_, _, told := ask(t, "", "\x1b]0;pwned\a")
	require.Contains(t, told, "barid: ")
	require.NotContains(t, told, "\x1b")

	r := result{name: "n", said: [4][]string{critical: {"it says \x1b[2J\u009b"}}}
	for _, r.format = range []string{"nagios", "text", "json", "prometheus"} {
		var out bytes.Buffer
		require.NoError(t, r.print(&out))
		require.False(t, strings.ContainsFunc(strings.TrimSpace(strings.ReplaceAll(out.String(), "\n", "")), unicode.IsControl), "%q", out.String())
	}
}

// JSON is often read on a terminal, too.
func TestJSONIsHarmless(t *testing.T) {
	var out bytes.Buffer
	text := "<a&ü\u00a0À\x00\x1b\x7f\u0080\u009b\u009f\"\\"
	require.NoError(t, printJSON(&out, map[string]string{text: text}))
	const want = `"<a&ü` + "\u00a0" + `À\u0000\u001b\u007f\u0080\u009b\u009f\"\\"`
	require.Equal(t, "{"+want+":"+want+"}\n", out.String())
	var back map[string]string
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	require.Equal(t, text, back[text])
}

func TestTemplates(t *testing.T) {
	for _, c := range []struct{ text, pattern string }{
		{"none", `^none$`},
		{"{{Count}} {{ .Count }} {{Cnt}}", `^7 7 7$`},
		{"a{{TimeStamp}}", `^a\d{4}-\d\d-\d\dT`},
		{"{{Unix}} {{UnixNano}}", `^\d{10} \d{19}$`},
		{"{{Time}}", `^\d+:\d\d[AP]M$`},
		{"{{ID}}", `^[A-Z2-7]{26}$`},
		{"{{ Random 3 5 }}", `^[A-Z2-7]{3,5}$`},
		{"{{Random 0 0}}|{{Random 40 40}}", `^\|[A-Z2-7]{40}$`},
		{"} }} {", `^} }} {$`},
	} {
		got, err := fill(c.text, 7)
		require.NoError(t, err, c.text)
		require.Regexp(t, c.pattern, got)
	}
	for _, text := range []string{"{{", "{{}}", "{{Env}}", "{{Count 1}}", "{{Random}}", "{{Random 1}}", "{{Random 2 1}}",
		"{{Random -1 1}}", "{{Random 1 1048577}}", "{{Random a b}}"} {
		_, err := fill(text, 1)
		require.Error(t, err, text)
	}
}
