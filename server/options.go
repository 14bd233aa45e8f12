package server

import (
	"crypto/tls"
	"time"

	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/server/options"
	"github.com/baridmq/barid/server/status"
)

// Options are the settings of a server, and the types they are made of; see package options.
type (
	Options            = options.Options
	User               = options.User
	NkeyUser           = options.NkeyUser
	Account            = options.Account
	AccountLimits      = options.AccountLimits
	Permissions        = options.Permissions
	SubjectPermission  = options.SubjectPermission
	ResponsePermission = options.ResponsePermission
	PinnedCertSet      = options.PinnedCertSet
	ProxyConfig        = options.ProxyConfig
	ProxiesConfig      = options.ProxiesConfig
	TLSConfigOpts      = options.TLSConfigOpts
	TLSCertPairOpt     = options.TLSCertPairOpt
)

// Values of Options.
const (
	DEFAULT_PORT     = options.DefaultPort
	RANDOM_PORT      = options.RandomPort
	MAX_PENDING_SIZE = options.DefaultMaxPending
	AUTH_TIMEOUT     = 2 * time.Second
)

// DefaultConnListSize is the number of connections on a page of /connz.
const DefaultConnListSize = status.DefaultConnListSize

// Types of reports; see package status.
type (
	Varz         = status.Varz
	VarzOptions  = status.VarzOptions
	Connz        = status.Connz
	ConnInfo     = status.ConnInfo
	ConnzOptions = status.ConnzOptions
	ConnState    = status.ConnState
)

// States of connections, for ConnzOptions.
const (
	ConnOpen   = status.ConnOpen
	ConnClosed = status.ConnClosed
	ConnAll    = status.ConnAll
)

// NewAccount returns an account without limits, for Options.Accounts and users.
func NewAccount(name string) *Account { return options.NewAccount(name) }

// ProcessConfigFile reads a configuration file into new options. The error lists everything that
// is wrong, a line for each with file, line and column. Settings that are merely questionable are
// taken; barid's -t tells of them.
func ProcessConfigFile(file string) (*Options, error) {
	o, _, err := config.File(file)
	return o, err
}

// GenTLSConfig makes a TLS configuration of the files that tc names: a pair of certificate and
// key, and authorities that peers are verified with. The oldest version is TLS 1.2.
func GenTLSConfig(tc *TLSConfigOpts) (*tls.Config, error) { return config.GenTLSConfig(tc) }
