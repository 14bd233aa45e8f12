package identity

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogsNameConnectionsByAddressAndNumber(t *testing.T) {
	c := &Credentials{Remote: "10.0.0.1", ID: 7, Pass: "secret"}
	require.Equal(t, "10.0.0.1 - cid:7", c.Origin())
	c.Addr = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 4}
	require.Equal(t, "10.0.0.2:4 - cid:7", c.Origin())
}
