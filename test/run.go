// Package test starts servers for the tests of other programs: the helpers that programs which
// embed a server have come to expect, with a panic where a test could not go on.
//
// It knows of the server only what any embedding program knows, and owns neither goroutines nor
// locks. The tests in this folder are the black-box tests of the server: real sockets, the public
// client library, the built program, and the stories under testdata.
package test

import (
	"fmt"
	"time"

	"github.com/baridmq/barid/server"
)

// DefaultTestOptions is what RunServer starts with when it gets no options. Copy it by assignment
// and change the copy.
var DefaultTestOptions = server.Options{
	Host:                  "127.0.0.1",
	Port:                  4222,
	NoLog:                 true,
	NoSigs:                true,
	MaxControlLine:        4096,
	DisableShortFirstPing: true,
}

// readyWithin bounds the wait for a server's listeners.
const readyWithin = 10 * time.Second

// RunServer starts a server and returns when it is ready for connections. A nil opts means a copy of
// DefaultTestOptions. In opts, logging, tracing, and the pooling and compression of connections
// between servers are switched off, and whatever the server fills in (such as the port that stands
// for -1) can be read there afterwards. The caller shuts the server down. RunServer panics when the
// options are invalid or the server does not get ready within ten seconds.
func RunServer(opts *server.Options) *server.Server {
	return RunServerCallback(opts, nil)
}

// RunDefaultServer runs a server with DefaultTestOptions, on the default port.
func RunDefaultServer() *server.Server {
	return RunServer(nil)
}

// RunRandClientPortServer runs a server with DefaultTestOptions on a port that the system chooses.
func RunRandClientPortServer() *server.Server {
	opts := DefaultTestOptions
	opts.Port = -1
	return RunServer(&opts)
}

// RunServerCallback is RunServer with a function that is called with the server before it starts. A
// nil function is not called.
func RunServerCallback(opts *server.Options, callback func(*server.Server)) *server.Server {
	if opts == nil {
		defaults := DefaultTestOptions
		opts = &defaults
	}
	opts.NoLog, opts.Trace, opts.Debug = true, false, false
	opts.Cluster.PoolSize = -1
	opts.Cluster.Compression.Mode = server.CompressionOff
	opts.LeafNode.Compression.Mode = server.CompressionOff
	s, err := server.NewServer(opts)
	if err != nil {
		panic(fmt.Sprintf("no server from these options: %v", err))
	}
	if callback != nil {
		callback(s)
	}
	s.Start()
	if !s.ReadyForConnections(readyWithin) {
		s.Shutdown()
		panic(fmt.Sprintf("the server did not get ready for connections: %v", s.Err()))
	}
	return s
}

// LoadConfig reads a configuration file; it panics when there is anything wrong with it.
func LoadConfig(file string) *server.Options {
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		panic(fmt.Sprintf("configuration file %s: %v", file, err))
	}
	return opts
}

// RunServerWithConfig is RunServer with the options of a configuration file, which it returns, too.
func RunServerWithConfig(file string) (*server.Server, *server.Options) {
	return RunServerWithConfigOverrides(file, nil, nil)
}

// RunServerWithConfigOverrides is RunServerWithConfig with a function that may change the options
// and one for RunServerCallback. Nil functions are not called.
func RunServerWithConfigOverrides(file string, change func(*server.Options), callback func(*server.Server)) (*server.Server, *server.Options) {
	opts := LoadConfig(file)
	opts.NoSigs = true
	if change != nil {
		change(opts)
	}
	return RunServerCallback(opts, callback), opts
}
