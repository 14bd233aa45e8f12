package client

// AccountTotals are sums over the connections of one account since the start.
type AccountTotals struct {
	Totals
	// Slow counts the connections that were cut off as slow consumers.
	Slow int64
}

// ByAccount returns sums over all connections since the start by the name of their account. Accounts
// without any are left out, and so are connections that never entered.
func (d *Door) ByAccount() map[string]AccountTotals {
	open, sums := d.table.accounts()
	for _, s := range open {
		v := s.view.Load()
		if v == nil || !s.admitted {
			continue
		}
		t := sums[v.id.Account.Name()]
		load := s.conn.Box.Load()
		t.InMsgs += s.in.msgs.Load()
		t.InBytes += s.in.bytes.Load()
		t.OutMsgs += load.Messages
		t.OutBytes += load.Bytes
		t.Stalls += s.pressure.Stalls.Load()
		sums[v.id.Account.Name()] = t
	}
	return sums
}

// accounts returns the open sessions, in no order, and the sums over the others, which are the
// caller's.
func (t *table) accounts() (open []*session, ended map[string]AccountTotals) {
	t.mu.Lock()
	defer t.mu.Unlock()
	open = make([]*session, 0, len(t.mu.open))
	for _, s := range t.mu.open {
		open = append(open, s)
	}
	ended = make(map[string]AccountTotals, len(t.mu.byAccount))
	for name, sums := range t.mu.byAccount {
		ended[name] = sums
	}
	return open, ended
}

// countLocked adds an ended session to the sums of its account.
func (t *table) countLocked(info *Info) {
	if info.Account == "" {
		return
	}
	if t.mu.byAccount == nil {
		t.mu.byAccount = map[string]AccountTotals{}
	}
	sums := t.mu.byAccount[info.Account]
	sums.add(info)
	if info.Reason.Slow() {
		sums.Slow++
	}
	t.mu.byAccount[info.Account] = sums
}
