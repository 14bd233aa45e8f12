package profile

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// Merge puts together how to connect: flags win over the environment, which wins over the context. A
// login is taken as a whole, so that the password of one user is never sent for another; only the
// password of a flag's user may be in the environment. A user of these without a password is a token.
func Merge(flags, env, context Profile) (Profile, error) {
	p := Profile{
		URL:         cmp.Or(flags.URL, env.URL, context.URL, nats.DefaultURL),
		CA:          cmp.Or(flags.CA, env.CA, context.CA),
		InboxPrefix: cmp.Or(flags.InboxPrefix, context.InboxPrefix),
		TLSFirst:    flags.TLSFirst || context.TLSFirst,
	}
	for _, from := range []Profile{flags, env, context} { // a pair is of one origin
		if from.Cert != "" || from.Key != "" {
			p.Cert, p.Key = from.Cert, from.Key
			break
		}
	}
	if (p.Cert == "") != (p.Key == "") {
		return p, errors.New("a TLS certificate needs its key, and a key its certificate")
	}
	for _, from := range []Profile{flags, env, context} {
		var err error
		if p.way, err = from.login(); err != nil {
			return p, err
		}
		if p.way != nobody {
			break
		}
	}
	p.Token = cmp.Or(flags.Token, env.Token, context.Token)
	p.Creds = cmp.Or(flags.Creds, env.Creds, context.Creds)
	p.NKey = cmp.Or(flags.NKey, env.NKey, context.NKey)
	p.UserJWT, p.UserSeed = context.UserJWT, context.UserSeed
	p.User, p.Password = cmp.Or(flags.User, env.User), cmp.Or(flags.Password, env.Password)
	if p.User == "" {
		p.User, p.Password = context.User, cmp.Or(p.Password, context.Password)
	} else if p.Password == "" && p.way == byPassword {
		p.way, p.Token = byToken, p.User
	}
	return p, nil
}

// Environment is how the variables of the environment ask to connect.
func Environment() Profile {
	return Profile{URL: os.Getenv("NATS_URL"), User: os.Getenv("NATS_USER"), Password: os.Getenv("NATS_PASSWORD"),
		Token: os.Getenv("NATS_TOKEN"), Creds: os.Getenv("NATS_CREDS"), NKey: os.Getenv("NATS_NKEY"),
		Cert: os.Getenv("NATS_CERT"), Key: os.Getenv("NATS_KEY"), CA: os.Getenv("NATS_CA")}
}

// login is a way to say who one is.
type login int

const (
	nobody login = iota
	byPassword
	byToken
	byCreds
	byNKey
	byJWT
)

// login returns the way that the profile asks for; more than one is an error.
func (p *Profile) login() (login, error) {
	found := nobody
	for _, c := range []struct {
		set bool
		way login
	}{
		{p.User != "" || p.Password != "", byPassword}, {p.Token != "", byToken}, {p.Creds != "", byCreds},
		{p.NKey != "", byNKey}, {p.UserJWT != "", byJWT},
	} {
		switch {
		case !c.set:
		case found != nobody:
			return nobody, errors.New("more than one login is given: choose a user, a token, credentials or an nkey")
		default:
			found = c.way
		}
	}
	return found, nil
}

// Options are those of the client library, of a profile that Merge returned. Errors name files only.
func (p *Profile) Options() ([]nats.Option, error) {
	var o []nats.Option
	switch p.way {
	case byPassword:
		o = append(o, nats.UserInfo(p.User, p.Password))
	case byToken:
		o = append(o, nats.Token(p.Token))
	case byCreds:
		o = append(o, nats.UserCredentials(p.Creds))
	case byNKey:
		nkey, err := nats.NkeyOptionFromSeed(p.NKey)
		if err != nil {
			return nil, fmt.Errorf("nkey file %s: %w", p.NKey, err)
		}
		o = append(o, nkey)
	case byJWT:
		if p.UserSeed != "" {
			o = append(o, nats.UserJWTAndSeed(p.UserJWT, p.UserSeed))
			break
		}
		bearer := func() (string, error) { return p.UserJWT, nil }
		o = append(o, nats.UserJWT(bearer, func([]byte) ([]byte, error) { return nil, nil }))
	}
	if p.CA != "" {
		o = append(o, nats.RootCAs(p.CA))
	}
	if p.Cert != "" {
		o = append(o, nats.ClientCert(p.Cert, p.Key))
	}
	if p.TLSFirst {
		o = append(o, nats.TLSHandshakeFirst())
	}
	if p.InboxPrefix != "" {
		o = append(o, nats.CustomInboxPrefix(p.InboxPrefix))
	}
	return o, nil
}

// Hosts returns the servers of a comma-separated list of URLs, without what is secret in them.
func Hosts(list string) (string, error) {
	var names []string
	for s := range strings.SplitSeq(list, ",") {
		s = strings.TrimSpace(s)
		if !strings.Contains(s, "://") {
			s = "nats://" + s
		}
		u, err := url.Parse(s)
		if err != nil || u.Host == "" { // the error would quote the URL
			return "", errors.New("the server URL is not valid; special characters of a password in it must be percent-encoded")
		}
		names = append(names, u.Scheme+"://"+u.Host)
	}
	return strings.Join(names, ","), nil
}
