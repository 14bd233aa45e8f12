package claims

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// # Old tokens
//
// Tokens of version 1 have their type beside what is their own, and their signature is that of the
// second part alone. The JWT library reads them. It does not read those of November 2018, whose
// parts are in standard base64; that is done here. Besides, an old account without limits was
// meant to have none.

// oldClaims are claims of version 1, with what is the kind's own as it stands there.
type oldClaims struct {
	jwt.ClaimsData
	Type          jwt.ClaimType   `json:"type"`
	Tags          jwt.TagList     `json:"tags"`
	IssuerAccount string          `json:"issuer_account"`
	Own           json.RawMessage `json:"nats"`
}

// decodeOld decodes a token in standard base64, whose claims are data.
func decodeOld(token string, data []byte) (jwt.Claims, error) {
	var o oldClaims
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, err
	}
	if len(o.Own) == 0 {
		o.Own = json.RawMessage("{}")
	}
	parts := strings.Split(token, ".")
	sig, err := base64.RawStdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	key, err := nkeys.FromPublicKey(o.Issuer)
	if err != nil || key.Verify([]byte(parts[1]), sig) != nil {
		return nil, errors.New("claim failed V1 signature verification")
	}
	fields := jwt.GenericFields{Tags: o.Tags, Type: o.Type, Version: 1}
	byAccount, byOperator := nkeys.IsValidPublicAccountKey(o.Issuer), nkeys.IsValidPublicOperatorKey(o.Issuer)
	switch o.Type {
	case jwt.OperatorClaim:
		return o.operator(fields, byOperator)
	case jwt.AccountClaim:
		return o.account(fields, byAccount || byOperator)
	case jwt.UserClaim:
		return o.user(fields, byAccount)
	case jwt.ActivationClaim:
		return o.activation(fields, byAccount || byOperator)
	}
	return nil, fmt.Errorf("claims of type %q are not supported", o.Type)
}

// own reads what is the kind's own, if it was signed by a key of the right kind.
func (o *oldClaims) own(to any, signed bool) error {
	if !signed {
		return errors.New("unable to validate expected prefixes")
	}
	return json.Unmarshal(o.Own, to)
}

func (o *oldClaims) operator(fields jwt.GenericFields, signed bool) (jwt.Claims, error) {
	var own struct {
		SigningKeys         jwt.StringList `json:"signing_keys"`
		AccountServerURL    string         `json:"account_server_url"`
		OperatorServiceURLs jwt.StringList `json:"operator_service_urls"`
		SystemAccount       string         `json:"system_account"`
	}
	err := o.own(&own, signed)
	return &jwt.OperatorClaims{ClaimsData: o.ClaimsData, Operator: jwt.Operator{
		SigningKeys: own.SigningKeys, AccountServerURL: own.AccountServerURL,
		OperatorServiceURLs: own.OperatorServiceURLs, SystemAccount: own.SystemAccount, GenericFields: fields,
	}}, err
}

func (o *oldClaims) account(fields jwt.GenericFields, signed bool) (jwt.Claims, error) {
	var own struct {
		Imports jwt.Imports `json:"imports"`
		Exports jwt.Exports `json:"exports"`
		Limits  struct {
			jwt.NatsLimits
			jwt.AccountLimits
		} `json:"limits"`
		SigningKeys jwt.StringList     `json:"signing_keys"`
		Revocations jwt.RevocationList `json:"revocations"`
	}
	err := o.own(&own, signed)
	keys := jwt.SigningKeys{}
	keys.Add(own.SigningKeys...)
	return &jwt.AccountClaims{ClaimsData: o.ClaimsData, Account: jwt.Account{
		Imports: own.Imports, Exports: own.Exports, SigningKeys: keys, Revocations: own.Revocations,
		Limits:        jwt.OperatorLimits{NatsLimits: own.Limits.NatsLimits, AccountLimits: own.Limits.AccountLimits},
		GenericFields: fields,
	}}, err
}

func (o *oldClaims) user(fields jwt.GenericFields, signed bool) (jwt.Claims, error) {
	var own struct {
		jwt.Permissions
		jwt.Limits
		BearerToken bool `json:"bearer_token"`
	}
	own.NatsLimits = jwt.NatsLimits{Subs: jwt.NoLimit, Data: jwt.NoLimit, Payload: jwt.NoLimit}
	err := o.own(&own, signed)
	return &jwt.UserClaims{ClaimsData: o.ClaimsData, User: jwt.User{
		UserPermissionLimits: jwt.UserPermissionLimits{Permissions: own.Permissions, Limits: own.Limits, BearerToken: own.BearerToken},
		IssuerAccount:        o.IssuerAccount, GenericFields: fields,
	}}, err
}

func (o *oldClaims) activation(fields jwt.GenericFields, signed bool) (jwt.Claims, error) {
	var own struct {
		Subject jwt.Subject    `json:"subject"`
		Type    jwt.ExportType `json:"type"`
	}
	err := o.own(&own, signed)
	return &jwt.ActivationClaims{ClaimsData: o.ClaimsData, Activation: jwt.Activation{
		ImportSubject: own.Subject, ImportType: own.Type, IssuerAccount: o.IssuerAccount, GenericFields: fields,
	}}, err
}

// complete adds to claims of version 1, whose JSON is data, what only that tells.
func complete(c jwt.Claims, data []byte) error {
	switch c := c.(type) {
	case *jwt.AccountClaims:
		if c.Version != 1 {
			return nil
		}
		var raw struct {
			Own struct {
				Limits json.RawMessage `json:"limits"`
			} `json:"nats"`
		}
		err := json.Unmarshal(data, &raw)
		if limits := string(raw.Own.Limits); limits == "" || limits == "null" {
			c.Limits = jwt.NewAccountClaims(c.Subject).Limits
		}
		return err
	case *jwt.ActivationClaims:
		if c.Version != 1 || c.ImportSubject != "" {
			return nil
		}
		var raw struct { // the first ones were for a list of exports, of which one counts
			Own struct {
				Exports []struct {
					Subject jwt.Subject    `json:"subject"`
					Type    jwt.ExportType `json:"type"`
				} `json:"exports"`
			} `json:"nats"`
		}
		err := json.Unmarshal(data, &raw)
		if len(raw.Own.Exports) == 1 {
			c.ImportSubject, c.ImportType = raw.Own.Exports[0].Subject, raw.Own.Exports[0].Type
		}
		return err
	}
	return nil
}
