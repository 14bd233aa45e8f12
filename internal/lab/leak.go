package lab

import (
	"testing"

	"go.uber.org/goleak"
)

// VerifyNoLeaks runs the tests of a package and fails it when one of them left a goroutine behind.
// It is the whole body of a TestMain and does not return.
func VerifyNoLeaks(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// RequireNoLeaks fails the test if it ends with goroutines that were not there when this was
// called. Tests that run in parallel with others cannot use it.
func RequireNoLeaks(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}
