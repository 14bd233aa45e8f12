// Package config configures the servers of a scenario: it writes their configuration file and their
// certificate, and says what a client has to do to meet them. It starts nothing and connects to nothing,
// and its values may be used by several goroutines as long as nobody changes them.
package config

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Setup is how the servers of a scenario are configured. The zero value is no configuration at all.
type Setup struct {
	TLS   bool // clients must encrypt
	Users bool // clients must be a user, who may publish and subscribe to some subjects only
}

// An Arrangement is a setup at work.
type Arrangement struct {
	Args  []string    // what the server's command line has more
	TLS   *tls.Config // with which clients shake hands; nil: they do not encrypt
	Login string      // what CONNECT has more: members of its object, each with a comma behind it
}

// Forbidden is a subject to which the user must not publish: denied, although an allowed one covers it.
const Forbidden = "bench.internal.keys"

// The user is the same for all clients. The password is a plain one, because both servers would spend
// the same long time on a hashed one.
const (
	password = "Zu4mNq8Lw0uYt5Nb"
	login    = `"user":"bench","pass":"` + password + `",`
	usersDoc = `authorization {
  users [{
    user: bench, password: "` + password + `"
    permissions {
      publish {
        allow ["bench.*.orders", "bench.orders.*", "bench.echo", "bench.>", "_INBOX.>"]
        deny ["bench.internal.>", "bench.*.closed", "bench.orders.closed", "$SYS.>"]
      }
      subscribe {
        allow ["bench.*.orders", "bench.orders.*", "bench.echo", "bench.>", "_INBOX.>"]
        deny ["bench.internal.>", "bench.*.closed", "bench.orders.closed"]
      }
    }
  }]
}
`
	tlsDoc = `tls {
  cert_file: %q
  key_file: %q
  timeout: 10
}
`
)

// Papers are the files that configured servers read, all in one directory.
type Papers struct {
	dir      string
	identity *identity
}

// NewPapers makes a certificate for all servers. It and all other files go to dir, which must exist and
// which the caller removes.
func NewPapers(dir string) (*Papers, error) {
	id, err := newIdentity(dir)
	return &Papers{dir, id}, err
}

// Arrange writes the configuration file of a setup, if it needs one, over the one of the setup before.
// The TLS configuration of the arrangement is the caller's own.
func (p *Papers) Arrange(s Setup) (Arrangement, error) {
	var a Arrangement
	var doc strings.Builder
	if s.TLS {
		fmt.Fprintf(&doc, tlsDoc, p.identity.cert, p.identity.key)
		a.TLS = p.identity.client()
	}
	if s.Users {
		doc.WriteString(usersDoc)
		a.Login = login
	}
	if doc.Len() == 0 {
		return a, nil
	}
	path := filepath.Join(p.dir, "server.conf")
	a.Args = []string{"-c", path}
	return a, os.WriteFile(path, []byte(doc.String()), 0o600)
}

// ServerTLS is what a server reads from the arrangement's files: for tests, whose servers are no
// processes.
func (p *Papers) ServerTLS() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(p.identity.cert, p.identity.key)
	return &tls.Config{Certificates: []tls.Certificate{pair}}, err
}
