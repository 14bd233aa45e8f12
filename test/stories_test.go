package test_test

import (
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/internal/lab"
	"github.com/baridmq/barid/server"
)

func stories(t *testing.T) []*lab.Story {
	all, err := lab.Load(os.DirFS("testdata/stories"))
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// Every story is told over TCP, over TCP with every write in pieces, and over a connection within
// the process; each time to a server of its own.
func TestStories(t *testing.T) {
	for _, story := range stories(t) {
		t.Run(story.File, func(t *testing.T) {
			t.Parallel()
			t.Run("tcp", func(t *testing.T) {
				require.NoError(t, story.Tell(storyTarget(t, story)))
			})
			t.Run("tcp in pieces", func(t *testing.T) {
				target := storyTarget(t, story)
				target.Drip = true
				require.NoError(t, story.Tell(target))
			})
			t.Run("in process", func(t *testing.T) {
				s := run(t, storyOptions(t, story))
				require.NoError(t, story.Tell(lab.Target{
					Dial:   s.InProcessConn,
					Reason: lab.ClosedReasons(monitor(s)),
				}))
			})
		})
	}
}

// The stories tell what nats-server 2.9 answers too, and where it does not they say so.
func TestStoriesOfThePeer(t *testing.T) {
	for _, story := range stories(t) {
		t.Run(story.File, func(t *testing.T) {
			t.Parallel()
			target := lab.StartPeer(t, story.Options).Target()
			if story.Differs == "" {
				require.NoError(t, story.Tell(target))
				return
			}
			target.Patience = time.Second
			require.Error(t, story.Tell(target), "the story says that 2.9 differs: %s", story.Differs)
		})
	}
}

func storyTarget(t *testing.T, story *lab.Story) lab.Target {
	s := run(t, storyOptions(t, story))
	return lab.Target{Dial: dialer(s), Reason: lab.ClosedReasons(monitor(s))}
}

// storyOptions turns the options of a story, which have the names of the configuration file, into
// those of the server.
func storyOptions(t *testing.T, story *lab.Story) func(*server.Options) {
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n
	}
	return func(opts *server.Options) {
		for name, value := range story.Options {
			switch name {
			case "max_payload":
				opts.MaxPayload = int32(number(value))
			case "max_control_line":
				opts.MaxControlLine = int32(number(value))
			case "max_connections":
				opts.MaxConn = number(value)
			case "max_subscriptions":
				opts.MaxSubs = number(value)
			case "max_sub_tokens":
				opts.MaxSubTokens = uint8(number(value))
			case "ping_interval":
				interval, err := time.ParseDuration(value)
				require.NoError(t, err)
				opts.PingInterval = interval
			case "ping_max":
				opts.MaxPingsOut = number(value)
			case "no_header_support":
				opts.NoHeaderSupport = value == "true"
			default:
				t.Fatalf("story %s: no such option: %s", story.File, name)
			}
		}
	}
}

// Connections within the process need no listener at all.
func TestStoryWithoutListener(t *testing.T) {
	s := run(t, func(opts *server.Options) { opts.DontListen = true })
	require.Nil(t, s.Addr())
	story, err := lab.Parse("no-listener", `title: a server without a listener serves its own process
peer: 2.9

client connects with {"verbose":false,"pedantic":false}
client > SUB a 1
client > PUB a 2
client > hi
client < MSG a 1 2
client < hi
client quiet
`)
	require.NoError(t, err)
	require.NoError(t, story.Tell(lab.Target{Dial: func() (net.Conn, error) { return s.InProcessConn() }}))
}
