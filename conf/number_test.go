package conf

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNumbers(t *testing.T) {
	for text, want := range map[string]int64{
		"123": 123, "-5": -5, "007": 7, "-0": 0, "5m": 5_000_000, "-5k": -5000,
		"1k": 1e3, "1M": 1e6, "1g": 1e9, "1T": 1e12, "1p": 1e15, "1e": 1e18,
		"1kb": 1 << 10, "1Ki": 1 << 10, "1KIB": 1 << 10, "1mb": 1 << 20, "1mi": 1 << 20, "1MiB": 1 << 20,
		"1gb": 1 << 30, "1gi": 1 << 30, "1gib": 1 << 30, "1tb": 1 << 40, "1ti": 1 << 40, "1tib": 1 << 40,
		"1pb": 1 << 50, "1pi": 1 << 50, "1pib": 1 << 50, "1eb": 1 << 60, "1ei": 1 << 60, "1eib": 1 << 60,
		"7eb": 7 << 60, "-8eb": -1 << 63,
		"9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63,
	} {
		for _, after := range []string{"", "\n", "\r\n", " ", "\t", ";", ",", "}", " # c"} {
			d, err := Parse("a: " + text + after)
			require.NoError(t, err, text)
			require.Equal(t, Integer, get(d.Root, "a").Kind, text)
			require.Equal(t, want, get(d.Root, "a").Int, text)
		}
	}
	for text, want := range map[string]float64{"1.5": 1.5, "-1.5": -1.5, "0.0": 0, "007.50": 7.5} {
		d, err := Parse("a: " + text)
		require.NoError(t, err, text)
		require.Equal(t, Float, get(d.Root, "a").Kind, text)
		require.Equal(t, want, get(d.Root, "a").Float, text)
	}
	d, err := Parse("a: 2016-05-04T18:53:41Z")
	require.NoError(t, err)
	require.Equal(t, Time, get(d.Root, "a").Kind)
	require.Equal(t, time.Date(2016, 5, 4, 18, 53, 41, 0, time.UTC), get(d.Root, "a").Time)
}

func TestStringsThatStartLikeNumbers(t *testing.T) {
	for _, text := range []string{
		"1b", "1kk", "10s", "1h", "0x10", "1_000", "12abc", "1kbx", "1kbix", "1kbb", "1x.5", "1k:2", "1m.5", "1#", "1:2", `1"x`,
		"1.2.3.4", "127.0.0.1:4222", "1.2.3.4:-1", "-5.5.5", "12a3",
	} {
		d, err := Parse("a: " + text)
		require.NoError(t, err, text)
		require.Equal(t, String, get(d.Root, "a").Kind, text)
		require.Equal(t, text, get(d.Root, "a").Text)
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	const quotes = "; text like this needs quotes"
	long := strings.Repeat("9", 400)
	judge(t, []reads{
		{"a: 1m30s", "1:5: Parse error on line 1: '" + needsEnd + "'3' instead.'" + quotes},
		{"a: 1e5", "1:5: Parse error on line 1: '" + needsEnd + "'5' instead.'" + quotes},
		{"a: 12e4", "1:6: Parse error on line 1: '" + needsEnd + "'4' instead.'" + quotes},
		{"a: -5x", "1:5: Parse error on line 1: '" + needsEnd + "'x' instead.'" + quotes},
		{"a: 1.5k", "1:6: Parse error on line 1: '" + needsEnd + "'k' instead.'" + quotes},
		{"a: 1.2.3.4/24", "1:10: Parse error on line 1: '" + needsEnd + "'/' instead.'" + quotes},
		{"a: 1kbi", "1:3: Parse error on line 1: 'Unknown unit of integer '1kbi''"},
		{"a: 1kbib", "1:3: Parse error on line 1: 'Unknown unit of integer '1kbib''"},
		{"a: 1.", "1:5: Parse error on line 1: 'Floats must have a digit after the '.', but got 'EOF' instead.'"},
		{"a: 1.x", "1:5: Parse error on line 1: 'Floats must have a digit after the '.', but got 'x' instead.'"},
		{"a: -.5", "1:4: Parse error on line 1: 'Floats must start with a digit'"},
		{"a: 9223372036854775808", "1:3: integer '9223372036854775808' is out of the range"},
		{"a: 8eb", "1:3: integer '8eb' is out of the range"},
		{"a: -10e", "1:3: integer '-10e' is out of the range"},
		{"a: 1234567890123456789012345", "1:3: integer '12345678901234567890...' is out of the range"}, // it may be a password
		{"a: 9223372036854775807k", "1:3: integer '9223372036854775807k' is out of the range"},
		{"a: " + long + ".0", "1:3: float '" + long[:128] + "...' is out of the range"},
		{"a: 1-2", "1:3: Parse error on line 1: 'All ISO8601 dates must be in full Zulu form.'"},
		{"a: 2016-5-04T18:53:41Z", "1:9: Parse error on line 1: 'Expected digit in ISO8601 datetime, but found '-' instead.'"},
		{"a: 2016-05-04T18:53:41z", "1:22: Parse error on line 1: 'Expected 'Z' in ISO8601 datetime, but found 'z' instead.'"},
		{"a: 2016-05", "1:10: Parse error on line 1: 'Expected '-' in ISO8601 datetime, but found 'EOF' instead.'"},
		{"a: 2016-99-04T18:53:41Z", "1:3: expected Zulu formatted DateTime, but got '2016-99-04T18:53:41Z'"},
	})
}
