package claims

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Operators are those whose accounts a server trusts. They are immutable, and nil trusts nobody.
type Operators struct {
	all     []operator
	keys    []string // that may sign accounts
	trusted map[string]struct{}
}

// operator is one operator, or a plain key of one.
type operator struct {
	id, version, system string
	signers             []string
	strict              bool // its own key signs nothing but its JWT
}

// NewOperators returns Operators for the claims of operators, and for plain public keys of others.
// An error names the key that is none of an operator.
func NewOperators(operators []*jwt.OperatorClaims, keys []string) (*Operators, error) {
	o := &Operators{trusted: map[string]struct{}{}}
	for _, c := range operators {
		if c == nil {
			return nil, errors.New("claims of an operator are missing")
		}
		o.all = append(o.all, operator{id: c.Subject, version: c.AssertServerVersion, system: c.SystemAccount,
			signers: slices.Clone(c.SigningKeys), strict: c.StrictSigningKeyUsage})
	}
	for _, key := range keys {
		o.all = append(o.all, operator{id: key})
	}
	for i := range o.all {
		op := &o.all[i]
		if !op.strict {
			o.keys = append(o.keys, op.id)
		}
		o.keys = append(o.keys, op.signers...)
	}
	for _, key := range o.keys {
		if !nkeys.IsValidPublicOperatorKey(key) {
			if strings.HasPrefix(key, "S") || strings.HasPrefix(key, "P") { // somebody's secret, given by mistake
				key = "[REDACTED]"
			}
			return nil, fmt.Errorf("trusted Keys %q are required to be a valid public operator nkey", key)
		}
		o.trusted[key] = struct{}{}
	}
	return o, nil
}

// Keys are the keys that may sign accounts, in the order of the operators. They must not be changed.
func (o *Operators) Keys() []string {
	if o == nil {
		return nil
	}
	return o.keys
}

// Trusts reports whether an account signed by issuer is to be trusted.
func (o *Operators) Trusts(issuer string) bool {
	if o == nil {
		return false
	}
	_, ok := o.trusted[issuer]
	return ok
}

// StrictIdentity reports whether issuer is the own key of an operator that signs with signing keys
// only, so that it must not sign accounts.
func (o *Operators) StrictIdentity(issuer string) bool {
	return o.some(func(op *operator) bool { return op.strict && op.id == issuer })
}

// StrictAccount reports whether issuer is a signing key of such an operator: accounts that it signed
// must not sign users by their own keys.
func (o *Operators) StrictAccount(issuer string) bool {
	return o.some(func(op *operator) bool { return op.strict && slices.Contains(op.signers, issuer) })
}

func (o *Operators) some(is func(*operator) bool) bool {
	if o == nil {
		return false
	}
	for i := range o.all {
		if is(&o.all[i]) {
			return true
		}
	}
	return false
}

// SystemAccount is the id of the system account that an operator names, if there is exactly one
// operator; else empty.
func (o *Operators) SystemAccount() string {
	if o == nil || len(o.all) != 1 {
		return ""
	}
	return o.all[0].system
}

// MayDelete returns the accounts that a request, a generic JWT, asks to delete. system is the id of
// the system account, which may not be. The errors are the causes that tools show: "not self
// signed", "not trusted", "malformed request", "not allowed to delete system account".
func (o *Operators) MayDelete(g *jwt.GenericClaims, system string) ([]string, error) {
	if g.Issuer != g.Subject {
		return nil, errors.New("not self signed")
	}
	if o == nil || len(o.all) == 0 {
		return nil, errors.New("not trusted")
	}
	first := &o.all[0]
	if own := g.Issuer == first.id && !first.strict; !own && !slices.Contains(first.signers, g.Issuer) {
		return nil, errors.New("not trusted")
	}
	list, ok := g.Data["accounts"].([]any)
	if !ok {
		return nil, errors.New("malformed request")
	}
	ids := make([]string, 0, len(list))
	for _, e := range list {
		id, _ := e.(string)
		if !nkeys.IsValidPublicAccountKey(id) {
			return nil, errors.New("malformed request")
		}
		ids = append(ids, id)
	}
	if system != "" && slices.Contains(ids, system) {
		return nil, errors.New("not allowed to delete system account")
	}
	return ids, nil
}

// CheckVersion returns an error if an operator wants a newer server than version, such as 1.2.3. What
// follows the numbers of version, such as -dev, does not count.
func (o *Operators) CheckVersion(version string) error {
	if o == nil {
		return nil
	}
	plain, _, _ := strings.Cut(version, "-")
	plain, _, _ = strings.Cut(plain, "+")
	for i := range o.all {
		op := &o.all[i]
		if op.version == "" {
			continue
		}
		wanted, err := numbers(op.version)
		var has [3]int
		if err == nil {
			has, err = numbers(plain)
		}
		if err != nil {
			return fmt.Errorf("operator %s expects version %s got error instead: %w", op.id, op.version, err)
		}
		for j, part := range [3]string{"major", "minor", "update"} {
			if wanted[j] > has[j] {
				return fmt.Errorf("operator %s expected %s version %d > server %s version %d", op.id, part, wanted[j], part, has[j])
			}
			if wanted[j] < has[j] {
				break
			}
		}
	}
	return nil
}

// numbers reads a version of three numbers.
func numbers(version string) (n [3]int, err error) {
	parts := strings.Split(version, ".")
	if len(parts) != len(n) {
		return n, fmt.Errorf("%q is not a version of three numbers", version)
	}
	for i, part := range parts {
		if n[i], err = strconv.Atoi(part); err != nil || n[i] < 0 {
			return n, fmt.Errorf("%q is not a version of three numbers", version)
		}
	}
	return n, nil
}
