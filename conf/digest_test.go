package conf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDigest(t *testing.T) {
	d, err := Parse("port: 4222")
	require.NoError(t, err)
	require.Equal(t, "sha256:797533ebd0dfba7d34a0f9337ecf147e442871f48ddfd07ed751575a5737267e", d.Digest)

	for text, want := range map[string]string{
		"b 1k; a: $b; B x":            `{"B":"x","a":1000,"b":1000}`,
		"a: '<&>'; 'é<' [ ]; m { }":   `{"a":"\u003c\u0026\u003e","m":{},"é\u003c":[]}`,
		"f: 1.50; g: 100000000.0":     `{"f":1.5,"g":100000000}`,
		"t: 2016-05-04T18:53:41Z":     `{"t":"2016-05-04T18:53:41Z"}`,
		"":                            `{}`,
		`a: "\xff"; b: '` + "\u2028'": `{"a":"\ufffd","b":"\u2028"}`,
		"b: true; c: \"\\n\\x01\"":    `{"b":true,"c":"\n\u0001"}`,
	} {
		d, err := Parse(text)
		require.NoError(t, err, text)
		sum := sha256.Sum256([]byte(want + "\n"))
		require.Equal(t, "sha256:"+hex.EncodeToString(sum[:]), d.Digest, "%s is %s", text, tree(d))
	}
}

// The digest is defined by what encoding/json makes of Go maps.
func TestDigestIsThatOfTheLibrary(t *testing.T) {
	d, err := Parse("z 1; a {y: '\u2028<', x: [1.25, true, 1e, -3]}; 'Q q' 2016-05-04T18:53:41Z; e 0.0000001")
	require.NoError(t, err)
	var plain any
	decoder := json.NewDecoder(bytes.NewReader([]byte(tree(d))))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&plain))
	var b bytes.Buffer
	require.NoError(t, json.NewEncoder(&b).Encode(plain))
	require.Equal(t, b.String(), tree(d)+"\n")
}
