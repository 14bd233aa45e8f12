package config

import (
	"flag"
	"slices"
	"strings"
)

// redacted stands where a secret was.
const redacted = "[REDACTED]"

// span is a part of a text, in bytes.
type span struct{ from, to int }

// wholeText is a value that is a secret; nothing needs not be hidden.
func wholeText(text string) []span {
	if text == "" {
		return nil
	}
	return []span{{0, len(text)}}
}

// userParts are the users and passwords in a list of URLs, all that stands between :// and @. A
// password may have commas and @ in it; rather too much is hidden than too little.
func userParts(text string) (found []span) {
	const scheme = "://"
	for from := 0; from < len(text); {
		end := len(text)
		if next := strings.Index(text[from:], scheme); next == 0 {
			from += len(scheme)
			continue
		} else if next > 0 {
			end = from + next
		}
		if at := strings.LastIndexByte(text[from:end], '@'); at > 0 {
			found = append(found, span{from, from + at})
		}
		from = end
	}
	return found
}

// redact replaces parts of a text.
func redact(text string, parts []span) string {
	for _, p := range slices.Backward(parts) {
		text = text[:p.from] + redacted + text[p.to:]
	}
	return text
}

// hideSecrets replaces the secrets in args, and makes what was there unreadable as far as the
// system lets it. It finds them as fs does, without stopping at what fs does not know.
func hideSecrets(fs *flag.FlagSet, args []string) {
	for i := 0; i < len(args); i++ {
		name, isFlag := strings.CutPrefix(args[i], "-")
		name, value, joined := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		if !isFlag || name == "" {
			return // the flags are over
		}
		f := fs.Lookup(name)
		if f == nil {
			continue
		}
		if b, ok := f.Value.(interface{ IsBoolFlag() bool }); !joined && !(ok && b.IsBoolFlag()) {
			if i++; i == len(args) {
				return // its value is missing
			}
			value = args[i]
		}
		if a, ours := f.Value.(*argument); ours && a.row.secret != nil {
			args[i] = hide(args[i], value, a.row.secret(value))
		}
	}
}

// hide returns a copy of arg without the given parts of the value, which is its end, and
// overwrites them where they are.
func hide(arg, value string, parts []span) string {
	shown := strings.Clone(arg[:len(arg)-len(value)]) + redact(value, parts)
	for _, p := range parts {
		overwrite(value[p.from:p.to])
	}
	return shown
}
