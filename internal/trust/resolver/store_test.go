package resolver

import (
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func raw(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// Every store that keeps what it is given does it in this way.
func TestStoresKeepWhatTheyAreGiven(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) Store{
		"memory": func(*testing.T) Store { return &Memory{} },
		"full": func(t *testing.T) Store {
			d, _ := open(t, DirectoryConfig{AllowDelete: true})
			return d
		},
		"full, hard": func(t *testing.T) Store {
			d, _ := open(t, DirectoryConfig{AllowDelete: true, HardDelete: true})
			return d
		},
		"cache": func(t *testing.T) Store {
			d, _ := open(t, DirectoryConfig{Cache: true})
			return d
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			a, b := account(t), account(t)
			_, err := s.Fetch(t.Context(), a)
			require.ErrorIs(t, err, ErrNotFound)
			ids, err := s.List()
			require.NoError(t, err)
			require.Empty(t, ids)

			for i, token := range []string{made(a, "first", 100, 0), made(a, "older", 99, 0)} {
				changed, err := s.Save(a, token)
				require.NoError(t, err)
				require.True(t, changed, i)
				changed, err = s.Save(a, token)
				require.NoError(t, err)
				require.False(t, changed, "the same again")
				got, err := s.Fetch(t.Context(), a)
				require.NoError(t, err)
				require.Equal(t, token, got)
			}
			_, err = s.Save(b, made(b, "b", 1, 0))
			require.NoError(t, err)
			ids, err = s.List()
			require.NoError(t, err)
			want := []string{a, b}
			slices.Sort(want)
			require.Equal(t, want, ids)

			require.NoError(t, s.Delete(a))
			require.NoError(t, s.Delete(a), "nothing there is no error")
			_, err = s.Fetch(t.Context(), a)
			require.ErrorIs(t, err, ErrNotFound)
			changed, err := s.Save(a, made(a, "older", 99, 0))
			require.NoError(t, err)
			require.True(t, changed, "an upload brings it back")
		})
	}
}

func TestStoresSaveAndReadAtTheSameTime(t *testing.T) {
	for name, s := range map[string]Store{
		"memory": &Memory{},
		"full":   func() Store { d, _ := open(t, DirectoryConfig{AllowDelete: true}); return d }(),
		"cache":  func() Store { d, _ := open(t, DirectoryConfig{Cache: true, Limit: 3, TTL: time.Hour}); return d }(),
	} {
		t.Run(name, func(t *testing.T) {
			var ids []string
			for range 5 {
				ids = append(ids, account(t))
			}
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					for n := range 20 {
						id := ids[(i+n)%len(ids)]
						switch (i + n) % 4 {
						case 0:
							if _, err := s.Save(id, made(id, strings.Repeat("x", 1+n), int64(n), 0)); err != nil {
								t.Error(err)
							}
						case 1:
							if i == 1 && n%10 == 0 {
								if err := s.Delete(id); err != nil {
									t.Error(err)
								}
							}
						default:
							token, err := s.Fetch(t.Context(), id)
							if err == nil {
								_, err = commonOf(id, token)
							}
							if err != nil && !errors.Is(err, ErrNotFound) {
								t.Error("half of a file, or another one:", err)
							}
						}
						if d, ok := s.(*Directory); ok && n%7 == 0 {
							d.Reload()
							d.Expire()
						}
					}
				})
			}
			all.Wait()
			if d, ok := s.(*Directory); ok {
				before := d.Hash()
				d.Reload()
				require.Equal(t, before, d.Hash(), "what is in memory is what is on the disk")
				if d.Cache() {
					require.LessOrEqual(t, d.Len(), 3)
				}
			}
		})
	}
}

func TestMemoryTakesThePreload(t *testing.T) {
	preload := map[string]string{"A": "token"}
	m := NewMemory(preload)
	preload["B"] = "added later"
	_, err := m.Fetch(t.Context(), "B")
	require.EqualError(t, err, "account missing")
	m.Replace(map[string]string{"C": "other"})
	ids, err := m.List()
	require.NoError(t, err)
	require.Equal(t, []string{"C"}, ids)
}

