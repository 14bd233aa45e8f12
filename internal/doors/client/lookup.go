package client

import "github.com/baridmq/barid/internal/bus/identity"

// Has reports whether a number is that of an open connection.
func (d *Door) Has(id uint64) bool { return d.table.get(id) != nil }

// Identity returns what the open connection with that number was found to be, nil if there is none or
// it has not entered.
func (d *Door) Identity(id uint64) *identity.Identity {
	s := d.table.get(id)
	if s == nil {
		return nil
	}
	if v := s.view.Load(); v != nil {
		return v.id
	}
	return nil
}
