package cli

import (
	"context"
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
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	defaultMonitor = "http://127.0.0.1:8222"
	maxAnswer      = 64 << 20 // of a monitoring answer, in bytes
	quoted         = 80       // of an answer that is an error
)

// varz is what is read of /varz. The names of the fields are those of all servers of the protocol.
type varz struct {
	ID            string    `json:"server_id"`
	Name          string    `json:"server_name"`
	Version       string    `json:"version"`
	Now           time.Time `json:"now"`
	Start         time.Time `json:"start"`
	Uptime        string    `json:"uptime"`
	CPU           float64   `json:"cpu"` // percent of a core
	Mem           int64     `json:"mem"` // bytes
	Connections   int       `json:"connections"`
	Subscriptions int64     `json:"subscriptions"`
	SlowConsumers int64     `json:"slow_consumers"`
	InMsgs        int64     `json:"in_msgs"`
	OutMsgs       int64     `json:"out_msgs"`
	InBytes       int64     `json:"in_bytes"`
	OutBytes      int64     `json:"out_bytes"`
	AuthRequired  bool      `json:"auth_required"`
	TLSRequired   bool      `json:"tls_required"`
}

// connz is what is read of /connz.
type connz struct {
	Total int    `json:"total"`
	Conns []conn `json:"connections"`
}

// conn is a connection in /connz, and a line of top as JSON.
type conn struct {
	CID      uint64    `json:"cid"`
	Name     string    `json:"name,omitempty"`
	IP       string    `json:"ip"`
	Port     int       `json:"port"`
	Lang     string    `json:"lang,omitempty"`
	Version  string    `json:"version,omitempty"`
	Uptime   string    `json:"uptime"`
	Last     time.Time `json:"last_activity"`
	Subs     int       `json:"subscriptions"`
	Pending  int64     `json:"pending_bytes"`
	OutMsgs  int64     `json:"out_msgs"`
	InMsgs   int64     `json:"in_msgs"`
	OutBytes int64     `json:"out_bytes"`
	InBytes  int64     `json:"in_bytes"`
	Subjects []string  `json:"subscriptions_list,omitempty"`
}

// monitor is the monitoring side of a server: its flags, and the requests.
type monitor struct {
	cmd           *cobra.Command
	url           string
	port          int
	cert, key, ca string
	insecure      bool
	timeout       time.Duration
	client        *http.Client
	base          *url.URL
}

// monitorOf adds the flags of monitoring to a command.
func monitorOf(cmd *cobra.Command) *monitor {
	m := &monitor{cmd: cmd}
	f := cmd.Flags()
	f.StringVar(&m.url, "monitor", defaultMonitor, "`URL` of the server's monitoring")
	f.IntVarP(&m.port, "port", "m", 0, "`PORT` of the monitoring of the server on this host")
	f.StringVar(&m.cert, "tlscert", "", "TLS certificate `FILE`")
	f.StringVar(&m.key, "tlskey", "", "TLS key `FILE`")
	f.StringVar(&m.ca, "tlsca", "", "`FILE` with the authorities of the server's certificate")
	f.BoolVarP(&m.insecure, "insecure", "k", false, "do not verify the server's certificate")
	f.DurationVar(&m.timeout, "timeout", defaultTimeout, "longest wait for an answer")
	cmd.MarkFlagsMutuallyExclusive("monitor", "port")
	cmd.MarkFlagsMutuallyExclusive("insecure", "tlsca")
	return m
}

// open prepares the requests.
func (m *monitor) open() (err error) {
	text := m.url
	if m.cmd.Flags().Changed("port") {
		if m.port < 1 || m.port > 65535 {
			return misused("%d is no port", m.port)
		}
		text = "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(m.port))
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	m.base, err = url.Parse(text)
	if err != nil || m.base.Host == "" || m.base.Scheme != "http" && m.base.Scheme != "https" {
		return misused("--monitor is no URL such as %s", defaultMonitor) // which may hold a password
	}
	if m.timeout <= 0 {
		return misused("a timeout of %v is too short", m.timeout)
	}
	t := &tls.Config{InsecureSkipVerify: m.insecure}
	if m.ca != "" {
		text, err := os.ReadFile(m.ca)
		if err != nil {
			return err
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("%s: no certificates", m.ca)
		}
	}
	if m.cert != "" || m.key != "" {
		pair, err := tls.LoadX509KeyPair(m.cert, m.key)
		if err != nil {
			return err
		}
		t.Certificates = []tls.Certificate{pair}
	}
	m.client = &http.Client{Timeout: m.timeout, Transport: &http.Transport{TLSClientConfig: t, Proxy: http.ProxyFromEnvironment}}
	return nil
}

// shut closes idle connections.
func (m *monitor) shut() {
	if m.client != nil {
		m.client.CloseIdleConnections()
	}
}

// get asks for a path and returns the status and the answer.
func (m *monitor) get(ctx context.Context, path string, query url.Values) (int, []byte, error) {
	u := m.base.JoinPath(path)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, nil, errors.New("the URL of the monitoring is not valid")
	}
	answer, err := m.client.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the URL, which may hold a password
		}
		return 0, nil, fmt.Errorf("no answer of %s: %w", u.Host, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("longer than %d bytes", maxAnswer)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("the answer of %s: %w", u.Host, err)
	}
	return answer.StatusCode, text, nil
}

// read asks for a path and decodes the answer into value.
func (m *monitor) read(ctx context.Context, path string, query url.Values, value any) error {
	status, text, err := m.get(ctx, path, query)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s of %s: status %d: %s", path, m.base.Host, status, beginning(text))
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("%s of %s is no monitoring answer: %w", path, m.base.Host, err)
	}
	return nil
}

// beginning returns as much of an answer as an error quotes.
func beginning(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(clean(line[:min(len(line), quoted)]))
}
