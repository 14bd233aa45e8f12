package resolver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
)

// DefaultTimeout is how long a JWT may take to come from an account server or from other servers.
const DefaultTimeout = 1900 * time.Millisecond

// URL is a Store that asks an account server over HTTP: GET, the base URL with the account's key
// behind it, answers the JWT. It keeps nothing, so what was changed there counts at the next Fetch.
type URL struct {
	base   *url.URL
	client *http.Client
}

// URLConfig is what a URL store is made of.
type URLConfig struct {
	// Base is an http or https URL; a slash is put at its end if there is none.
	Base string
	// TLS is for https; nil for what Go trusts.
	TLS *tls.Config
	// Timeout bounds each request; default DefaultTimeout.
	Timeout time.Duration
}

// NewURL returns a store. It asks nothing yet; Probe does.
func NewURL(cfg URLConfig) (*URL, error) {
	base, err := url.Parse(cfg.Base)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err // the other part is the whole URL, with its password
		}
		return nil, fmt.Errorf("the resolver's URL: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("the resolver's URL %q must start with http:// or https:// and a host", base.Redacted())
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
		base.RawPath = ""
	}
	return &URL{base: base, client: &http.Client{
		Timeout: cmp.Or(max(cfg.Timeout, 0), DefaultTimeout),
		Transport: &http.Transport{
			TLSClientConfig:   cfg.TLS,
			MaxIdleConns:      10,
			IdleConnTimeout:   30 * time.Second,
			ForceAttemptHTTP2: true,
		},
	}}, nil
}

// Probe asks for the base URL, which must be answered, so that a wrong URL is found at start.
func (u *URL) Probe(ctx context.Context) error {
	_, err := u.get(ctx, "")
	return err
}

// Fetch is that of Store. Passwords in the URL are not in its errors.
func (u *URL) Fetch(ctx context.Context, id string) (string, error) {
	if !nkeys.IsValidPublicAccountKey(id) {
		return "", ErrKey
	}
	return u.get(ctx, id)
}

func (u *URL) get(ctx context.Context, id string) (string, error) {
	at := u.base.JoinPath(id)
	if id == "" {
		at = u.base
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return "", err
	}
	failed := func(err error) error { return fmt.Errorf("could not fetch <%q>: %w", at.Redacted(), err) }
	response, err := u.client.Do(request)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err
		}
		return "", failed(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxToken+1))
	switch {
	case response.StatusCode == http.StatusNotFound:
		return "", failed(missing(response.Status))
	case response.StatusCode != http.StatusOK:
		return "", failed(errors.New(response.Status))
	case id == "":
		return "", nil
	case err != nil:
		return "", failed(err)
	case len(body) > MaxToken:
		return "", failed(fmt.Errorf("the answer has more than %d bytes", MaxToken))
	}
	return strings.TrimSpace(string(body)), nil
}

// Save is that of Store and always fails.
func (u *URL) Save(string, string) (bool, error) { return false, ErrReadOnly }

// List is that of Store and always fails.
func (u *URL) List() ([]string, error) { return nil, ErrReadOnly }

// Delete is that of Store and always fails.
func (u *URL) Delete(string) error { return ErrReadOnly }

// Close closes idle connections. The store may be used on.
func (u *URL) Close() { u.client.CloseIdleConnections() }
