package cli

import (
	"crypto/rand"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// maxRandom bounds the length of a random text, in bytes.
const maxRandom = 1 << 20

// fill replaces what stands in double braces. The words are those of the nats command line tool; any
// other is an error. It is no general template language, which would weigh more than the rest.
func fill(text string, count int) (string, error) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{{")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		word, behind, ok := strings.Cut(rest, "}}")
		if !ok {
			return "", misused("a template has no end: {{%s", rest)
		}
		value, err := filled(word, count)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
		text = behind
	}
}

// filled returns the value of a template.
func filled(template string, count int) (string, error) {
	words := strings.Fields(template)
	if len(words) == 0 {
		return "", misused("a template is empty")
	}
	now := time.Now()
	switch name := strings.TrimPrefix(words[0], "."); {
	case name == "Random" && len(words) == 3:
		return random(words[1], words[2])
	case len(words) > 1:
	case name == "Count" || name == "Cnt":
		return strconv.Itoa(count), nil
	case name == "TimeStamp":
		return now.Format(time.RFC3339), nil
	case name == "Unix":
		return strconv.FormatInt(now.Unix(), 10), nil
	case name == "UnixNano":
		return strconv.FormatInt(now.UnixNano(), 10), nil
	case name == "Time":
		return now.Format(time.Kitchen), nil
	case name == "ID":
		return rand.Text(), nil
	}
	return "", misused("{{%s}} is no template; there are Count, TimeStamp, Unix, UnixNano, Time, ID and Random MIN MAX", template)
}

// random returns letters and digits, at least low and at most high of them.
func random(low, high string) (string, error) {
	from, err := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	if err != nil || err2 != nil || from < 0 || to < from || to > maxRandom {
		return "", misused("{{Random %s %s}}: these are no two lengths up to %d", low, high, maxRandom)
	}
	more, err := rand.Int(rand.Reader, big.NewInt(int64(to-from+1)))
	if err != nil {
		return "", err
	}
	n := from + int(more.Int64())
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(rand.Text())
	}
	return b.String()[:n], nil
}
