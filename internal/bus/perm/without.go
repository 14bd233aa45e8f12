package perm

import "slices"

// WithoutPublish returns permissions like p, which may be nil, that deny publishing to pattern, too. An
// error says that pattern is not a valid subject.
func (p *Permissions) WithoutPublish(pattern string) (*Permissions, error) {
	r := p.Rules()
	if !slices.Contains(r.Publish.Deny, pattern) {
		r.Publish.Deny = append(slices.Clip(r.Publish.Deny), pattern)
	}
	return Compile(r)
}
