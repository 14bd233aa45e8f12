package trust

import (
	"github.com/nats-io/jwt/v2"
	"github.com/spf13/cobra"
)

// limits are the flags of what an operator allows an account.
type limits struct {
	conns, leafs, subs, payload, imports, exports, data int64
	memory, disk, streams, consumers                    int64
	wildcards, noBearer                                 bool
	description, infoURL                                string
}

func (l *limits) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Int64Var(&l.conns, "conns", -1, "most connections of clients (-1: any number, 0: none)")
	f.Int64Var(&l.leafs, "leaf-conns", -1, "most connections of leaf nodes")
	f.Int64Var(&l.subs, "account-subs", -1, "most subscriptions of a connection")
	f.Int64Var(&l.payload, "account-payload", -1, "most bytes of a message")
	f.Int64Var(&l.data, "account-data", -1, "most bytes of all messages; servers do not enforce it")
	f.Int64Var(&l.imports, "imports", -1, "most imports")
	f.Int64Var(&l.exports, "exports", -1, "most exports")
	f.BoolVar(&l.wildcards, "wildcard-exports", true, "whether exports may have wildcards")
	f.BoolVar(&l.noBearer, "disallow-bearer", false, "no user may come without a seed")
	f.Int64Var(&l.memory, "js-memory", 0, "bytes of streams in memory (0: none, -1: any number)")
	f.Int64Var(&l.disk, "js-disk", 0, "bytes of streams on disks (0: none, -1: any number)")
	f.Int64Var(&l.streams, "js-streams", 0, "most streams")
	f.Int64Var(&l.consumers, "js-consumers", 0, "most consumers of streams")
	f.StringVar(&l.description, "description", "", "what the account is for")
	f.StringVar(&l.infoURL, "info-url", "", "`URL` that tells more")
}

// apply changes an account as the flags say.
func (l *limits) apply(cmd *cobra.Command, c *jwt.AccountClaims) {
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
