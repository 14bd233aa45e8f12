package subject

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTransform(t *testing.T) {
	tests := []struct{ source, destination, subject, want string }{
		{"foo", "bar", "foo", "bar"},
		{"foo", "bar", "foo.x", ""},
		{"foo.bar", "bar", "foo", ""},
		{"foo", "bar", "", ""},
		{"*", "$1.$1", "a", "a.a"},
		{"a.*.*", "b.$2.$1", "a.x.y", "b.y.x"},
		{"a.*.*", "b.{{wildcard(2)}}.{{ Wildcard( 1 ) }}", "a.x.y", "b.y.x"},
		{"a.*.*", "b", "a.x.y", "b"},
		{"a.*.*", "b.$2", "a.x", ""},
		{"a.*.*", "b.$2", "a.x.y.z", ""},
		{"a.*.*", "b.$2", "a..y", ""},
		{"a.*.*", "b.$2", "a.x.", ""},
		{"a.>", "b.>", "a.x.y", "b.x.y"},
		{"a.>", "b.>", "a", ""},
		{"a.>", "b.>", "a..", ""},
		{">", "b.>", "x.y", "b.x.y"},
		{"a.*.>", "$1.b.>", "a.x.y.z", "x.b.y.z"},
		{"a.*.b", "c.$1", "a.*.b", "c.*"},
		{"a.*", "$x.$SYS.$1", "a.v", "$x.$SYS.v"},
		{"*", "p.{{partition(10,1)}}", "foo", "p.3"},
		{"*.*", "{{Partition(7, 1, 2)}}", "foo.bar", "0"},
		{"*", "{{split(1,-)}}", "a-b--c-", "a.b.c"},
		{"*", "{{split(1,--)}}", "a-b--c-", "a-b.c-"},
		{"*", "{{split(1,-)}}.x", "---", "---.x"},
		{"*", "{{splitFromLeft(1,3)}}", "12345", "123.45"},
		{"*", "{{SplitFromRight(1,3)}}", "12345", "12.345"},
		{"*", "{{splitfromleft(1,5)}}", "12345", "12345"},
		{"*", "{{splitfromright(1,0)}}", "12345", "12345"},
		{"*", "{{sliceFromLeft(1,3)}}", "1234567890", "123.456.789.0"},
		{"*", "{{sliceFromRight(1,3)}}", "1234567890", "1.234.567.890"},
		{"*", "{{sliceFromRight(1,5)}}", "1234567890", "12345.67890"},
		{"*", "{{sliceFromLeft(1,10)}}", "1234567890", "1234567890"},
		{"*", "{{left(1,3)}}.{{right(1,2)}}", "12345", "123.45"},
		{"*", "{{left(1,9)}}.{{right(1,9)}}", "12345", "12345.12345"},
		{"*", "{{random(1)}}.$1", "a", "0.a"},
	}
	for _, tt := range tests {
		t.Run(tt.source+" "+tt.destination+" "+tt.subject, func(t *testing.T) {
			tr, err := NewTransform(tt.source, tt.destination)
			require.NoError(t, err)
			require.Equal(t, tt.source, tr.Source())
			out, ok := tr.Append([]byte("in front "), []byte(tt.subject))
			require.Equal(t, tt.want != "", ok)
			require.Equal(t, "in front "+tt.want, string(out))
			require.Equal(t, ok, tr.Matches([]byte(tt.subject)))
			if ok {
				require.True(t, Matches(tt.want, tr.Pattern()), tr.Pattern())
			}
		})
	}
}

