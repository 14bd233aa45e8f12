package msg

import "bytes"

// version begins every header block (NATS client protocol, HPUB).
const version = "NATS/1.0"

var lineEnd = []byte("\r\n")

// SetField appends to dst the header block with the field key set to value, the only one of that name,
// as its last. Letters count alike in whatever case when fields of that name are left out, so that none
// passes for it. Without a block, or with bytes that are none, it begins a new one. Key and value must not
// have line breaks.
func SetField(dst, block []byte, key string, value []byte) []byte {
	rest, ok := fields(block)
	if !ok {
		dst = append(dst, version...)
		dst = append(dst, lineEnd...)
	} else {
		dst = append(dst, block[:len(block)-len(rest)]...)
	}
	for len(rest) > 0 {
		line, after := cutLine(rest)
		if len(line) == 0 {
			break
		}
		if name, _, _ := bytes.Cut(line, []byte(":")); !sameName(name, key) {
			dst = append(append(dst, line...), lineEnd...)
		}
		rest = after
	}
	dst = append(append(dst, key...), ": "...)
	dst = append(append(dst, value...), lineEnd...)
	return append(dst, lineEnd...)
}

// Field returns the value of the first field of a header block with that name, in whatever case. It lies
// in block.
func Field(block []byte, key string) (value []byte, ok bool) {
	rest, _ := fields(block)
	for len(rest) > 0 {
		line, after := cutLine(rest)
		if len(line) == 0 {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(":")); found && sameName(name, key) {
			return bytes.TrimSpace(value), true
		}
		rest = after
	}
	return nil, false
}

// EachField calls f for the fields of a header block in their order.
func EachField(block []byte, f func(key, value []byte)) {
	rest, _ := fields(block)
	for len(rest) > 0 {
		line, after := cutLine(rest)
		if len(line) == 0 {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(":")); found {
			f(bytes.TrimSpace(name), bytes.TrimSpace(value))
		}
		rest = after
	}
}

// sameName reports whether name, as it stands in a block, is key.
func sameName(name []byte, key string) bool {
	name = bytes.TrimSpace(name)
	if len(name) != len(key) {
		return false
	}
	for i := range name {
		if lower(name[i]) != lower(key[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// fields returns what stands behind the first line of a block, if that is one.
func fields(block []byte) (rest []byte, ok bool) {
	if len(block) < len(version) || string(block[:len(version)]) != version {
		return nil, false
	}
	i := bytes.IndexByte(block, '\n')
	if i < 0 {
		return nil, false
	}
	return block[i+1:], true
}

// cutLine returns the first line of b and what follows. Like the decoders of clients it takes a line
// feed for an end, with or without a carriage return.
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}
