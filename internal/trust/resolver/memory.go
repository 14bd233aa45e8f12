package resolver

import (
	"context"
	"maps"
	"slices"

	"github.com/baridmq/barid/internal/core/guard"
)

// Memory is a Store that is gone when the process ends. Its zero value is empty and ready.
type Memory struct {
	mu struct {
		guard.RWLeaf
		tokens map[string]string
	}
}

// NewMemory returns a Memory with the JWTs of a configuration, by account.
func NewMemory(preload map[string]string) *Memory {
	m := &Memory{}
	m.Replace(preload)
	return m
}

// Replace forgets all JWTs and takes those of preload, as a reload of the configuration does.
func (m *Memory) Replace(preload map[string]string) {
	tokens := maps.Clone(preload)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.tokens = tokens
}

// Fetch is that of Store. It never waits.
func (m *Memory) Fetch(_ context.Context, id string) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if token, ok := m.mu.tokens[id]; ok {
		return token, nil
	}
	return "", missing("account missing")
}

// Save is that of Store. The JWT is not looked at.
func (m *Memory) Save(id, token string) (changed bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, ok := m.mu.tokens[id]; ok && before == token {
		return false, nil
	}
	if m.mu.tokens == nil {
		m.mu.tokens = make(map[string]string)
	}
	m.mu.tokens[id] = token
	return true, nil
}

// List is that of Store; it has expired JWTs, too.
func (m *Memory) List() ([]string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Sorted(maps.Keys(m.mu.tokens)), nil
}

// Delete is that of Store.
func (m *Memory) Delete(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.mu.tokens, id)
	return nil
}
