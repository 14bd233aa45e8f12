package server

import (
	"github.com/baridmq/barid/server/options"
	"github.com/baridmq/barid/server/status"
)

// Options are the settings of a server; see package options.
type Options = options.Options

// Values of Options.
const (
	DEFAULT_PORT     = options.DefaultPort
	RANDOM_PORT      = options.RandomPort
	MAX_PENDING_SIZE = options.DefaultMaxPending
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
