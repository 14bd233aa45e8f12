package check_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server/options"
)

func TestMain(m *testing.M) { lab.VerifyNoLeaks(m) }

// completed returns options with defaults, changed by f.
func completed(f func(o *options.Options)) *options.Options {
	o := &options.Options{}
	config.Complete(o)
	if f != nil {
		f(o)
	}
	return o
}

func TestAdvertise(t *testing.T) {
	for _, c := range []struct {
		advertise, host string
		port            int
		fault           string // a part of the error
	}{
		{"", "127.0.0.1", 4222, ""},
		{"example.org", "example.org", 4222, ""},
		{"example.org:80", "example.org", 80, ""},
		{"example.org:0", "example.org", 4222, ""},
		{"10.0.0.1:65535", "10.0.0.1", 65535, ""},
		{"[::1]:80", "::1", 80, ""},
		{"[::1]", "::1", 4222, ""},
		{"::1", "", 0, "too many colons"},
		{"a:b:c", "", 0, "too many colons"},
		{"example.org:", "", 0, "invalid syntax"},
		{"example.org:-1", "", 0, "port -1 is not a port"},
		{"example.org:65536", "", 0, "port 65536 is not a port"},
	} {
		o := completed(func(o *options.Options) { o.Host, o.ClientAdvertise = "127.0.0.1", c.advertise })
		host, port, err := check.Advertise(o)
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, c.advertise)
			continue
		}
		require.NoError(t, err, c.advertise)
		require.Equal(t, c.host, host, c.advertise)
		require.Equal(t, c.port, port, c.advertise)
	}
}

// Who passes on faults can tell what they are about, and what to do.
func TestFaultsSayWhatTheyAreAbout(t *testing.T) {
	faults := check.Options(completed(func(o *options.Options) { o.HTTPSPort, o.Password = 1, "s3cret" }), false)
	require.Len(t, faults, 2)
	require.Equal(t, []string{"https_port", "https", "http_port", "http"}, faults[0].Keys)
	require.Equal(t, "add tls { cert_file: ..., key_file: ... }, or use http", check.Hint(faults[0].Format))
	require.Equal(t, "a password needs a user", faults[1].Text)
	require.Equal(t, "authorization.user", faults[1].Keys[0])
	require.Empty(t, check.Hint(""))
}

func TestTimeouts(t *testing.T) {
	for _, fine := range []float64{0, 0.5, 2, 9e9} {
		require.Empty(t, check.Timeout(fine))
	}
	for _, wrong := range []float64{-1, 1e10, math.Inf(1), math.Inf(-1), math.NaN()} {
		require.Equal(t, fmt.Sprintf("of %v seconds is out of range", wrong), check.Timeout(wrong))
	}
}
