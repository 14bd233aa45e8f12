package conf

// scope is a map that is being read: what variables can refer to.
type scope struct {
	pairs []*Pair        // nil where a later pair has the same key
	index map[string]int // where in pairs a key is
}

// put adds a pair, and drops an earlier one with the same key.
func (s *scope) put(pair *Pair) {
	if s.index == nil {
		s.index = map[string]int{}
	}
	if i, ok := s.index[pair.Key]; ok {
		s.pairs[i] = nil
	}
	s.index[pair.Key] = len(s.pairs)
	s.pairs = append(s.pairs, pair)
}

// get returns the pair with the given key, nil if there is none so far.
func (s *scope) get(key string) *Pair {
	if i, ok := s.index[key]; ok {
		return s.pairs[i]
	}
	return nil
}

// enter starts a map.
func (p *parser) enter() *scope {
	s := &scope{}
	p.maps = append(p.maps, s)
	return s
}

// leave ends the innermost map.
func (p *parser) leave() *Block {
	last := len(p.maps) - 1
	s := p.maps[last]
	p.maps = p.maps[:last]
	b := &Block{Pairs: make([]*Pair, 0, len(s.index))}
	for _, pair := range s.pairs {
		if pair != nil {
			b.Pairs = append(b.Pairs, pair)
		}
	}
	return b
}
