package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/status"
)

func TestHealth(t *testing.T) {
	const (
		noAccount = `"account" must not be empty when checking stream health`
		noStream  = `"stream" must not be empty when checking consumer health`
		notReady  = `failed to be ready for connections after 1ms: server, websocket`
	)
	down := []string{"server", "websocket"}
	for _, tt := range []struct {
		name    string
		opts    *status.HealthzOptions
		waiting []string
		want    status.HealthStatus
	}{
		{"well", nil, nil, status.HealthStatus{Status: "ok", StatusCode: 200}},
		{"well in detail", &status.HealthzOptions{Details: true}, nil, status.HealthStatus{Status: "ok", StatusCode: 200}},
		{"stream of an account", &status.HealthzOptions{Account: "A", Stream: "S", Consumer: "C"}, nil, status.HealthStatus{Status: "ok", StatusCode: 200}},
		{"not ready", nil, down, status.HealthStatus{Status: "error", StatusCode: 500, Error: notReady}},
		{"not ready in detail", &status.HealthzOptions{Details: true}, down, status.HealthStatus{
			Status: "error", StatusCode: 500, Errors: []status.HealthError{{Type: "CONNECTION", Error: notReady}},
		}},
		{"stream without account", &status.HealthzOptions{Stream: "S"}, down, status.HealthStatus{Status: "error", StatusCode: 400, Error: noAccount}},
		{"consumer without stream", &status.HealthzOptions{Consumer: "C"}, nil, status.HealthStatus{Status: "error", StatusCode: 400, Error: noStream}},
		{"bad request in detail", &status.HealthzOptions{Consumer: "C", Details: true}, nil, status.HealthStatus{
			Status: "error", StatusCode: 400, Errors: []status.HealthError{{Type: "BAD_REQUEST", Error: noStream}},
		}},
	} {
		require.Equal(t, &tt.want, Health(tt.opts, tt.waiting), tt.name)
	}
}
