package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server/options"
)

// dump writes options as a text: a line for each value that is not zero, without secrets.
func dump(o *options.Options) string {
	var b strings.Builder
	dumpValue(&b, "", reflect.ValueOf(*o))
	return withoutFolder(b.String())
}

func dumpValue(b *strings.Builder, path string, v reflect.Value) {
	if v.Kind() == reflect.String && (strings.HasSuffix(path, "Password") || strings.HasSuffix(path, "Authorization")) {
		if v.Len() > 0 {
			fmt.Fprintf(b, "%s: a secret of %d bytes\n", path, v.Len())
		}
		return
	}
	switch x := v.Interface().(type) {
	case *tls.Config:
		if x != nil {
			fmt.Fprintf(b, "%s: %d certificates, at least %s, %s, ca %t, ciphers %v, curves %v, insecure %t\n", path, len(x.Certificates),
				tls.VersionName(x.MinVersion), x.ClientAuth, x.ClientCAs != nil, x.CipherSuites, x.CurvePreferences, x.InsecureSkipVerify)
		}
		return
	case *options.Account:
		if x != nil && strings.HasSuffix(path, "Account") { // of a user
			fmt.Fprintf(b, "%s: %s\n", path, x.Name)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			if v.Elem().IsZero() {
				fmt.Fprintf(b, "%s: empty\n", path)
			}
			dumpValue(b, path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Type().Field(i).IsExported() && !strings.HasPrefix(name, "Config") {
				dumpValue(b, strings.TrimPrefix(path+"."+name, "."), v.Field(i))
			}
		}
	case reflect.Slice:
		if !v.IsNil() && v.Len() == 0 {
			fmt.Fprintf(b, "%s: empty\n", path)
		}
		for i := range v.Len() {
			dumpValue(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Map:
		if !v.IsNil() {
			var items []string
			for _, k := range v.MapKeys() {
				items = append(items, fmt.Sprintf("%v=%v", k, v.MapIndex(k)))
			}
			slices.Sort(items)
			fmt.Fprintf(b, "%s: %s\n", path, strings.ReplaceAll(strings.Join(items, " "), "={}", ""))
		}
	default:
		if !v.IsZero() {
			fmt.Fprintf(b, "%s: %v\n", path, v.Interface())
		}
	}
}

// setFiles makes the files that configurations refer to by variables: T_CERT and T_KEY, the pair
// T_CERT2 and T_KEY2, and T_TEXT, which holds neither.
func setFiles(t *testing.T) {
	dir := t.TempDir()
	set := func(variable, file string, content []byte) {
		path := filepath.Join(dir, file)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		t.Setenv(variable, path)
	}
	for _, n := range []string{"", "2"} {
		cert, key := certificate(t)
		set("T_CERT"+n, "cert"+n+".pem", cert)
		set("T_KEY"+n, "key"+n+".pem", key)
	}
	set("T_TEXT", "text", []byte("no PEM"))
	t.Setenv("T_NONE", filepath.Join(dir, "none"))
}

// certificate makes a certificate that signs itself, and its key.
func certificate(t *testing.T) (cert, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"localhost"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}
