package flags

import (
	"github.com/nats-io/jwt/v2"
	"github.com/spf13/cobra"
)

// Limits are the flags of what an operator allows an account.
type Limits struct {
	conns, leafs, subs, payload, imports, exports, data int64
	memory, disk, streams, consumers                    int64
	wildcards, noBearer                                 bool
	description, infoURL                                string
}

// Add adds the flags to a command.
func (l *Limits) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(count(&l.conns, -1), "conns", "most connections of clients (-1: any number, 0: none)")
	f.Var(count(&l.leafs, -1), "leaf-conns", "most connections of leaf nodes")
	f.Var(count(&l.subs, -1), "account-subs", "most subscriptions of a connection")
	f.Var(count(&l.payload, -1), "account-payload", "most bytes of a message")
	f.Var(count(&l.data, -1), "account-data", "most bytes of all messages; servers do not enforce it")
	f.Var(count(&l.imports, -1), "imports", "most imports")
	f.Var(count(&l.exports, -1), "exports", "most exports")
	f.BoolVar(&l.wildcards, "wildcard-exports", true, "whether exports may have wildcards")
	f.BoolVar(&l.noBearer, "disallow-bearer", false, "no user may come without a seed")
	f.Var(count(&l.memory, 0), "js-memory", "bytes of streams in memory (0: none, -1: any number)")
	f.Var(count(&l.disk, 0), "js-disk", "bytes of streams on disks (0: none, -1: any number)")
	f.Var(count(&l.streams, 0), "js-streams", "most streams")
	f.Var(count(&l.consumers, 0), "js-consumers", "most consumers of streams")
	f.StringVar(&l.description, "description", "", "what the account is for")
	f.StringVar(&l.infoURL, "info-url", "", "`URL` that tells more")
}

// Apply changes an account as the flags say.
func (l *Limits) Apply(cmd *cobra.Command, c *jwt.AccountClaims) {
	for name, set := range map[string]func(){
		"conns":            func() { c.Limits.Conn = l.conns },
		"leaf-conns":       func() { c.Limits.LeafNodeConn = l.leafs },
		"account-subs":     func() { c.Limits.Subs = l.subs },
		"account-payload":  func() { c.Limits.Payload = l.payload },
		"account-data":     func() { c.Limits.Data = l.data },
		"imports":          func() { c.Limits.Imports = l.imports },
		"exports":          func() { c.Limits.Exports = l.exports },
		"wildcard-exports": func() { c.Limits.WildcardExports = l.wildcards },
		"disallow-bearer":  func() { c.Limits.DisallowBearer = l.noBearer },
		"js-memory":        func() { c.Limits.MemoryStorage = l.memory },
		"js-disk":          func() { c.Limits.DiskStorage = l.disk },
		"js-streams":       func() { c.Limits.Streams = l.streams },
		"js-consumers":     func() { c.Limits.Consumer = l.consumers },
		"description":      func() { c.Description = l.description },
		"info-url":         func() { c.InfoURL = l.infoURL },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
}