func TestTransformErrors(t *testing.T) {
	const mapping = "invalid mapping destination: "
	tests := []struct{ source, destination, transform, rename string }{
		{"", "a", "invalid subject", "invalid subject"},
		{"a..b", "a", "invalid subject", "invalid subject"},
		{"a b", "a", "invalid subject", "invalid subject"},
		{"a", "", "invalid subject", "invalid subject"},
		{"a", "b..c", "invalid subject", "invalid subject"},
		{"a", "b\r", "invalid subject", "invalid subject"},
		{"a", "b.>", "invalid subject", "invalid subject"},
		{"a.>", "b", "invalid subject", "invalid subject"},
		{"a.>", "b.>.c", "invalid subject", "invalid subject"},
		{"a.*", "b.*", "invalid subject", ""},
		{"a.*", "b", "", mapping + "not using all of the token wildcard(s)"},
		{"a.*.*", "b.$2.$2", "", mapping + "wildcard used more than once"},
		{"a.*.*", "b.$1.*", "invalid subject", mapping + "wildcard used more than once"},
		{"a.*.*", "b.*.$1", "invalid subject", mapping + "wildcard used more than once"},
		{"a.*", "b.$2", mapping + "wildcard index out of range in $2: [2]", mapping + "wildcard index out of range"},
		{"a.*", "b.$0", mapping + "wildcard index out of range in $0: [0]", mapping + "wildcard index out of range"},
		{"a.*", "b.{{wildcard(2)}}", mapping + "wildcard index out of range in {{wildcard(2)}}: [2]", mapping + "wildcard index out of range"},
		{"a.*", "b.{{foo(1)}}", mapping + "unknown function in {{foo(1)}}", mapping + "unknown function"},
		{"a.*", "b.{{wildcard(1)", mapping + "unknown function in {{wildcard(1)", mapping + "unknown function"},
		{"a.*", "b.{{wildcard()}}", mapping + "not enough arguments passed to the function in {{wildcard()}}", mapping + "not enough arguments passed to the function"},
		{"a.*", "b.{{wildcard(1,2)}}", mapping + "too many arguments passed to the function in {{wildcard(1,2)}}", mapping + "too many arguments passed to the function"},
		{"a.*", "b.{{wildcard(x)}}", mapping + "function argument is invalid or in the wrong format in {{wildcard(x)}}", mapping + "function argument is invalid or in the wrong format"},
		{"a.*", "b.{{left(1,2)}}", "", errNotAllowed.Error()},
		{"a.*", "b.{{partition(0,1)}}", mapping + "function argument is invalid or in the wrong format in {{partition(0,1)}}", mapping + "function argument is invalid or in the wrong format"},
		{"a.*", "b.{{partition(3,2)}}", mapping + "wildcard index out of range in {{partition(3,2)}}: [2]", mapping + "wildcard index out of range"},
		{"a.*", "b.{{random(0)}}", mapping + "function argument is invalid or in the wrong format in {{random(0)}}", mapping + "function argument is invalid or in the wrong format"},
		{"a.*", "b.{{split(1,)}}", mapping + "function argument is invalid or in the wrong format in {{split(1,)}}", mapping + "function argument is invalid or in the wrong format"},
		{strings.Repeat("*.", 33) + "a", "b", errTooLong.Error(), errTooLong.Error()},
		{"a", strings.Repeat("b.", 256) + "b", errTooLong.Error(), errTooLong.Error()},
		{"a", strings.Repeat("b", 5000), errTooLong.Error(), errTooLong.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.source+" "+tt.destination, func(t *testing.T) {
			check := func(make func(s, d string) (*Transform, error), want string) {
				tr, err := make(tt.source, tt.destination)
				if want == "" {
					require.NoError(t, err)
					require.NotNil(t, tr)
					return
				}
				require.EqualError(t, err, want)
				require.Nil(t, tr)
			}
			check(NewTransform, tt.transform)
			check(NewRename, tt.rename)
		})
	}
}

func TestRenameIsReversible(t *testing.T) {
	tests := []struct{ source, destination, subject, local, reversed string }{
		{"q", "loc", "q", "loc", "loc"},
		{"q.*.*", "loc.$2.$1", "q.x.y", "loc.y.x", "loc.*.*"},
		{"q.*.*.*", "loc.$2.$3.$1", "q.z.x.y", "loc.x.y.z", "loc.*.*.*"},
		{"q.*.b.*", "loc.*.*", "q.x.b.y", "loc.x.y", "loc.*.*"},
		{"q.*.>", "{{wildcard(1)}}.loc.>", "q.x.y.z", "x.loc.y.z", "*.loc.>"},
		{"q.$1.*", "$1.b", "q.$1.x", "x.b", "*.b"},
	}
	for _, tt := range tests {
		t.Run(tt.source+" "+tt.destination, func(t *testing.T) {
			tr, err := NewRename(tt.source, tt.destination)
			require.NoError(t, err)
			require.Equal(t, tt.reversed, tr.Pattern())
			out, ok := tr.Append(nil, []byte(tt.subject))
			require.True(t, ok)
			require.Equal(t, tt.local, string(out))

			back, err := tr.Reverse()
			require.NoError(t, err)
			require.Equal(t, tt.source, back.Pattern())
			require.Equal(t, tt.reversed, back.Source())
			out, ok = back.Append(nil, out)
			require.True(t, ok)
			require.Equal(t, tt.subject, string(out))

			again, err := back.Reverse()
			require.NoError(t, err)
			out, ok = again.Append(nil, []byte(tt.subject))
			require.True(t, ok)
			require.Equal(t, tt.local, string(out))
		})
	}
	mapping, err := NewTransform("a.*", "b.$1")
	require.NoError(t, err)
	_, err = mapping.Reverse()
	require.Error(t, err, "a mapping need not be reversible")
}

