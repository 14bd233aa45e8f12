package flags

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/spf13/cobra"
)

// Common are the flags of every token.
type Common struct {
	expiry, start string
	tags, untag   []string
}

// Add adds the flags to a command.
func (c *Common) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.expiry, "expiry", "", "`WHEN` it ends: a span such as 12h or 90d, a day such as 2027-01-31, or never")
	f.StringVar(&c.start, "start", "", "`WHEN` it begins to count, in the form of --expiry")
	f.StringSliceVar(&c.tags, "tag", nil, "`TAG` of it; may be repeated")
	f.StringSliceVar(&c.untag, "rm-tag", nil, "`TAG` to remove; may be repeated")
}

// Apply changes a token as the flags say. Tags may be nil for one without.
func (c *Common) Apply(cmd *cobra.Command, d *jwt.ClaimsData, tags *jwt.TagList) error {
	for _, x := range []struct {
		flag, text string
		to         *int64
	}{{"expiry", c.expiry, &d.Expires}, {"start", c.start, &d.NotBefore}} {
		if !cmd.Flags().Changed(x.flag) {
			continue
		}
		at, err := moment(x.text, time.Now())
		if err != nil {
			return fmt.Errorf("--%s: %w", x.flag, err)
		}
		*x.to = at
	}
	if d.Expires != 0 && d.Expires <= max(time.Now().Unix(), d.NotBefore) && cmd.Flags().Changed("expiry") {
		return fmt.Errorf("--expiry %s is in the past, or before the start", c.expiry)
	}
	if tags != nil {
		tags.Add(c.tags...)
		tags.Remove(c.untag...)
	}
	return nil
}

// moment returns a time in seconds of Unix; 0 is never.
func moment(text string, now time.Time) (int64, error) {
	if text == "" || text == "never" || text == "0" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			return now.AddDate(0, 0, n).Unix(), nil
		}
	}
	if span, err := time.ParseDuration(text); err == nil && span > 0 {
		return now.Add(span).Unix(), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil && at.Unix() > 0 {
			return at.Unix(), nil
		}
	}
	return 0, fmt.Errorf("%q is no span such as 12h or 90d, no day such as 2027-01-31, no time such as 2027-01-31T18:00:00Z, and not never", text)
}