func TestURL(t *testing.T) {
	known, gone, large, slow, odd := account(t), account(t), account(t), account(t), account(t)
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.Path)
		mu.Unlock()
		switch strings.TrimPrefix(r.URL.Path, "/jwt/v1/accounts/") {
		case "":
		case known:
			_, _ = w.Write([]byte("the.jwt.text\n"))
		case large:
			_, _ = w.Write(make([]byte, MaxToken+1))
		case slow:
			<-r.Context().Done()
		case odd:
			w.WriteHeader(http.StatusNoContent)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	base := strings.Replace(server.URL, "http://", "http://operator:secret@", 1) + "/jwt/v1/accounts"
	u, err := NewURL(URLConfig{Base: base, Timeout: 200 * time.Millisecond})
	require.NoError(t, err)
	defer u.Close()

	require.NoError(t, u.Probe(t.Context()))
	token, err := u.Fetch(t.Context(), known)
	require.NoError(t, err)
	require.Equal(t, "the.jwt.text", token)
	paths := func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(asked) }
	require.Equal(t, []string{"/jwt/v1/accounts/", "/jwt/v1/accounts/" + known}, paths())

	shown := strings.Replace(base, "secret", "xxxxx", 1) + "/"
	for id, text := range map[string]string{
		gone:  `could not fetch <"` + shown + gone + `">: 404 Not Found`,
		large: `could not fetch <"` + shown + large + `">: the answer has more than 1048576 bytes`,
		odd:   `could not fetch <"` + shown + odd + `">: 204 No Content`,
	} {
		_, err := u.Fetch(t.Context(), id)
		require.EqualError(t, err, text)
		require.Equal(t, id == gone, errors.Is(err, ErrNotFound))
	}
	_, err = u.Fetch(t.Context(), slow)
	require.ErrorContains(t, err, `could not fetch <"`+shown+slow+`">: `)
	require.ErrorContains(t, err, "Client.Timeout")
	require.NotContains(t, err.Error(), "secret")
	n := len(paths())
	_, err = u.Fetch(t.Context(), "../../admin")
	require.ErrorIs(t, err, ErrKey)
	require.Len(t, paths(), n, "asks for nothing but accounts")

	_, err = u.Save(known, token)
	require.ErrorIs(t, err, ErrReadOnly)
	_, err = u.List()
	require.ErrorIs(t, err, ErrReadOnly)
	require.ErrorIs(t, u.Delete(known), ErrReadOnly)
}

func TestURLSaysWhatIsWrong(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	base := strings.Replace(server.URL, "http://", "http://operator:secret@", 1) + "/"
	u, err := NewURL(URLConfig{Base: base})
	require.NoError(t, err)
	shown := strings.Replace(base, "secret", "xxxxx", 1)
	require.EqualError(t, u.Probe(t.Context()), `could not fetch <"`+shown+`">: 404 Not Found`)
	server.Close()
	u.Close()
	err = u.Probe(t.Context())
	require.ErrorContains(t, err, `could not fetch <"`+shown+`">: dial tcp`)
	require.NotContains(t, err.Error(), "secret")

	for _, bad := range []string{"", "nats://x:4222", "http://", "/path", "http://u:secret@h:port/", "http://u:secret@h/%zz"} {
		_, err := NewURL(URLConfig{Base: bad})
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestURLTrustsTheAuthoritiesItIsGiven(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	u, err := NewURL(URLConfig{Base: server.URL, TLS: server.Client().Transport.(*http.Transport).TLSClientConfig})
	require.NoError(t, err)
	defer u.Close()
	require.NoError(t, u.Probe(t.Context()))

	other, err := NewURL(URLConfig{Base: server.URL})
	require.NoError(t, err)
	defer other.Close()
	require.ErrorContains(t, other.Probe(t.Context()), "certificate")
}
