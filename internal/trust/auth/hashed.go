package auth

// Hashed reports whether a configured password or token is taken for a bcrypt hash.
func Hashed(secret string) bool { return looksHashed(secret) }
