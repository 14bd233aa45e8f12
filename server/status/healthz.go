package status

// HealthzOptions narrows a health check. The zero value, and nil, ask for everything.
type HealthzOptions struct {
	JSEnabled     bool   `json:"js-enabled,omitempty"`      // older name of JSEnabledOnly
	JSEnabledOnly bool   `json:"js-enabled-only,omitempty"` // fail only if JetStream is configured and not running
	JSServerOnly  bool   `json:"js-server-only,omitempty"`  // skip everything of JetStream
	JSMetaOnly    bool   `json:"js-meta-only,omitempty"`    // stop after JetStream's meta layer
	Account       string `json:"account,omitempty"`
	Stream        string `json:"stream,omitempty"`   // needs Account
	Consumer      string `json:"consumer,omitempty"` // needs Stream
	Details       bool   `json:"details,omitempty"`  // all errors instead of the first
}

// HealthStatus is the result of a health check, the answer of /healthz.
type HealthStatus struct {
	Status     string        `json:"status"`                // ok, unavailable or error
	StatusCode int           `json:"status_code,omitempty"` // HTTP status; left out of HTTP answers
	Error      string        `json:"error,omitempty"`       // the first error, unless details are asked for
	Errors     []HealthError `json:"errors,omitempty"`      // only if details are asked for
}

// HealthError is one thing that is not well.
type HealthError struct {
	Type     HealthErrorType `json:"type"`
	Account  string          `json:"account,omitempty"`
	Stream   string          `json:"stream,omitempty"`
	Consumer string          `json:"consumer,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// HealthErrorType says which part of the server a HealthError is about.
type HealthErrorType string

// The parts.
const (
	HealthErrorConn       HealthErrorType = "CONNECTION"
	HealthErrorBadRequest HealthErrorType = "BAD_REQUEST"
	HealthErrorJetStream  HealthErrorType = "JETSTREAM"
	HealthErrorAccount    HealthErrorType = "ACCOUNT"
	HealthErrorStream     HealthErrorType = "STREAM"
	HealthErrorConsumer   HealthErrorType = "CONSUMER"
)
