package oidc

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/baridmq/barid/internal/core/guard"
)

// Bounds of what a provider is asked and trusted with.
const (
	// requestTime bounds the asking for keys, discovery included.
	requestTime = 5 * time.Second
	// betweenRequests is the least time between two of them, whatever tokens name.
	betweenRequests = 5 * time.Second
	// keysAge is when keys are fetched again though nobody misses any: one may have been withdrawn.
	// If that fails, the old ones are good; it is tried again after betweenRefreshes.
	keysAge          = 10 * time.Minute
	betweenRefreshes = time.Minute
	mostAnswered     = 1 << 20 // bytes of an answer
	mostKeys         = 64
	leastRSA         = 2048 // bits of a key
	mostRedirects    = 3
)

var (
	// errUnavailable says that the provider's keys cannot be had.
	errUnavailable = errors.New("the provider is not available")
	errSignature   = errors.New("the signature is not good")
	errUnknownKey  = errors.New("the key is not known")
)

// origin is where keys come from.
type origin struct {
	issuer, url string
	authorities [sha256.Size]byte // digest of CAFile's contents
}

// keys are those of a provider, for any goroutine.
type keys struct {
	origin     origin
	algorithms []jose.SignatureAlgorithm
	client     *http.Client
	warnf      func(format string, v ...any)

	mu struct {
		guard.Leaf
		keyset
		tried   time.Time     // when they were last asked for
		flight  chan struct{} // closed when the present request is answered; nil while there is none
		failing bool
	}
}

// keyset is an answer of the provider.
type keyset struct {
	url     string // where they are
	keys    []jose.JSONWebKey
	fetched time.Time // zero if there are none yet
}

// newKeys prepares the keys of the provider in c, without asking for them.
func newKeys(c *Config, algorithms []string) (*keys, error) {
	k := &keys{origin: origin{issuer: c.Issuer, url: c.JWKSURL}, warnf: c.Warnf}
	k.mu.url = c.JWKSURL
	for _, name := range algorithms {
		k.algorithms = append(k.algorithms, jose.SignatureAlgorithm(name))
	}
	if err := checkURL(c.Issuer); err != nil {
		return nil, fmt.Errorf("oidc: issuer: %w", err)
	}
	if c.JWKSURL != "" {
		if err := checkURL(c.JWKSURL); err != nil {
			return nil, fmt.Errorf("oidc: jwks_url: %w", err)
		}
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("oidc: ca_file: %w", err)
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("oidc: there is no certificate in ca_file %q", c.CAFile)
		}
		k.origin.authorities = sha256.Sum256(pem)
	}
	k.client = &http.Client{
		Timeout: requestTime,
		Transport: bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
			DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, // it is asked seldom
		}},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > mostRedirects {
				return errors.New("too many redirects")
			}
			return checkURL(r.URL.String())
		},
	}
	return k, nil
}

// bounded bounds the answers of a transport.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, mostAnswered)
	}
	return resp, err
}

// checkURL refuses what nobody vouches for.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("it is not a URL")
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	switch {
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%q is not the URL of a provider", u.Redacted())
	case u.Scheme != "https" && !(u.Scheme == "http" && local):
		return fmt.Errorf("%q is not https, nor http on this machine", u.Redacted())
	}
	return nil
}

// verify returns the payload of a token in the compact form, if a key of the provider has signed it.
func (k *keys) verify(ctx context.Context, text string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(text, k.algorithms)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	set, pause := k.known()
	if !set.fetched.IsZero() && now.Sub(set.fetched) > keysAge && pause > betweenRefreshes {
		set, _ = k.refresh(ctx, betweenRefreshes)
	}
	payload, err := set.verify(jws)
	if !errors.Is(err, errUnknownKey) {
		return payload, err
	}
	set, err = k.refresh(ctx, betweenRequests)
	if err != nil {
		return nil, err
	}
	return set.verify(jws)
}

// known returns what is known, and for how long the provider was not asked.
func (k *keys) known() (keyset, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mu.keyset, time.Since(k.mu.tried)
}

