package server_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/baridmq/barid/server"
)

func Example() {
	s, err := server.NewServer(&server.Options{
		Host:   "127.0.0.1",
		Port:   server.RANDOM_PORT,
		NoSigs: true, // INT and TERM are the program's
	})
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		log.Fatal(s.Err())
	}
	defer s.Shutdown()

	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Subscribe("greet", func(m *nats.Msg) { m.Respond([]byte("hello")) }); err != nil {
		log.Fatal(err)
	}
	answer, err := nc.Request("greet", nil, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", answer.Data)
	// Output: hello
}

func Example_inProcess() {
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true})
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()

	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	fmt.Println(nc.IsConnected(), s.Addr())
	// Output: true <nil>
}

func Example_configurationFile() {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("example-%d.conf", os.Getpid()))
	if err := os.WriteFile(file, []byte("port: -1, max_connections: 100"), 0o600); err != nil {
		log.Fatal(err)
	}
	defer os.Remove(file)

	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		log.Fatal(err) // a line for each fault, with its place
	}
	opts.Host, opts.NoSigs = "127.0.0.1", true
	s, err := server.NewServer(opts)
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()
	fmt.Println(opts.MaxConn, opts.Port > 0)
	// Output: 100 true
}

// counter is a Logger that counts the lines it drops.
type counter struct{ lines atomic.Int64 }

func (c *counter) Noticef(format string, v ...any) { c.lines.Add(1) }
func (c *counter) Warnf(format string, v ...any)   { c.lines.Add(1) }
func (c *counter) Fatalf(format string, v ...any)  { c.lines.Add(1) }
func (c *counter) Errorf(format string, v ...any)  { c.lines.Add(1) }
func (c *counter) Debugf(format string, v ...any)  { c.lines.Add(1) }
func (c *counter) Tracef(format string, v ...any)  { c.lines.Add(1) }

func ExampleServer_SetLogger() {
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true})
	if err != nil {
		log.Fatal(err)
	}
	c := &counter{}
	s.SetLogger(c, true, false) // with debug lines, without trace lines
	s.Start()
	s.Shutdown()
	fmt.Println(c.lines.Load() > 0)
	// Output: true
}

// doorman lets in whoever has a name, to an account of that name.
type doorman struct{}

func (doorman) Check(c server.ClientAuthentication) bool {
	name := c.GetOpts().Username
	if name == "" {
		return false
	}
	c.RegisterUser(&server.User{
		Username: name,
		Account:  server.NewAccount("guests"),
		Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{name + ".>"}},
		},
	})
	return true
}

func Example_customAuthentication() {
	s, err := server.NewServer(&server.Options{
		Accounts:                   []*server.Account{server.NewAccount("guests")},
		CustomClientAuthentication: doorman{},
		DontListen:                 true,
		NoSigs:                     true,
	})
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()

	_, err = nats.Connect("", nats.InProcessServer(s))
	fmt.Println(err)
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo("ann", ""))
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	guests, err := s.LookupAccount("guests")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(guests.NumConnections())
	// Output:
	// nats: Authorization Violation
	// 1
}

func ExampleServer_ReloadOptions() {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true})
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()

	next := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, MaxPayload: 4096}
	if err := s.ReloadOptions(next); err != nil {
		log.Fatal(err) // nothing has changed
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	fmt.Println(nc.MaxPayload())
	// Output: 4096
}

func ExampleServer_LameDuckShutdown() {
	s, err := server.NewServer(&server.Options{
		DontListen:          true,
		NoSigs:              true,
		LameDuckGracePeriod: 10 * time.Millisecond, // for clients to go by themselves
		LameDuckDuration:    20 * time.Millisecond, // until the last one is closed
	})
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	s.LameDuckShutdown() // returns when the server is shut down
	fmt.Println(s.Running())
	// Output: false
}