func TestTransformOfPatterns(t *testing.T) {
	tr, err := NewRename("q.*.*.>", "loc.$2.$1.>")
	require.NoError(t, err)
	out, ok := tr.Append(nil, []byte("q.*.x.>"))
	require.True(t, ok)
	require.Equal(t, "loc.x.*.>", string(out))
}

func TestRandomStaysBelowItsBound(t *testing.T) {
	tr, err := NewTransform("a", "{{random(3)}}")
	require.NoError(t, err)
	seen := map[string]bool{}
	for range 200 {
		out, ok := tr.Append(nil, []byte("a"))
		require.True(t, ok)
		seen[string(out)] = true
	}
	require.Equal(t, map[string]bool{"0": true, "1": true, "2": true}, seen)
}

func TestTransformIsBounded(t *testing.T) {
	tr, err := NewTransform("*", strings.Repeat("$1.", 255)+"$1")
	require.NoError(t, err)
	_, ok := tr.Append(nil, make([]byte, 1<<20))
	require.False(t, ok)
	out, ok := tr.Append(nil, []byte("abc"))
	require.True(t, ok)
	require.Len(t, out, 256*4-1)
}

func TestTransformAllocatesNothing(t *testing.T) {
	tr, err := NewTransform("orders.*.*.>", "{{partition(7,1,2)}}.{{split(2,-)}}.{{sliceFromRight(1,2)}}.{{random(9)}}.$1.>")
	require.NoError(t, err)
	subject, buffer := []byte("orders.12345.a-b-c.x.y"), make([]byte, 0, 256)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, ok := tr.Append(buffer, subject); !ok {
			panic("no match")
		}
	}))
}

// TestIntersectIsWhatBothMatch checks every pair of short patterns against every subject that could
// make a difference.
func TestIntersectIsWhatBothMatch(t *testing.T) {
	subjects := lists([]string{"a", "z"}, 4)
	patterns := append(lists([]string{"a", "b", "*", ">"}, 3), "", "a..b", "a.", ".>")
	for _, a := range patterns {
		for _, b := range patterns {
			both, ok := Intersect(a, b)
			if ok != slowOverlaps(a, b) || ok != (both != "") {
				t.Fatalf("Intersect(%q, %q) = %q, %v", a, b, both, ok)
			}
			for _, s := range subjects {
				if Matches(s, both) != (Matches(s, a) && Matches(s, b)) && ValidSubscription(a) && ValidSubscription(b) {
					t.Fatalf("Intersect(%q, %q) = %q, but for %q", a, b, both, s)
				}
			}
		}
	}
}

func FuzzTransform(f *testing.F) {
	f.Add("a.*.*", "b.$2.$1", "a.x.y")
	f.Add("a.*.>", "{{split(1,-)}}.{{partition(3,1)}}.>", "a.x-y.z")
	f.Add("*", "{{sliceFromLeft(1,3)}}.{{left(1,2)}}", "1234567")
	f.Fuzz(func(t *testing.T, source, destination, subject string) {
		if tr, err := NewTransform(source, destination); err == nil {
			out, ok := tr.Append(nil, []byte(subject))
			require.LessOrEqual(t, len(out), maxAppended)
			if ok {
				require.True(t, Matches(subject, source))
				require.True(t, Matches(out, tr.Pattern()), "%q of %q is not in %q", out, subject, tr.Pattern())
			} else {
				require.False(t, Matches(subject, source) && len(subject) < 100)
			}
		}
		rename, err := NewRename(source, destination)
		if err != nil {
			return
		}
		back, err := rename.Reverse()
		require.NoError(t, err)
		out, ok := rename.Append(nil, []byte(subject))
		require.Equal(t, Matches(subject, source) && len(subject) <= maxAppended/2 || ok, ok)
		if ok {
			out, ok = back.Append(nil, out)
			require.True(t, ok)
			require.Equal(t, subject, string(out))
		}
	})
}

func BenchmarkTransform(b *testing.B) {
	for _, destination := range []string{"b.$2.$1.>", "{{partition(7,1,2)}}.>"} {
		b.Run(destination, func(b *testing.B) {
			tr, err := NewTransform("orders.*.*.>", destination)
			require.NoError(b, err)
			subject, buffer := []byte("orders.eu.berlin.created"), make([]byte, 0, 256)
			for b.Loop() {
				tr.Append(buffer, subject)
			}
		})
	}
}
