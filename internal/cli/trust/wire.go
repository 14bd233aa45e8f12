package trust

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/baridmq/barid/internal/cli/profile"
	"github.com/baridmq/barid/internal/cli/trust/wire"
)

// passLife is how long the user lives that a command makes to talk to servers.
const passLife = 2 * time.Minute

// wireFlags say how to connect.
type wireFlags struct {
	profile.Profile

	timeout time.Duration
}

func (w *wireFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&w.URL, "server", "s", "", "URLs of servers, comma-separated (default: those of the operator)")
	f.StringVar(&w.Creds, "creds", "", "credentials `FILE` of a user of the system account (default: a user for two minutes)")
	f.StringVar(&w.CA, "tlsca", "", "`FILE` with the authorities of the server's certificate (NATS_CA)")
	f.StringVar(&w.Cert, "tlscert", "", "TLS certificate `FILE` (NATS_CERT)")
	f.StringVar(&w.Key, "tlskey", "", "TLS key `FILE` (NATS_KEY)")
	f.BoolVar(&w.TLSFirst, "tlsfirst", false, "begin with the TLS handshake, before the server says anything")
	f.DurationVar(&w.timeout, "timeout", time.Second, "how long to wait for the answers of servers")
}

// dial connects as a user of the system account that may publish to the subjects and nothing else.
func (r *realm) dial(w *wireFlags, may ...string) (*wire.Conn, error) {
	if w.timeout <= 0 || w.timeout > passLife {
		return nil, r.tool.misused("a timeout of %v is not within 0s and %v", w.timeout, passLife)
	}
	urls := w.URL
	if urls == "" {
		list := slices.Clone(r.operator.OperatorServiceURLs)
		if scheme, _, ok := strings.Cut(r.operator.AccountServerURL, "://"); ok && !strings.HasPrefix(scheme, "http") {
			list = jwt.StringList{r.operator.AccountServerURL}
		}
		urls = strings.Join(list, ",")
	}
	if urls == "" {
		return nil, r.tool.misused("the operator has no URL of a server: give one with --server, or keep it with barid trust operator edit --url")
	}
	server, err := profile.Hosts(urls)
	if err != nil {
		return nil, err
	}
	inbox := nats.NewInbox() // one that nobody can guess
	p := profile.Profile{CA: cmp.Or(w.CA, os.Getenv("NATS_CA")), Cert: w.Cert, Key: w.Key, TLSFirst: w.TLSFirst, InboxPrefix: inbox}
	if p.Cert == "" && p.Key == "" {
		p.Cert, p.Key = os.Getenv("NATS_CERT"), os.Getenv("NATS_KEY")
	}
	if (p.Cert == "") != (p.Key == "") {
		return nil, r.tool.misused("a TLS certificate needs its key, and a key its certificate")
	}
	options, err := p.Options()
	if err != nil {
		return nil, err
	}
	if w.Creds != "" {
		options = append(options, nats.UserCredentials(w.Creds))
	} else {
		token, pair, err := r.pass(inbox, may)
		if err != nil {
			return nil, fmt.Errorf("no user of the system account can be made: %w; or give --creds", err)
		}
		options = append(options, nats.UserJWT(func() (string, error) { return token, nil }, pair.Sign))
	}
	c, err := wire.Dial(urls, w.timeout, append(options, nats.Name(r.cmd.CommandPath()))...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w; is the server running with the configuration of barid trust config?", server, err)
	}
	return c, nil
}

// pass makes a user of the system account for a short time. Its seed is in memory only.
func (r *realm) pass(inbox string, may []string) (token string, pair nkeys.KeyPair, err error) {
	tokens, names, err := r.accountTokens()
	if err != nil {
		return "", nil, err
	}
	system, err := jwt.DecodeAccountClaims(tokens[r.operator.SystemAccount])
	if err != nil {
		return "", nil, errors.New("the system account of the operator is not in the store")
	}
	system.Name = names[system.Subject]
	pair, err = nkeys.CreateUser()
	if err != nil {
		return "", nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return "", nil, err
	}
	u := jwt.NewUserClaims(public)
	u.Name = "barid trust, for a moment"
	u.Expires = time.Now().Add(passLife).Unix()
	u.Pub.Allow.Add(may...)
	u.Sub.Allow.Add(inbox + ".>")
	signer, issuer, err := r.accountKey(system, "")
	if err != nil {
		return "", nil, err
	}
	u.IssuerAccount = issuer
	token, err = u.Encode(signer)
	return token, pair, err
}
