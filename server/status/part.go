package status

import "time"

// ClusterOptsVarz is the configuration of the cluster listener and its routes; the zero value
// means no cluster.
type ClusterOptsVarz struct {
	Name            string        `json:"name,omitempty"`
	Host            string        `json:"addr,omitempty"`
	Port            int           `json:"cluster_port,omitempty"`
	AuthTimeout     float64       `json:"auth_timeout,omitempty"`
	URLs            []string      `json:"urls,omitempty"` // host:port of configured routes, without credentials
	TLSTimeout      float64       `json:"tls_timeout,omitempty"`
	TLSRequired     bool          `json:"tls_required,omitempty"`
	TLSVerify       bool          `json:"tls_verify,omitempty"`
	PoolSize        int           `json:"pool_size,omitempty"`
	WriteDeadline   time.Duration `json:"write_deadline,omitempty"`
	WriteTimeout    string        `json:"write_timeout,omitempty"` // policy: close or retry
	TLSCertNotAfter time.Time     `json:"tls_cert_not_after,omitzero"`
}

// GatewayOptsVarz is the configuration of gateways; the zero value means none.
type GatewayOptsVarz struct {
	Name            string                  `json:"name,omitempty"`
	Host            string                  `json:"host,omitempty"`
	Port            int                     `json:"port,omitempty"`
	AuthTimeout     float64                 `json:"auth_timeout,omitempty"`
	TLSTimeout      float64                 `json:"tls_timeout,omitempty"`
	TLSRequired     bool                    `json:"tls_required,omitempty"`
	TLSVerify       bool                    `json:"tls_verify,omitempty"`
	Advertise       string                  `json:"advertise,omitempty"`
	ConnectRetries  int                     `json:"connect_retries,omitempty"`
	Gateways        []RemoteGatewayOptsVarz `json:"gateways,omitempty"`
	RejectUnknown   bool                    `json:"reject_unknown,omitempty"`
	WriteDeadline   time.Duration           `json:"write_deadline,omitempty"`
	WriteTimeout    string                  `json:"write_timeout,omitempty"` // policy: close or retry
	TLSCertNotAfter time.Time               `json:"tls_cert_not_after,omitzero"`
}

// RemoteGatewayOptsVarz is the configuration of one remote gateway.
type RemoteGatewayOptsVarz struct {
	Name       string   `json:"name"`
	TLSTimeout float64  `json:"tls_timeout,omitempty"`
	URLs       []string `json:"urls,omitempty"` // host:port
}

// LeafNodeOptsVarz is the configuration of the leafnode listener and of the remotes that this
// server dials; the zero value means none.
type LeafNodeOptsVarz struct {
	Host              string               `json:"host,omitempty"`
	Port              int                  `json:"port,omitempty"`
	AuthTimeout       float64              `json:"auth_timeout,omitempty"`
	TLSTimeout        float64              `json:"tls_timeout,omitempty"`
	TLSRequired       bool                 `json:"tls_required,omitempty"`
	TLSVerify         bool                 `json:"tls_verify,omitempty"`
	Remotes           []RemoteLeafOptsVarz `json:"remotes,omitempty"`
	TLSOCSPPeerVerify bool                 `json:"tls_ocsp_peer_verify,omitempty"`
	WriteDeadline     time.Duration        `json:"write_deadline,omitempty"`
	WriteTimeout      string               `json:"write_timeout,omitempty"` // policy: close or retry
	TLSCertNotAfter   time.Time            `json:"tls_cert_not_after,omitzero"`
}

// RemoteLeafOptsVarz is the configuration of one leafnode remote.
type RemoteLeafOptsVarz struct {
	LocalAccount      string     `json:"local_account,omitempty"`
	TLSTimeout        float64    `json:"tls_timeout,omitempty"`
	URLs              []string   `json:"urls,omitempty"` // host:port
	Deny              *DenyRules `json:"deny,omitempty"`
	TLSOCSPPeerVerify bool       `json:"tls_ocsp_peer_verify,omitempty"`
}

// DenyRules lists the subjects that a leafnode remote keeps from passing.
type DenyRules struct {
	Exports []string `json:"exports,omitempty"`
	Imports []string `json:"imports,omitempty"`
}

// MQTTOptsVarz is the configuration of the MQTT listener; the zero value means none.
type MQTTOptsVarz struct {
	Host              string        `json:"host,omitempty"`
	Port              int           `json:"port,omitempty"`
	NoAuthUser        string        `json:"no_auth_user,omitempty"`
	AuthTimeout       float64       `json:"auth_timeout,omitempty"`
	TLSMap            bool          `json:"tls_map,omitempty"`
	TLSTimeout        float64       `json:"tls_timeout,omitempty"`
	TLSPinnedCerts    []string      `json:"tls_pinned_certs,omitempty"`
	JsDomain          string        `json:"js_domain,omitempty"`
	AckWait           time.Duration `json:"ack_wait,omitempty"`
	MaxAckPending     uint16        `json:"max_ack_pending,omitempty"`
	TLSOCSPPeerVerify bool          `json:"tls_ocsp_peer_verify,omitempty"`
	TLSCertNotAfter   time.Time     `json:"tls_cert_not_after,omitzero"`
}

// WebsocketOptsVarz is the configuration of the WebSocket listener; the zero value means none.
type WebsocketOptsVarz struct {
	Host              string        `json:"host,omitempty"`
	Port              int           `json:"port,omitempty"`
	Advertise         string        `json:"advertise,omitempty"`
	NoAuthUser        string        `json:"no_auth_user,omitempty"`
	JWTCookie         string        `json:"jwt_cookie,omitempty"` // name of the cookie
	HandshakeTimeout  time.Duration `json:"handshake_timeout,omitempty"`
	AuthTimeout       float64       `json:"auth_timeout,omitempty"`
	NoTLS             bool          `json:"no_tls,omitempty"`
	TLSMap            bool          `json:"tls_map,omitempty"`
	TLSPinnedCerts    []string      `json:"tls_pinned_certs,omitempty"`
	SameOrigin        bool          `json:"same_origin,omitempty"`
	AllowedOrigins    []string      `json:"allowed_origins,omitempty"`
	Compression       bool          `json:"compression,omitempty"`
	TLSOCSPPeerVerify bool          `json:"tls_ocsp_peer_verify,omitempty"`
	TLSCertNotAfter   time.Time     `json:"tls_cert_not_after,omitzero"`
}
