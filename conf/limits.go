package conf

import (
	"fmt"
	"os"
)

// The bounds of one configuration, with all it includes. They are far above what anybody needs.
const (
	maxInput    = 8 << 20 // bytes of all files and environment variables that are read
	maxDepth    = 128     // maps and arrays in each other, also by way of variables
	maxValues   = 1 << 20 // values in the text
	maxUnfolded = 8 << 20 // bytes and values that references repeat
	maxIncludes = 1024    // files read, counting those that are read again
	maxNested   = 32      // files that include each other
)

// load is what the parsers of one configuration share.
type load struct {
	input, values, unfolded, includes int // used up of the bounds

	files []os.FileInfo // the file being read and those that led to it
	env   []string      // environment variables being parsed, for the same reason
}

// take counts bytes of input.
func (l *load) take(bytes int) error {
	if bytes > maxInput-l.input {
		return fmt.Errorf("configuration is larger than %d bytes", maxInput)
	}
	l.input += bytes
	return nil
}

// unfold counts what a reference repeats: v, which will stand depth maps and arrays deep. The
// values themselves are shared, yet whoever walks the tree meets them again at each reference.
func (l *load) unfold(v *Value, depth int) error {
	l.unfolded += 1 + len(v.Text)
	if l.unfolded > maxUnfolded {
		return fmt.Errorf("variables repeat more than %d bytes", maxUnfolded)
	}
	if v.Kind != Array && v.Kind != Map {
		return nil
	}
	if depth++; depth > maxDepth {
		return tooDeep()
	}
	for _, item := range v.Items {
		if err := l.unfold(item, depth); err != nil {
			return err
		}
	}
	if v.Map == nil {
		return nil
	}
	for _, pair := range v.Map.Pairs {
		l.unfolded += len(pair.Key)
		if err := l.unfold(pair.Value, depth); err != nil {
			return err
		}
	}
	return nil
}

func tooDeep() error {
	return fmt.Errorf("maps and arrays are nested more than %d deep", maxDepth)
}
