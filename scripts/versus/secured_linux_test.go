package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The first connections of all dialers have nothing to resume, all others do unless the server offers no
// sessions.
func TestResume(t *testing.T) {
	for name, offers := range map[string]bool{"with sessions": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			server := &mill{}
			client := server.encrypt(t)
			server.tls.SessionTicketsDisabled = !offers
			target := server.start(t)
			target.TLS = client
			self, err := os.FindProcess(os.Getpid())
			require.NoError(t, err)
			target.cmd = &exec.Cmd{Process: self}
			s, err := resume(t.Context(), target, 10*dialers)
			require.NoError(t, err)
			part, ok := s.figure(resumed)
			require.True(t, ok)
			if offers {
				require.GreaterOrEqual(t, part, 0.9)
			} else {
				require.Zero(t, part)
			}
		})
	}
}
