package msg

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSetField(t *testing.T) {
	for _, c := range []struct{ name, block, want string }{
		{"no block", "", "NATS/1.0\r\nK: v\r\n\r\n"},
		{"an empty block", "NATS/1.0\r\n\r\n", "NATS/1.0\r\nK: v\r\n\r\n"},
		{"other fields stay", "NATS/1.0\r\nA: 1\r\nA: 2\r\nb:3\r\n\r\n", "NATS/1.0\r\nA: 1\r\nA: 2\r\nb:3\r\nK: v\r\n\r\n"},
		{"a status stays", "NATS/1.0 100 Idle\r\nA: 1\r\n\r\n", "NATS/1.0 100 Idle\r\nA: 1\r\nK: v\r\n\r\n"},
		{"one of the name goes", "NATS/1.0\r\nK: forged\r\nA: 1\r\n\r\n", "NATS/1.0\r\nA: 1\r\nK: v\r\n\r\n"},
		{"so do several, in any case", "NATS/1.0\r\nk: forged\r\nA: 1\r\nK :again\r\n\r\n", "NATS/1.0\r\nA: 1\r\nK: v\r\n\r\n"},
		{"one behind a bare line feed goes", "NATS/1.0\r\nA: 1\nK: forged\n\r\n", "NATS/1.0\r\nA: 1\r\nK: v\r\n\r\n"},
		{"garbage", "hello", "NATS/1.0\r\nK: v\r\n\r\n"},
		{"a block without its end", "NATS/1.0\r\nA: 1", "NATS/1.0\r\nA: 1\r\nK: v\r\n\r\n"},
		{"bytes behind the end are dropped", "NATS/1.0\r\n\r\nK: forged\r\n", "NATS/1.0\r\nK: v\r\n\r\n"},
	} {
		require.Equal(t, c.want, string(SetField(nil, []byte(c.block), "K", []byte("v"))), c.name)
	}
}

func TestField(t *testing.T) {
	block := []byte("NATS/1.0\r\nOne: 1\r\ntwo:  2 \r\nOne: other\r\nno field\r\n\r\n")
	for key, want := range map[string]string{"One": "1", "TWO": "2"} {
		got, ok := Field(block, key)
		require.True(t, ok, key)
		require.Equal(t, want, string(got))
	}
	_, ok := Field(block, "no field")
	require.False(t, ok)
	_, ok = Field(nil, "One")
	require.False(t, ok)
	var all []string
	EachField(block, func(k, v []byte) { all = append(all, string(k)+"="+string(v)) })
	require.Equal(t, []string{"One=1", "two=2", "One=other"}, all)
}

// Whatever a client sends as its header, what is set is found and stands there once.
func FuzzSetField(f *testing.F) {
	for _, s := range []string{"", "NATS/1.0\r\n\r\n", "NATS/1.0\r\nK: 1\r\nK:2\r\n\r\n", "NATS/1.0", "NATS/1.0\r\nk", "\r\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		out := SetField(nil, block, "K-Name", []byte("value"))
		got, ok := Field(out, "K-Name")
		require.True(t, ok)
		require.Equal(t, "value", string(got))
		n := 0
		EachField(out, func(k, _ []byte) {
			if strings.EqualFold(string(k), "K-Name") {
				n++
			}
		})
		require.Equal(t, 1, n)
		require.True(t, strings.HasSuffix(string(out), "\r\n\r\n"))
	})
}
