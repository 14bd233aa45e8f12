package account

import (
	"time"
)

// Spec is the plain data that an account is built from, whatever it came from: a configuration file,
// a program, or a JWT whose signatures were verified. It and all that it refers to are immutable once
// the registry has it.
type Spec struct {
	// Name identifies the account in its server. It must not be empty. Accounts of operators are
	// named by their public keys.
	Name string
	// Tag is the name that people gave it; empty for none.
	Tag    string
	Limits Limits
	// Exports are what other accounts may import, Imports what this one wants of others.
	Exports []Export
	Imports []Import
	// Mappings rename what is published in the account.
	Mappings []Mapping
	// Signers are the public keys that may give grants in the name of the account, beside its own.
	Signers map[string]struct{}
}

// Kind says what is exported or imported.
type Kind uint8

// The two kinds.
const (
	// Stream is a flow of messages: subscribers of the importer get what is published in the exporter.
	Stream Kind = iota
	// Service is the other way round: requests of the importer reach subscribers in the exporter, and
	// replies come back.
	Service
)

// Response says how many messages answer a request.
type Response uint8

// The kinds of responses of a service.
const (
	// Singleton is one reply. What comes after it is dropped.
	Singleton Response = iota
	// Streamed is any number of replies, the last of which is empty.
	Streamed
	// Chunked is one reply in pieces; it is treated as Streamed.
	Chunked
)

// DefaultThreshold is how long a service may take to answer, unless its export says otherwise.
const DefaultThreshold = 2 * time.Minute

// Export offers subjects to other accounts.
type Export struct {
	Kind    Kind
	Subject string // may have wildcards
	// Title is shown to people only.
	Title string
	// Accounts may import it; nil for all. It counts besides TokenRequired.
	Accounts []string
	// TokenRequired demands a Grant of who imports.
	TokenRequired bool
	// TokenPosition is the number, from 1, of the token of the imported subject that must be the name
	// of the importer. It alone decides then. 0 for none.
	TokenPosition int
	// Revoked are times, in seconds of Unix time, by importer or "*": grants that were issued by then
	// are void.
	Revoked map[string]int64

	// What follows is for services only.

	Response Response
	// Threshold is the time until a request counts as unanswered, and for streamed responses the
	// longest pause; 0 for DefaultThreshold.
	Threshold time.Duration
	// Latency measures requests; nil for not.
	Latency *Latency
	// AllowTrace lets traces of messages go on beyond the border, of stream imports, too.
	AllowTrace bool
}

// Latency says which requests of a service are measured, and where that is published.
type Latency struct {
	// Sampling is a percentage, 1 to 100; 0 leaves it to the headers of requests.
	Sampling int
	// Subject is where metrics are published in the exporting account.
	Subject string
}

// Import takes what another account exports.
type Import struct {
	Kind Kind
	// Account is the name of the exporter, Subject the subject there; it may have wildcards.
	Account, Subject string
	// Local is the subject here; empty for the same. It may order the wildcards of Subject anew, as
	// $1 or {{wildcard(1)}}. The prefix of a stream stands before Subject.
	Local string
	// Title is shown to people only.
	Title string
	// Share tells a service who asks.
	Share bool
	// AllowTrace lets traces of messages come in with a stream.
	AllowTrace bool
	// Grant is the permission of the exporter, nil if none was given.
	Grant *Grant
}

// LocalSubject is the subject by which the import is known in the importer.
func (i *Import) LocalSubject() string {
	if i.Local != "" {
		return i.Local
	}
	return i.Subject
}

// Grant is a permission to import, whose signature was verified and which names its importer.
type Grant struct {
	// Subject bounds what may be imported.
	Subject string
	// Issuer is the key that signed it, in the name of the account IssuerAccount, or of Issuer itself
	// if that is empty.
	Issuer, IssuerAccount string
	// Issued, NotBefore and Expires are seconds of Unix time; NotBefore and Expires are 0 for no bound.
	Issued, NotBefore, Expires int64
}

// Mapping sends what is published on a subject to others.
type Mapping struct {
	Source       string // may have wildcards
	Destinations []Destined
}

// Destined is where a part of the messages of a Mapping goes.
type Destined struct {
	// Subject may use the functions of transforms, such as {{wildcard(1)}}.
	Subject string
	// Weight is a percentage, 0 to 100. What the weights leave of 100 stays on the source, unless that is
	// one of the destinations: then it is dropped.
	Weight int
	// Cluster is where it holds; empty for everywhere.
	Cluster string
}

// Export returns the export that an import of the subject, which may have wildcards, is judged by: the
// one of the very subject, else the most specific that covers it, else nil. It must not be changed.
func (s *Spec) Export(kind Kind, subject string) *Export { return s.export(kind, subject) }
