package conf

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree returns the values of a document as JSON.
func tree(d *Document) string {
	var b strings.Builder
	writeBlock(&b, d.Root)
	return b.String()
}

// reads is a text and what it means: JSON, or the beginning of an error.
type reads struct{ text, want string }

// judge parses each text. Those whose expectation is no JSON must fail.
func judge(t *testing.T, cases []reads) {
	t.Helper()
	for _, c := range cases {
		d, err := Parse(c.text)
		if strings.HasPrefix(c.want, "{") {
			require.NoError(t, err, "%q", c.text)
			require.Equal(t, c.want, tree(d), "%q", c.text)
			continue
		}
		require.Error(t, err, "%q", c.text)
		require.Equal(t, c.want, err.Error(), "%q", c.text)
	}
}

const (
	needsEnd  = "Expected a top-level value to end with a new line, comment or EOF, but got "
	needsMap  = `Expected a map value terminator "," or a map terminator "}", but got `
	needsItem = `Expected an array value terminator "," or an array terminator "]", but got `
)

func TestPairsOfTheTopLevel(t *testing.T) {
	judge(t, []reads{
		{"a: 1\nb: x", `{"a":1,"b":"x"}`},
		{"a = 1\r\nb 2\r\n", `{"a":1,"b":2}`},
		{"a: 1; b: x, c: y", `{"a":1,"b":"x","c":"y"}`},
		{"{ a: 1, b: 2, }", `{"a":1,"b":2}`},
		{"{{a 1}}", `{"a":1}`},
		{"{a 1} b 2\n{c 3}", `{"a":1,"b":2,"c":3}`},
		{"{a 1", `{"a":1}`},
		{"listen: 1 } port: 2", `{"listen":1,"port":2}`},
		{"a 1 }", `{"a":1}`},
		{"a 1\n}\n", `{"a":1}`},
		{"a {b 1}}c 2", `{"a":{"b":1},"c":2}`},
		{"", `{}`},
		{" \n# nothing\n", `{}`},
		{"{", `{}`},
		{"}", `{}`},
		{"{}", `{}`},
		{"\ufeffa 1", `{"a":1}`},
		{`{"a": [1,2], "b": {"c": true}, "d": "x\\y\"z"}`, `{"a":[1,2],"b":{"c":true},"d":"x\\y\"z"}`},

		{"port: 1 host: x", "1:8: Parse error on line 1: '" + needsEnd + "'h' instead.'"},
		{"a 1\n}\nb 2", "2:1: Parse error on line 2: 'Unexpected map end '}'.'"},
		{"a", "config is invalid (1:0): the key has no value"},
		{"\n a \n", "config is invalid (2:2): the key has no value"},
		{"[1]", "config is invalid (1:0): the key has no value"},
		{"a 1\x00b 2", "1:3: Parse error on line 1: 'Unexpected EOF. The text has a NUL character'"},
		{"a 1;; b 2", `1:4: unknown field ";": a key cannot start with a separator`},
	})
}

func TestComments(t *testing.T) {
	judge(t, []reads{
		{"# x\n// y\na 1 # z\nb 2 // z", `{"a":1,"b":2}`},
		{"port: 4222#c", `{"port":"4222#c"}`},
		{"a: a//b", `{"a":"a//b"}`},
		{`a: "x"#c`, `{"a":"x"}`},
		{"a { # x\n b 1 // y\n # z\n c 2 }", `{"a":{"b":1,"c":2}}`},
		{"a [ # x\n 1, // y\n # z\n 2 # ]\n]", `{"a":[1,2]}`},

		{"/* x */", "1:0: Parse error on line 1: 'Unexpected EOF. Comments start with # or //, and this is none'"},
		{"a # x\n 1", "1:4: Parse error on line 1: '" + needsEnd + "'x' instead.'"},
	})
}

