package status

import "time"

// EventFilterOptions chooses the servers that answer a request. Empty fields let all of them.
type EventFilterOptions struct {
	Name       string   `json:"server_name,omitempty"` // a part of the name, or the whole with ExactMatch
	Cluster    string   `json:"cluster,omitempty"`     // likewise
	Host       string   `json:"host,omitempty"`        // likewise
	ExactMatch bool     `json:"exact_match,omitempty"`
	Tags       []string `json:"tags,omitempty"`   // all must be there; the case of letters does not count
	Domain     string   `json:"domain,omitempty"` // of JetStream; always the whole
}

// ServerAPIResponse is the answer of a server to a request.
type ServerAPIResponse struct {
	Server *ServerInfo `json:"server"`
	Data   any         `json:"data,omitempty"`
	Error  *ApiError   `json:"error,omitempty"`
}

// ApiError says what went wrong with a request.
type ApiError struct {
	Code        int    `json:"code"` // like that of HTTP
	ErrCode     uint16 `json:"err_code,omitempty"`
	Description string `json:"description,omitempty"`
}

// Error implements error.
func (e *ApiError) Error() string { return e.Description }

// ServerID is who answers IDZ.
type ServerID struct {
	Name string `json:"name"`
	Host string `json:"host"`
	ID   string `json:"id"`
}

// UserInfo is what a user may know of itself.
type UserInfo struct {
	UserID      string           `json:"user"`
	Account     string           `json:"account"`
	AccountName string           `json:"account_name,omitempty"` // name tag of the account
	UserName    string           `json:"user_name,omitempty"`    // name in the JWT
	Permissions *UserPermissions `json:"permissions,omitempty"`  // nil for no bounds
	Expires     time.Duration    `json:"expires,omitempty"`      // time left, in whole seconds
}

// UserPermissions bounds what a user may do.
type UserPermissions struct {
	Publish   *SubjectPermission  `json:"publish,omitempty"`
	Subscribe *SubjectPermission  `json:"subscribe,omitempty"`
	Response  *ResponsePermission `json:"responses,omitempty"`
}

// ResponsePermission lets a user answer the messages it gets.
type ResponsePermission struct {
	MaxMsgs int           `json:"max"`
	Expires time.Duration `json:"ttl"`
}

// ProfilezOptions asks for a profile of the process.
type ProfilezOptions struct {
	Name     string        `json:"name"`               // of a profile of Go, or cpu
	Debug    int           `json:"debug,omitempty"`    // 0 for tools, above for people
	Duration time.Duration `json:"duration,omitempty"` // of cpu
}

// ProfilezStatus is a profile of the process.
type ProfilezStatus struct {
	Profile []byte `json:"profile"`
	Error   string `json:"error"`
}

// ExpvarzStatus is what the process tells of itself. Its parts are JSON values.
type ExpvarzStatus struct {
	Memstats any      `json:"memstats"` // *runtime.MemStats
	Cmdline  []string `json:"cmdline"`
}
