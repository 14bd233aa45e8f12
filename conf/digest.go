package conf

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
)

// digest identifies the contents of a configuration, as tools of upstream do.
func digest(root *Block) string {
	h := sha256.New()
	writeBlock(h, root)
	io.WriteString(h, "\n")
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// writeBlock writes b as JSON with the keys in the order of their bytes. The writer never fails.
func writeBlock(w io.Writer, b *Block) {
	sorted := slices.SortedFunc(slices.Values(b.Pairs), func(a, b *Pair) int { return cmp.Compare(a.Key, b.Key) })
	separator := "{"
	for _, pair := range sorted {
		io.WriteString(w, separator)
		separator = ","
		writeJSON(w, pair.Key)
		io.WriteString(w, ":")
		writeValue(w, pair.Value)
	}
	if len(sorted) == 0 {
		io.WriteString(w, separator)
	}
	io.WriteString(w, "}")
}

func writeValue(w io.Writer, v *Value) {
	switch v.Kind {
	case Map:
		writeBlock(w, v.Map)
	case Array:
		separator := "["
		for _, item := range v.Items {
			io.WriteString(w, separator)
			separator = ","
			writeValue(w, item)
		}
		if len(v.Items) == 0 {
			io.WriteString(w, separator)
		}
		io.WriteString(w, "]")
	case Integer:
		writeJSON(w, v.Int)
	case Float:
		writeJSON(w, v.Float)
	case Boolean:
		writeJSON(w, v.Bool)
	case Time:
		writeJSON(w, v.Time)
	default:
		writeJSON(w, v.Text)
	}
}

// writeJSON writes a plain value; those of a configuration can all be written as JSON.
func writeJSON(w io.Writer, plain any) {
	text, err := json.Marshal(plain)
	if err != nil {
		panic(err) // a kind without a case above
	}
	w.Write(text)
}
