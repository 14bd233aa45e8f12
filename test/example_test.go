package test_test

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/baridmq/barid/test"
)

func ExampleRunServer() {
	opts := test.DefaultTestOptions // a copy
	opts.Port = -1
	opts.Username, opts.Password = "ann", "secret"
	s := test.RunServer(&opts)
	defer s.Shutdown()

	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("ann", "secret"))
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	fmt.Println(opts.Port > 0, nc.IsConnected())
	// Output: true true
}

func ExampleRunRandClientPortServer() {
	s := test.RunRandClientPortServer()
	defer s.Shutdown()
	fmt.Println(s.ReadyForConnections(0))
	// Output: true
}
