//go:build guard

package test_test

// checked says that lock rules are checked, which makes the server many times slower.
const checked = true
