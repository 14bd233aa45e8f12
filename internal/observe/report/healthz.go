package report

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/baridmq/barid/server/status"
)

// ReadyWait is how long a health check waits for listeners that are not up yet.
const ReadyWait = time.Millisecond

// Health reports whether a server is well; nil opts stand for the zero value. waiting names
// the listeners that are still not up after ReadyWait, of server, route, gateway, leafnode,
// websocket and mqtt, in that order.
func Health(opts *status.HealthzOptions, waiting []string) *status.HealthStatus {
	var o status.HealthzOptions
	if opts != nil {
		o = *opts
	}
	switch {
	case o.Stream != "" && o.Account == "":
		return unwell(&o, http.StatusBadRequest, status.HealthErrorBadRequest,
			`"account" must not be empty when checking stream health`)
	case o.Consumer != "" && o.Stream == "":
		return unwell(&o, http.StatusBadRequest, status.HealthErrorBadRequest,
			`"stream" must not be empty when checking consumer health`)
	case len(waiting) > 0:
		return unwell(&o, http.StatusInternalServerError, status.HealthErrorConn,
			fmt.Sprintf("failed to be ready for connections after %v: %s", ReadyWait, strings.Join(waiting, ", ")))
	}
	return &status.HealthStatus{Status: "ok", StatusCode: http.StatusOK}
}

// unwell shapes a failure: one text, or a list for a reader who asked for details.
func unwell(o *status.HealthzOptions, code int, kind status.HealthErrorType, text string) *status.HealthStatus {
	h := &status.HealthStatus{Status: "error", StatusCode: code}
	if o.Details {
		h.Errors = []status.HealthError{{Type: kind, Error: text}}
	} else {
		h.Error = text
	}
	return h
}
