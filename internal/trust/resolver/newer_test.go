package resolver

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSaveNewer(t *testing.T) {
	id := account(t)
	for _, c := range []struct {
		name, stored, token string
		changed             bool
	}{
		{name: "nothing there", token: made(id, "a", 1, 0), changed: true},
		{name: "newer", stored: made(id, "a", 1, 0), token: made(id, "b", 2, 0), changed: true},
		{name: "older", stored: made(id, "b", 2, 0), token: made(id, "a", 1, 0)},
		{name: "the same", stored: made(id, "a", 1, 0), token: made(id, "a", 1, 0)},
		{name: "an equal jti", stored: made(id, "a", 1, 0), token: made(id, "a", 1, 99999999999)},
		{name: "one second, greater jti", stored: made(id, "a", 1, 0), token: made(id, "b", 1, 0), changed: true},
		{name: "one second, lesser jti", stored: made(id, "b", 1, 0), token: made(id, "a", 1, 0)},
		{name: "unreadable", stored: "garbage", token: made(id, "a", 1, 0), changed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := open(t, DirectoryConfig{})
			if c.stored != "" {
				put(t, fileOf(d, id), c.stored)
			}
			changed, err := d.SaveNewer(id, c.token)
			require.NoError(t, err)
			require.Equal(t, c.changed, changed)
			want := c.stored
			if c.changed {
				want = c.token
			}
			got, err := d.Fetch(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	d, _ := open(t, DirectoryConfig{})
	_, err := d.SaveNewer(account(t), made(id, "a", 1, 0))
	require.EqualError(t, err, "jwt subject nkey and provided nkey do not match")
	put(t, fileOf(d, id), made(account(t), "of another", 1, 0))
	_, err = d.SaveNewer(id, made(id, "a", 2, 0))
	require.EqualError(t, err, "subject of existing and new jwt do not match")
}

// What was deleted does not come back with the copies of other servers, not even after a restart.
func TestDeletedStaysDeleted(t *testing.T) {
	for _, hard := range []bool{false, true} {
		t.Run(fmt.Sprint("hard ", hard), func(t *testing.T) {
			at := t.TempDir()
			cfg := DirectoryConfig{Path: at, AllowDelete: true, HardDelete: hard}
			d, _ := open(t, cfg)
			id := account(t)
			_, err := d.Save(id, made(id, "b", 10, 0))
			require.NoError(t, err)
			require.NoError(t, d.Delete(id))
			if hard {
				require.Empty(t, names(t, at))
			} else {
				require.Equal(t, []string{id + ".jwt.deleted"}, names(t, at))
			}
			refuse := func(d *Directory) {
				for name, issued := range map[string]int64{"a": 9, "b": 10, "c": 10} {
					_, err := d.SaveNewer(id, made(id, name, issued, 0))
					require.ErrorIs(t, err, ErrDeleted)
				}
			}
			refuse(d)
			d.Reload()
			refuse(d)
			if !hard {
				d, _ = open(t, cfg)
				refuse(d)
			}
			changed, err := d.SaveNewer(id, made(id, "d", 11, 0))
			require.NoError(t, err)
			require.True(t, changed, "somebody made it again")
			require.NoError(t, d.Delete(id))
			_, err = d.Save(id, made(id, "a", 9, 0))
			require.NoError(t, err, "an operator may bring it back")
			changed, err = d.SaveNewer(id, made(id, "b", 10, 0))
			require.NoError(t, err)
			require.True(t, changed)
		})
	}
}

func TestDeleteThatIsNotAllowed(t *testing.T) {
	d, _ := open(t, DirectoryConfig{})
	id := account(t)
	_, err := d.Save(id, made(id, "a", 1, 0))
	require.NoError(t, err)
	require.EqualError(t, d.Delete(id), "store is not set up to for delete")
	require.FileExists(t, fileOf(d, id))
}

// Directories that get the same JWTs in any order, or from each other, end with the same.
func TestDirectoriesConverge(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var ids []string
	for range 4 {
		ids = append(ids, account(t))
	}
	for range 8 {
		type one struct{ id, token string }
		var all []one
		for i := range 12 {
			id := ids[random.IntN(len(ids))]
			issued := int64(random.IntN(4))
			all = append(all, one{id, made(id, fmt.Sprint("n", i), issued, 0)})
		}
		a, _ := open(t, DirectoryConfig{})
		b, _ := open(t, DirectoryConfig{})
		for _, d := range []*Directory{a, b} {
			for _, i := range random.Perm(len(all))[:8] {
				_, err := d.SaveNewer(all[i].id, all[i].token)
				require.NoError(t, err)
			}
		}
		pull := func(to, from *Directory) {
			from.Each(func(id, token string) bool {
				_, err := to.SaveNewer(id, token)
				require.NoError(t, err)
				return true
			})
		}
		pull(a, b)
		pull(b, a)
		require.Equal(t, a.Hash(), b.Hash())
		ofA, _ := a.List()
		ofB, _ := b.List()
		require.Equal(t, ofA, ofB)
		hash := a.Hash()
		pull(a, b)
		require.Equal(t, hash, a.Hash(), "and stay so")
	}
}