func TestKeys(t *testing.T) {
	judge(t, []reads{
		{"listen{a:b}", `{"listen{a":"b"}`},
		{"a.b 1", `{"a.b":1}`},
		{`"a b" 1; 'c"d': 2; "e\n" = 3`, `{"a b":1,"c\"d":2,"e\\n":3}`},
		{"'a'{b 1}", `{"a":{"b":1}}`},
		{`"" 1`, `{"":1}`},
		{"a :1\nb= 2\nc : 3", `{"a":1,"b":2,"c":3}`},
		{"a:=1", `{"a":"=1"}`},
		{"listen\n{a:1}", `{"listen":{"a":1}}`},
		{"a\n\n: 1", `{"a":1}`},
		{"a {b:\n\n1}", `{"a":{"b":1}}`},
		{"a\u00a01", `{"a":1}`},
		{"Port 1\nport 2", `{"Port":1,"port":2}`},
		{"a {/b 1}", `{"a":{"/b":1}}`},
		{"a 1\nb 2\na 3", `{"a":3,"b":2}`},

		{"a:\n1", "1:2: Parse error on line 1: 'Expected value but found new line'"},
		{"{a:\r\n1}", "1:3: Parse error on line 1: 'Expected value but found new line'"},
		{"= 1", "1:0: Parse error on line 1: 'Unexpected key separator '='.'"},
		{"a {: 1}", "1:3: Parse error on line 1: 'Unexpected key separator ':'.'"},
		{"'a", "1:0: Parse error on line 1: 'Unexpected EOF.'"},
		{"a : : 1", "1:6: Parse error on line 1: '" + needsEnd + "'1' instead.'"},
	})
}

func TestALaterPairReplacesAnEarlierOneInItsPlace(t *testing.T) {
	d, err := Parse("a 1\nb 2\na 3")
	require.NoError(t, err)
	require.Len(t, d.Root.Pairs, 2)
	require.Equal(t, "b", d.Root.Pairs[0].Key)
	require.Equal(t, int64(3), d.Root.Pairs[1].Value.Int)
	require.Equal(t, 3, d.Root.Pairs[1].At.Line)
}

func TestBareWords(t *testing.T) {
	judge(t, []reads{
		{"a: TRUE; b: Yes; c: on", `{"a":true,"b":true,"c":true}`},
		{"a: false; b: NO; c: Off", `{"a":false,"b":false,"c":false}`},
		{"a: null", `{"a":"null"}`},
		{"a:", `{"a":""}`},
		{"a: ;b ,c 1", `{"a":"","b":"","c":1}`},
		{"a: nats://x:y@h#f={[(\"$", `{"a":"nats://x:y@h#f={[(\"$"}`},
		{"a: b'\nc: 1", `{"a":"b","c":1}`},
		{`a: tr\x75e`, `{"a":"true"}`},
		{`a: \x24b`, `{"a":"$b"}`},
		{`a: b\tc`, `{"a":"b\tc"}`},
		{"a: +5", `{"a":"+5"}`},
		{"a: x]", "1:4: Parse error on line 1: '" + needsEnd + "']' instead.'"},
		{"a: b'c", "1:5: Parse error on line 1: '" + needsEnd + "'c' instead.'; text like this needs quotes"},
		{"a: .5", "1:3: Parse error on line 1: 'Floats must start with a digit'"},
		{"a: -x", "1:4: Parse error on line 1: 'Expected a digit but got 'x'.'"},
		{"a: -", "1:4: Parse error on line 1: 'Expected a digit but got 'EOF'.'"},
	})
}

