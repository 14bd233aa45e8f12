package test_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baridmq/barid/server"
)

// difference is why barid and its peer do not agree about a file.
type difference struct {
	peerTakes bool // and barid refuses; else the other way round
	why       string
}

const (
	missing = "barid has no such part yet, and does not seem to have it"
	newer   = "the peer is older than this key"
	check   = "the peer finds out when it starts, barid when it tests the file"
	silent  = "version 2.9 says nothing of this; later versions warn, and a warning fails a test"
	strict  = "version 2.9 let this pass; later versions refuse it"
)

// differences are the files about which they do not agree.
var differences = map[string]difference{
	"cluster":   {true, missing},
	"gateway":   {true, missing},
	"jetstream": {true, missing},
	"leafnodes": {true, missing},
	"mqtt":      {true, missing},
	"websocket": {true, missing},

	"newer_logging":   {false, newer},
	"newer_server":    {false, newer},
	"tls_first":       {false, newer},
	"tls_min_version": {false, newer},

	"http_and_https":         {true, check},
	"no_auth_user_bad":       {true, check},
	"payload_pending":        {true, check},
	"system_account_unknown": {true, check},

	"auth_timeout":        {true, silent},
	"empty":               {true, silent},
	"key_only":            {true, strict},
	"stray_bracket":       {true, strict},
	"name_with_blank":     {true, strict},
	"permission_queue":    {true, strict},
	"tls_insecure_cipher": {true, strict},

	"list_of_integers": {false, "the peer takes the bracket for a part of the number, so that JSON does not work"},
	"bcrypt_2y":        {false, "the peer knows only hashes that begin with $2a$ without quotes"},
}

// What is a valid configuration for the peer is one for barid, and what is none is none, but for
// the named differences. Both are asked to test each file of testdata/configs.
func TestAgreementAboutConfigurations(t *testing.T) {
	peer, err := exec.LookPath("nats-server")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "nats-server is not installed, and this run must compare with it")
		t.Skip("nats-server is not installed: nothing to compare with")
	}
	setCertificates(t)
	files, err := filepath.Glob(filepath.Join("testdata", "configs", "*.conf"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 40)
	seen := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".conf")
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.True(t, bytes.HasPrefix(text, []byte("# ")), "the first line says what the file is")
			said, err := exec.Command(peer, "-t", "-c", file).CombinedOutput()
			if exit := (*exec.ExitError)(nil); err != nil {
				require.ErrorAs(t, err, &exit)
			}
			peerTakes, fault := err == nil, testConfiguration(file)
			d, differ := differences[name]
			if differ {
				require.Equal(t, d.peerTakes, peerTakes, "it is no difference any more that %s: %s", d.why, said)
			}
			require.Equal(t, peerTakes != differ, fault == nil, "the peer says: %s\nbarid says: %v", said, fault)
			if d.why != missing {
				require.Equal(t, bytes.HasPrefix(text, []byte("# Bad")), fault != nil, "the first line says the contrary: %v", fault)
			}
		})
	}
	for name, d := range differences {
		require.True(t, seen[name], "no file %s.conf", name)
		require.NotEmpty(t, d.why)
	}
}

// testConfiguration is barid -t -c file.
func testConfiguration(file string) error {
	fs := flag.NewFlagSet("barid", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	_, err := server.ConfigureOptions(fs, []string{"-t", "-c", file}, nil, nil, nil)
	return err
}

// setCertificates makes the files that configurations refer to by variables: a certificate T_CERT
// with its key T_KEY, and another key T_KEY2.
func setCertificates(t *testing.T) {
	dir := t.TempDir()
	write := func(variable, kind string, der []byte) {
		file := filepath.Join(dir, variable)
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		t.Setenv(variable, file)
	}
	for _, n := range []string{"", "2"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		write("T_KEY"+n, "PRIVATE KEY", secret)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
			NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		require.NoError(t, err)
		write("T_CERT"+n, "CERTIFICATE", der)
	}
}
