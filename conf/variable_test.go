package conf

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVariablesOfTheFile(t *testing.T) {
	judge(t, []reads{
		{"a: 1\nb: $a", `{"a":1,"b":1}`},
		{"a: {x: [1]}\nb: $a", `{"a":{"x":[1]},"b":{"x":[1]}}`},
		{"a: 1; b {a: 2; c {d: $a}}", `{"a":1,"b":{"a":2,"c":{"d":2}}}`},
		{"a: 1; b {c: [[$a]]}", `{"a":1,"b":{"c":[[1]]}}`},
		{"a: 1; b {c: $a; a: 2}", `{"a":1,"b":{"a":2,"c":1}}`},
		{"a: 1; a {b: $a}", `{"a":{"b":1}}`},
		{"a: 1; b: $a; c: $b", `{"a":1,"b":1,"c":1}`},
		{"a.b: 1; c: $a.b", `{"a.b":1,"c":1}`},
		{"a: 1; b: x$a; c: '$a'; d: \"$a\"", `{"a":1,"b":"x$a","c":"$a","d":"$a"}`},

		{"a: 1; b: $A", "1:9: variable reference for 'A' on line 1 can not be found"},
		{"b: $zz\nzz: 1", "1:3: variable reference for 'zz' on line 1 can not be found"},
		{"zz: $zz", "1:4: variable reference for 'zz' on line 1 can not be found"},
		{"b {zz 1}\nc: [ $zz ]", "2:6: variable reference for 'zz' on line 2 can not be found"},
		{"a: ${HOME}", "1:3: variable reference for '{HOME' on line 1 can not be found"},
		{"a: $", "1:3: variable reference for '' on line 1 can not be found"},
	})
}

func TestBcryptHashesAreNoVariables(t *testing.T) {
	for _, version := range "abxy" {
		hash := "$2" + string(version) + "$11$ooo"
		judge(t, []reads{{"password: " + hash, `{"password":"` + hash + `"}`}})
	}
	judge(t, []reads{
		{"a: $2a", "1:3: variable reference for '2a' on line 1 can not be found"},
		{"a: $2c$x", "1:3: variable reference for '2c$x' on line 1 can not be found"},
	})
}

func TestVariablesOfTheEnvironment(t *testing.T) {
	for name, text := range map[string]string{
		"NUMBER": "42k", "WORD": "w", "TRUTH": "yes", "QUOTED": `"a b"`, "EMPTY": "", "LIST": "[1, x]", "MAP": "{k: $NUMBER}",
		"OTHER": "$NUMBER", "LINES": "\n5 # five\n", "SEMI": "5;",
		"SPACE": "a b", "MORE": "1\nx=2", "OPEN": "[1", "LOOP": "$POOL", "POOL": "[$LOOP]", "OUTER": "$key", "NOTHING": "$zz", "COMMA": ",",
	} {
		t.Setenv("BARID_"+name, strings.ReplaceAll(text, "$", "$BARID_"))
	}
	judge(t, []reads{
		{"a: $BARID_NUMBER; b: $BARID_WORD; c: $BARID_TRUTH", `{"a":42000,"b":"w","c":true}`},
		{"a: $BARID_QUOTED; b: $BARID_EMPTY; c: $BARID_LIST", `{"a":"a b","b":"","c":[1,"x"]}`},
		{"a: $BARID_MAP; b: $BARID_OTHER; c: $BARID_LINES; d: $BARID_SEMI", `{"a":{"k":42000},"b":42000,"c":5,"d":5}`},
		{"BARID_NUMBER: $BARID_NUMBER", `{"BARID_NUMBER":42000}`},
		{"BARID_NUMBER: 1; a: $BARID_NUMBER", `{"BARID_NUMBER":1,"a":1}`},
		{"a: $BARID_COMMA", `{"a":""}`},

		{"a: $BARID_SPACE", "1:3: variable reference for 'BARID_SPACE' on line 1 could not be parsed: " +
			"$BARID_SPACE:1:2: Parse error on line 1: '" + needsEnd + "'b' instead.'"},
		{"a: $BARID_MORE", "1:3: variable reference for 'BARID_MORE' on line 1 could not be parsed: " +
			"$BARID_MORE:2:1: Parse error on line 2: '" + needsEnd + "'x' instead.'"},
		{"a: $BARID_OPEN", "1:3: variable reference for 'BARID_OPEN' on line 1 could not be parsed: " +
			"$BARID_OPEN:1:0: Parse error on line 1: 'Unexpected EOF processing array.'"},
	})
	_, err := Parse("key: 1; a: $BARID_LOOP")
	require.ErrorContains(t, err, "variable reference cycle for 'BARID_LOOP'")
	_, err = Parse("BARID_key: 1; a: $BARID_OUTER")
	require.ErrorContains(t, err, "variable reference for 'BARID_key' on line 1 can not be found", "the environment sees no keys")
	_, err = Parse("a: $BARID_NOTHING")
	require.ErrorContains(t, err, "variable reference for 'BARID_NOTHING' on line 1 could not be parsed: ")
}

func TestPairsThatAreReferredToAreMarked(t *testing.T) {
	d, err := Parse("a 1; b 2; c: $b; m { x 1; y 2; z: [$y, $a] }")
	require.NoError(t, err)
	used := map[string]bool{}
	for _, p := range append(d.Root.Pairs, get(d.Root, "m").Map.Pairs...) {
		used[p.Key] = p.Used
	}
	require.Equal(t, map[string]bool{"a": true, "b": true, "c": false, "m": false, "x": false, "y": true, "z": false}, used)
}

func TestAReferenceStandsWhereItIsWritten(t *testing.T) {
	d, err := Parse("a: {x: 1}\n  b: $a")
	require.NoError(t, err)
	require.Equal(t, Position{Line: 2, Column: 3}, get(d.Root, "b").At)
	require.Equal(t, Position{Line: 1, Column: 4}, get(d.Root, "b").Map.Pairs[0].At)
}