func TestStrings(t *testing.T) {
	const escapes = `Only the following escape characters are allowed: \xXX, \t, \n, \r, \", \\.'`
	judge(t, []reads{
		{`a: "\t\n\r\"\\\x41\x7f"`, `{"a":"\t\n\r\"\\A` + "\x7f" + `"}`},
		{"a: \"b\nc\"", `{"a":"b\nc"}`},
		{`a: "$b # c"`, `{"a":"$b # c"}`},
		{`a: '\n"$x'`, `{"a":"\\n\"$x"}`},
		{"a: 'b\nc'", `{"a":"b\nc"}`},
		{`a: "true"`, `{"a":"true"}`},
		{"a: (\na\n)", `{"a":"\na\n"}`},
		{"a: (\n$b \\n 'c' )\n)\nb: 1", `{"a":"\n$b \\n 'c' )\n","b":1}`},
		{"a: (\r\nb\r\n)\r\nc: 1", `{"a":"\r\nb\r\n","c":1}`},
		{"a: (b\n)", `{"a":"b\n"}`},
		{"a: (\n)", `{"a":"\n"}`},

		{`a: "\q"`, `1:4: Parse error on line 1: 'Invalid escape character 'q'. ` + escapes},
		{`a: "\u0041"`, `1:4: Parse error on line 1: 'Invalid escape character 'u'. ` + escapes},
		{`a: \`, `1:3: Parse error on line 1: 'Invalid escape character 'EOF'. ` + escapes},
		{`a: "\xzz"`, `1:4: Parse error on line 1: 'Expected two hexadecimal digits after '\x', but got 'zz''`},
		{`a: "\x4`, `1:4: Parse error on line 1: 'Expected two hexadecimal digits after '\x', but got '4''`},
		{`a: "\x`, `1:4: Parse error on line 1: 'Expected two hexadecimal digits after '\x', but got 'EOF''`},
		{`a: "b`, "1:3: Parse error on line 1: 'Unexpected EOF.'"},
		{"a 1\nb: 'c\n\n", "2:4: Parse error on line 2: 'Unexpected EOF.'"},
		{`a: """b"""`, "1:5: Parse error on line 1: '" + needsEnd + "'\"' instead.'; text like this needs quotes"},
		{"a: (a)", "1:3: Parse error on line 1: 'Unexpected EOF processing block.'"},
		{"a: ()\n", "1:3: Parse error on line 1: 'Unexpected EOF processing block.'"},
		{"a: (\nb\n) # c\n", "1:3: Parse error on line 1: 'Unexpected EOF processing block.'"},
	})
}

func TestBytesOfEscapesStayBytes(t *testing.T) {
	d, err := Parse(`a: "\xff\x00"`)
	require.NoError(t, err)
	require.Equal(t, "\xff\x00", get(d.Root, "a").Text)
}

func TestMaps(t *testing.T) {
	judge(t, []reads{
		{"a {b 1, c 2; d 3\ne 4}", `{"a":{"b":1,"c":2,"d":3,"e":4}}`},
		{"a {b 1,}", `{"a":{"b":1}}`},
		{"a {b 1;}", `{"a":{"b":1}}`},
		{"a {b {c {}}}", `{"a":{"b":{"c":{}}}}`},
		{"a {b }", "config is invalid (1:3): the key has no value"},
		{"a {b:\n}", "config is invalid (1:3): the key has no value"},
		{"a {b: ; c 1}", `{"a":{"b":"","c":1}}`},
		{"a {b 1 c 2}", "1:7: Parse error on line 1: '" + needsMap + "'c' instead.'"},
		{"a {b {c 1}d 2}", "1:10: Parse error on line 1: '" + needsMap + "'d' instead.'"},
		{"a {b 1]", "1:6: Parse error on line 1: '" + needsMap + "']' instead.'"},
		{"a {b 1", "1:2: Parse error on line 1: 'Unexpected EOF processing map.'"},
		{"a {\nb {\nc 1\n}\n", "1:2: Parse error on line 1: 'Unexpected EOF processing map.'"},
		{"a {b", "1:3: Parse error on line 1: 'Unexpected EOF processing map.'"},
		{"a {b:", "1:3: Parse error on line 1: 'Unexpected EOF processing map.'"},
		{"a {]}", "1:3: Parse error on line 1: 'Unexpected array end ']' processing map.'"},
		{"a {b: , c 1}", `1:6: Parse error on line 1: 'Unexpected map value terminator ",".'`},
		{"a {b 1,, }", `1:7: unknown field ",": a key cannot start with a separator`},
	})
}

func TestArrays(t *testing.T) {
	judge(t, []reads{
		{"a [1,2]", `{"a":[1,2]}`},
		{"a [1, 2 ]", `{"a":[1,2]}`},
		{"a [1k,2kb,-3]", `{"a":[1000,2048,-3]}`},
		{"a [b\nc\n\n,]", "4:1: Parse error on line 4: 'Unexpected array value terminator ','.'"},
		{"a [\nb\n\nc,\nd,\n]", `{"a":["b","c","d"]}`},
		{`a [x, 1.5, "y", 'z', true, {b 1}, [2], 1.2.3.4, 2016-05-04T18:53:41Z]`,
			`{"a":["x",1.5,"y","z",true,{"b":1},[2],"1.2.3.4","2016-05-04T18:53:41Z"]}`},
		{"a []", `{"a":[]}`},
		{"a [/b]", `{"a":["/b"]}`},
		{"a [include x]", "1:11: Parse error on line 1: '" + needsItem + "'x' instead.'"},
		{"a [,1]", "1:3: Parse error on line 1: 'Unexpected array value terminator ','.'"},
		{"a [1,,2]", "1:5: Parse error on line 1: 'Unexpected array value terminator ','.'"},
		{"a [1; 2]", "1:4: Parse error on line 1: '" + needsItem + "';' instead.'"},
		{"a [b c]", "1:5: Parse error on line 1: '" + needsItem + "'c' instead.'"},
		{"a [b}", "1:4: Parse error on line 1: '" + needsItem + "'}' instead.'"},
		{"a [1", "1:2: Parse error on line 1: 'Unexpected EOF processing array.'"},
	})
}
