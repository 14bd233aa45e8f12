package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPlatforms(t *testing.T) {
	ps, err := parsePlatforms(" linux/amd64  windows/arm64")
	require.NoError(t, err)
	require.Equal(t, []platform{{"linux", "amd64"}, {"windows", "arm64"}}, ps)
	for _, list := range []string{"", "linux", "linux/", "/amd64", "linux/../x"} {
		_, err := parsePlatforms(list)
		require.Error(t, err, list)
	}
}

func TestVersion(t *testing.T) {
	const commit = "0123456789abcdef"
	for _, c := range []struct {
		tags  []string
		dirty bool
		want  string
	}{
		{nil, false, "1.2.3-0123456"},
		{[]string{"v1.2.2", "v1.2.3"}, false, "1.2.3"},
		{[]string{"v1.2.2"}, false, "1.2.3-0123456"},
		{[]string{"v1.2.3"}, true, "1.2.3-0123456-dirty"},
	} {
		require.Equal(t, c.want, versionOf("1.2.3", commit, c.tags, c.dirty))
	}
}

var (
	at    = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	files = []file{
		{name: "b", mode: 0o644, data: []byte("text")},
		{name: "barid", mode: 0o755, data: bytes.Repeat([]byte("program"), 100)},
		{name: "a/x", mode: 0o644},
	}
	sorted = []string{"n/a/x", "n/b", "n/barid"}
)

func TestTar(t *testing.T) {
	archive, err := pack("n", files, platform{"linux", "amd64"}, at)
	require.NoError(t, err)
	require.Equal(t, "n.tar.gz", archive.name)
	z, err := gzip.NewReader(bytes.NewReader(archive.data))
	require.NoError(t, err)
	require.Zero(t, z.Header.ModTime)
	require.Empty(t, z.Header.Name)
	r := tar.NewReader(z)
	for _, name := range sorted {
		h, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, name, h.Name)
		require.True(t, at.Equal(h.ModTime))
		require.Equal(t, []any{0, 0, "", ""}, []any{h.Uid, h.Gid, h.Uname, h.Gname})
		if name == "n/barid" {
			require.EqualValues(t, 0o755, h.Mode)
			data, err := io.ReadAll(r)
			require.NoError(t, err)
			require.Equal(t, files[1].data, data)
		}
	}
	_, err = r.Next()
	require.ErrorIs(t, err, io.EOF)
}

func TestZip(t *testing.T) {
	archive, err := pack("n", files, platform{"windows", "amd64"}, at)
	require.NoError(t, err)
	require.Equal(t, "n.zip", archive.name)
	z, err := zip.NewReader(bytes.NewReader(archive.data), int64(len(archive.data)))
	require.NoError(t, err)
	require.Len(t, z.File, len(sorted))
	for i, f := range z.File {
		require.Equal(t, sorted[i], f.Name)
		require.True(t, at.Equal(f.Modified))
	}
	require.EqualValues(t, 0o755, z.File[2].Mode())
	require.Less(t, z.File[2].CompressedSize64, z.File[2].UncompressedSize64)
	r, err := z.Open("n/barid")
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, files[1].data, data)
}

func TestSameFilesMakeTheSameArchive(t *testing.T) {
	turned := []file{files[2], files[1], files[0]}
	for _, system := range []string{"linux", "windows"} {
		one, err := pack("n", files, platform{system, "amd64"}, at)
		require.NoError(t, err)
		two, err := pack("n", turned, platform{system, "amd64"}, at.In(time.FixedZone("", 3600)).UTC())
		require.NoError(t, err)
		require.Equal(t, one, two)
	}
}

func TestSums(t *testing.T) {
	require.Equal(t, "6162000000000000000000000000000000000000000000000000000000000000  a.zip\n"+
		"6364000000000000000000000000000000000000000000000000000000000000  b.tar.gz\n",
		string(sumsFile(map[string][sha256.Size]byte{"b.tar.gz": {'c', 'd'}, "a.zip": {'a', 'b'}})))
}

func TestLicences(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"NOTICE": "notice\n", "licence_test.go": "no", "README": "no"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	_, err := licencesIn(dir)
	require.EqualError(t, err, "no licence found")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "License.md"), []byte("\nlicence\n\n"), 0o600))
	texts, err := licencesIn(dir)
	require.NoError(t, err)
	require.Equal(t, "licence\nnotice\n", string(texts))
}

func TestUsage(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFine, run(context.Background(), []string{"-h"}, &stdout, &stderr))
	require.Equal(t, exitUsage, run(context.Background(), []string{"-nonsense"}, &stdout, &stderr))
	require.Equal(t, exitUsage, run(context.Background(), []string{"-platforms", "linux"}, &stdout, &stderr))
	require.Equal(t, exitUsage, run(context.Background(), []string{"more"}, &stdout, &stderr))
	require.Empty(t, stdout.String())
}
