package client

import "github.com/baridmq/barid/internal/bus/identity"

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
