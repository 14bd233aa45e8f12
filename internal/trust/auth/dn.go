package auth

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// dn is a distinguished name, most specific part first as RFC 4514 writes it. Each part is the
// set of its attributes as one text: OIDs and quoted values, sorted, so that equal texts mean
// equal parts. Values are compared exactly; types by what they stand for.
type dn []string

// ordered returns a text that is the same for equal names only.
func (d dn) ordered() string { return strings.Join(d, ",") }

// sorted returns a text that is the same for names with the same parts in any order only.
func (d dn) sorted() string { return strings.Join(slices.Sorted(slices.Values(d)), ",") }

// part makes a part of a dn of its attributes.
func part(attributes []string) string {
	slices.Sort(attributes)
	return strings.Join(attributes, "+")
}

func attribute(oid, value string) string { return oid + "=" + strconv.Quote(value) }

// dnOf reads the DER form of a name, as in a certificate. It reports false if that is not one
// or has attributes that are no text.
func dnOf(der []byte) (dn, bool) {
	var seq pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return nil, false
	}
	d := make(dn, 0, len(seq))
	for _, set := range slices.Backward(seq) {
		var attributes []string
		for _, a := range set {
			value, ok := a.Value.(string)
			if !ok {
				return nil, false
			}
			attributes = append(attributes, attribute(a.Type.String(), value))
		}
		d = append(d, part(attributes))
	}
	return d, true
}

// oidOf returns the OID of an attribute type: a short name in any case, or an OID itself.
func oidOf(name string) (string, bool) {
	switch strings.ToUpper(name) {
	case "CN":
		return "2.5.4.3", true
	case "SERIALNUMBER":
		return "2.5.4.5", true
	case "C":
		return "2.5.4.6", true
	case "L":
		return "2.5.4.7", true
	case "ST":
		return "2.5.4.8", true
	case "STREET":
		return "2.5.4.9", true
	case "O":
		return "2.5.4.10", true
	case "OU":
		return "2.5.4.11", true
	case "POSTALCODE":
		return "2.5.4.17", true
	case "UID":
		return "0.9.2342.19200300.100.1.1", true
	case "DC":
		return "0.9.2342.19200300.100.1.25", true
	case "EMAILADDRESS":
		return "1.2.840.113549.1.9.1", true
	}
	if !strings.Contains(name, ".") {
		return "", false
	}
	for number := range strings.SplitSeq(name, ".") {
		if n, err := strconv.Atoi(number); err != nil || strconv.Itoa(n) != number || n < 0 {
			return "", false
		}
	}
	return name, true
}

// parseDN reads the text form of RFC 4514, with blanks around separators as its predecessors
// allow. It reports false for anything else, such as most names of users.
func parseDN(text string) (dn, bool) {
	if len(text) > longestDN || !utf8.ValidString(text) {
		return nil, false
	}
	var d dn
	for {
		var attributes []string
		for end := byte('+'); end == '+'; {
			oid, ok := "", false
			if at := strings.IndexByte(text, '='); at >= 0 {
				oid, ok = oidOf(strings.Trim(text[:at], " "))
				text = text[at+1:]
			}
			if !ok {
				return nil, false
			}
			var value string
			if value, text, end, ok = cutValue(text); !ok {
				return nil, false
			}
			attributes = append(attributes, attribute(oid, value))
			if end == 0 {
				return append(d, part(attributes)), true
			}
		}
		d = append(d, part(attributes))
	}
}

// longestDN is far above what anybody uses, in bytes.
const longestDN = 4096

// cutValue reads a value and what ends it, which is '+', ',' or 0 for the end of text.
func cutValue(text string) (value, rest string, end byte, ok bool) {
	text = strings.TrimLeft(text, " ")
	if strings.HasPrefix(text, "#") {
		return cutHex(text[1:])
	}
	var b []byte
	kept := 0 // blanks after these bytes belong to the value only if something follows
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '+', ',':
			return string(b[:kept]), text[i+1:], c, utf8.Valid(b)
		case '\\':
			c, n := unescape(text[i+1:])
			if n == 0 {
				return "", "", 0, false
			}
			b = append(b, c)
			kept = len(b)
			i += n
		case '"', ';', '<', '>', 0:
			return "", "", 0, false
		default:
			b = append(b, c)
			if c != ' ' {
				kept = len(b)
			}
		}
	}
	return string(b[:kept]), "", 0, utf8.Valid(b)
}

// unescape reads what follows a backslash: a special character or two hex digits. It returns
// the byte and how many of text it takes, 0 for neither.
func unescape(text string) (byte, int) {
	if text == "" {
		return 0, 0
	}
	if strings.IndexByte(` "#+,;<=>\`, text[0]) >= 0 {
		return text[0], 1
	}
	if b, err := hex.DecodeString(text[:min(2, len(text))]); err == nil {
		return b[0], 2
	}
	return 0, 0
}

// cutHex reads a value that is given as its DER form in hex digits. Only texts have a value.
func cutHex(text string) (value, rest string, end byte, ok bool) {
	digits := text
	if at := strings.IndexAny(text, "+,"); at >= 0 {
		digits, rest, end = text[:at], text[at+1:], text[at]
	}
	der, err := hex.DecodeString(strings.TrimRight(digits, " "))
	if err != nil {
		return "", "", 0, false
	}
	var v any
	if more, err := asn1.Unmarshal(der, &v); err != nil || len(more) > 0 {
		return "", "", 0, false
	}
	value, ok = v.(string)
	return value, rest, end, ok
}
