package server

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// What several goroutines add to an account is all there, and what is gone does not come back.
func TestChangesOfARunningAccount(t *testing.T) {
	of := func(names ...string) *Options {
		o := &Options{DontListen: true, NoSigs: true}
		for _, name := range names {
			o.Accounts = append(o.Accounts, NewAccount(name))
		}
		return o
	}
	s, err := NewServer(of("A", "B"))
	require.NoError(t, err)
	s.Start()
	defer s.Shutdown()
	a, err := s.LookupAccount("A")
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { _ = a.AddServiceExport(fmt.Sprint("s.", i), nil) })
	}
	all.Wait()
	for i := range 50 {
		_, err := a.ServiceExportResponseThreshold(fmt.Sprint("s.", i))
		require.NoError(t, err)
	}
	require.NoError(t, s.ReloadOptions(of("B")))
	require.ErrorIs(t, a.AddServiceExport("late", nil), ErrMissingAccount)
	_, err = s.LookupAccount("A")
	require.ErrorIs(t, err, ErrMissingAccount)
}
