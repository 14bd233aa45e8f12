package server

import (
	"errors"

	"github.com/baridmq/barid/server/status"
)

// What is in this file belongs to streams, which barid does not have yet. It lets programs compile
// that use them if there are any.

// JSApiLevel is the level of the API of streams, as INFO tells it.
const JSApiLevel = apiLevel

// Subjects of the API of streams.
const (
	JSApiAccountInfo           = "$JS.API.INFO"
	JSApiStreamCreate          = "$JS.API.STREAM.CREATE.*"
	JSApiStreamUpdate          = "$JS.API.STREAM.UPDATE.*"
	JSApiStreams               = "$JS.API.STREAM.NAMES"
	JSApiStreamInfo            = "$JS.API.STREAM.INFO.*"
	JSApiStreamDelete          = "$JS.API.STREAM.DELETE.*"
	JSApiStreamPurge           = "$JS.API.STREAM.PURGE.*"
	JSApiMsgDelete             = "$JS.API.STREAM.MSG.DELETE.*"
	JSApiConsumerCreate        = "$JS.API.CONSUMER.CREATE.*"
	JSApiConsumers             = "$JS.API.CONSUMER.NAMES.*"
	JSApiConsumerInfo          = "$JS.API.CONSUMER.INFO.*.*"
	JSApiConsumerDelete        = "$JS.API.CONSUMER.DELETE.*.*"
	JSApiStreamLeaderStepDownT = "$JS.API.STREAM.LEADER.STEPDOWN.%s"
)

// JetStreamConfig is the configuration of streams; see package status.
type JetStreamConfig = status.JetStreamConfig

var errNoStreams = errors.New("barid has no streams yet")

// EnableJetStream returns an error: barid has no streams yet.
func (s *Server) EnableJetStream(*JetStreamConfig) error { return errNoStreams }

// JetStreamConfig returns the configuration of streams: nil, as barid has none yet.
func (s *Server) JetStreamConfig() *JetStreamConfig { return nil }

// JetStreamEnabled reports whether there are streams: false, as barid has none yet.
func (s *Server) JetStreamEnabled() bool { return false }

// JetStreamIsLeader reports whether this server leads those that keep streams: false, as barid has
// none yet.
func (s *Server) JetStreamIsLeader() bool { return false }

// JetStreamClusterPeers returns the names of the servers that keep streams: none, as barid has none
// yet.
func (s *Server) JetStreamClusterPeers() []string { return nil }
