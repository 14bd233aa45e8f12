package proto

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
)

// secret tells by its name that a value of CONNECT must not be logged. Like the decoder of
// CONNECT it ignores case.
var secret = regexp.MustCompile(`(?is)^(?:pass.*|auth_token.*|jwt|sig|proxy_sig|nkey)$`)

// Redacted stands for what must not be shown.
const Redacted = "[REDACTED]"

// Redact returns the arguments of a CONNECT as they were written, but without secrets and without
// what is nested, which may hold some. What cannot be read is left out, too.
func Redact(args []byte) []byte {
	if len(args) == 0 {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(args))
	var out []byte
	done := 0 // how much of args is in out
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return append(out, Redacted...)
	}
	for {
		out = append(out, args[done:in.InputOffset()]...)
		if done = int(in.InputOffset()); !in.More() {
			break
		}
		name, err := in.Token()
		if err != nil {
			return append(out, Redacted...)
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return append(out, Redacted...)
		}
		if secret.MatchString(fmt.Sprint(name)) || value[0] == '{' || value[0] == '[' {
			end := int(in.InputOffset())
			out = append(out, args[done:end-len(value)]...)
			out = append(out, `"`+Redacted+`"`...)
			done = end
		}
	}
	if _, err := in.Token(); err != nil {
		return append(out, Redacted...)
	}
	end := int(in.InputOffset())
	out = append(out, args[done:end]...)
	if rest := bytes.TrimRight(args[end:], " \t\r\n"); len(rest) > 0 {
		return append(out, Redacted...)
	}
	return append(out, args[end:]...)
}