// verify returns the payload of jws if a key of the set has signed it.
func (s *keyset) verify(jws *jose.JSONWebSignature) ([]byte, error) {
	h := jws.Signatures[0].Header
	err := errUnknownKey
	for i := range s.keys {
		key := &s.keys[i]
		if h.KeyID != "" && key.KeyID != h.KeyID || key.Algorithm != "" && key.Algorithm != h.Algorithm {
			continue
		}
		if payload, e := jws.Verify(key); e == nil {
			return payload, nil
		}
		if h.KeyID != "" {
			err = errSignature
		}
	}
	return nil, err
}

// refresh asks the provider for its keys, unless that was done within pause, and returns what is known
// then. If somebody asks already, it waits for the answer. The error says that the last answer was
// none.
func (k *keys) refresh(ctx context.Context, pause time.Duration) (keyset, error) {
	k.mu.Lock()
	flight := k.mu.flight
	mine := flight == nil && (k.mu.tried.IsZero() || time.Since(k.mu.tried) >= pause)
	if mine {
		flight = make(chan struct{})
		k.mu.flight, k.mu.tried = flight, time.Now()
	}
	at := k.mu.url
	k.mu.Unlock()
	switch {
	case mine:
		k.ask(ctx, at, flight)
	case flight != nil:
		select {
		case <-flight:
		case <-ctx.Done():
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.failing || k.mu.fetched.IsZero() {
		return k.mu.keyset, errUnavailable
	}
	return k.mu.keyset, nil
}

// ask fetches the keys from the URL at, and ends the flight.
func (k *keys) ask(ctx context.Context, at string, flight chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	set, err := keyset{}, errors.New("it was not asked") // a panic leaves it
	var began bool
	defer func() {
		k.mu.Lock()
		began = err != nil && !k.mu.failing
		ended := err == nil && k.mu.failing
		k.mu.failing, k.mu.flight = err != nil, nil
		if err == nil {
			k.mu.keyset = set
		} else {
			k.mu.url = k.origin.url // where they are may have changed
		}
		k.mu.Unlock()
		close(flight)
		switch {
		case began:
			k.warnf("OIDC: the keys of %q cannot be fetched: %.256s", k.origin.issuer, printable(err))
		case ended:
			k.warnf("OIDC: the keys of %q can be fetched again", k.origin.issuer)
		}
	}()
	set, err = k.fetch(ctx, at)
}

// fetch gets the keys from the URL at; if that is empty, the provider is asked where they are.
func (k *keys) fetch(ctx context.Context, at string) (keyset, error) {
	if at == "" {
		p, err := oidc.NewProvider(oidc.ClientContext(ctx, k.client), k.origin.issuer)
		if err != nil {
			return keyset{}, err
		}
		var said struct {
			URL string `json:"jwks_uri"`
		}
		if err := p.Claims(&said); err != nil {
			return keyset{}, err
		}
		if err := checkURL(said.URL); err != nil {
			return keyset{}, fmt.Errorf("jwks_uri: %w", err)
		}
		at = said.URL
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return keyset{}, err
	}
	resp, err := k.client.Do(r)
	if err != nil {
		return keyset{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return keyset{}, fmt.Errorf("the answer is %s", resp.Status)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return keyset{}, err
	}
	set, err := parseKeys(body)
	return keyset{url: at, keys: set, fetched: time.Now()}, err
}

// parseKeys reads a JWK set (RFC 7517 section 5). Keys that cannot be used are left out.
func parseKeys(body []byte) (set []jose.JSONWebKey, err error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, errors.New("the answer is no set of keys")
	}
	for _, text := range raw.Keys {
		var key jose.JSONWebKey
		if len(set) == mostKeys || key.UnmarshalJSON(text) != nil || !usable(&key) {
			continue
		}
		set = append(set, key)
	}
	if len(set) == 0 {
		return nil, errors.New("there is no key in the answer")
	}
	return set, nil
}

// usable reports whether key may verify tokens.
func usable(key *jose.JSONWebKey) bool {
	if !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
		return false
	}
	public, isRSA := key.Key.(*rsa.PublicKey)
	return !isRSA || public.N.BitLen() >= leastRSA
}
