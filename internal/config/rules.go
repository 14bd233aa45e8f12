package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/baridmq/barid/conf"
	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/internal/config/check"
	"github.com/baridmq/barid/internal/config/translate"
	"github.com/baridmq/barid/internal/core/subject"
	"github.com/baridmq/barid/server/options"
)

// exportEntry is an export as it is written down.
type exportEntry struct {
	*options.AccountExport
	kind                     *conf.Pair // stream or service
	response, latency, trace *conf.Pair // what only services have
}

// importEntry is an import as it is written down.
type importEntry struct {
	*options.AccountImport
	kind                     *conf.Pair // stream or service
	prefix                   string
	prefixed, shared, traced *conf.Pair
}

// exportBlock are the settings of an export.
var exportBlock = block[*exportEntry]{path: "exports", unknown: unknownField, keys: []key[*exportEntry]{
	special("stream", "subject", func(d *decoder, p *conf.Pair, e *exportEntry) { d.exported(p, e, false) }).
		help("messages that are offered; it may have wildcards"),
	special("service", "subject", func(d *decoder, p *conf.Pair, e *exportEntry) { d.exported(p, e, true) }).
		help("requests that are answered, in place of stream"),
	made("accounts", "list", func(e *exportEntry) *[]string { return &e.Accounts }, func(d *decoder, p *conf.Pair, e *exportEntry) {
		e.Accounts = d.names(p)
	}).help("accounts that may import it").unset("all"),
	number("account_token_position", func(e *exportEntry) *int { return &e.TokenPosition }).check(notNegative).
		help("number, from 1, of the token, a *, in place of which an importer has to have its own name"),
	special("response_type response", "single, stream or chunked", (*decoder).responseKind).
		help("how a service answers: by one message, several, or one in pieces").unset("single"),
	made("threshold response_threshold response_max_time response_time", "duration",
		func(e *exportEntry) *time.Duration { return &e.Threshold }, func(d *decoder, p *conf.Pair, e *exportEntry) {
			e.response = p
			d.duration(p, &e.Threshold)
		}).check(notNegative).help("time for an answer, and the longest pause between several").unset("2m"),
	special("latency", "subject or map", (*decoder).latency).help("where to publish how long answers take").unset("nowhere"),
	special("allow_trace", "boolean", func(d *decoder, p *conf.Pair, e *exportEntry) {
		e.trace = p
		d.choice(p, &e.AllowTrace)
	}).help("traces of messages go on in this account").unset("false"),
}}

// latencyBlock are the settings of latency.
var latencyBlock = block[*options.ServiceLatency]{path: "latency", unknown: unknownField, keys: []key[*options.ServiceLatency]{
	text("subject", func(l *options.ServiceLatency) *string { return &l.Subject }).help("where measurements are published"),
	special("sampling", "integer, \"N%\" or headers", (*decoder).sampling).
		help("percentage of requests, 1 to 100, or those whose headers ask for it").unset("100"),
}}

// importBlock are the settings of an import, sourceBlock those of what it takes.
var (
	importBlock = block[*importEntry]{path: "imports", unknown: unknownField, keys: []key[*importEntry]{
		special("stream", "map", func(d *decoder, p *conf.Pair, i *importEntry) { d.imported(p, i, false) }).
			help("messages of another account: its account and subject"),
		special("service", "map", func(d *decoder, p *conf.Pair, i *importEntry) { d.imported(p, i, true) }).
			help("service of another account: its account and subject, in place of stream"),
		made("prefix", "subject", func(i *importEntry) *string { return &i.prefix }, func(d *decoder, p *conf.Pair, i *importEntry) {
			i.prefixed = p
			d.text(p.Key, p.Value, &i.prefix)
		}).help("tokens before the subject of a stream here"),
		text("to", func(i *importEntry) *string { return &i.To }).
			help("subject here, with $1 for the first wildcard of the subject there").unset("the same"),
		special("share", "boolean", func(d *decoder, p *conf.Pair, i *importEntry) {
			i.shared = p
			d.choice(p, &i.Share)
		}).help("tells a service who asks").unset("false"),
		special("allow_trace", "boolean", func(d *decoder, p *conf.Pair, i *importEntry) {
			i.traced = p
			d.choice(p, &i.AllowTrace)
		}).help("traces of messages come in with a stream").unset("false"),
	}}
	sourceBlock = block[*options.AccountImport]{path: "imports.stream", unknown: unknownField, keys: []key[*options.AccountImport]{
		text("account", func(i *options.AccountImport) *string { return &i.Account }).help("account that exports it"),
		text("subject", func(i *options.AccountImport) *string { return &i.Subject }).help("subject there"),
	}}
)

// destinationBlock are the settings of the destination of a mapping.
var destinationBlock = block[*options.MapDest]{path: "mappings", unknown: "Unknown field %q for mapping destination",
	keys: []key[*options.MapDest]{
		text("destination dest", func(m *options.MapDest) *string { return &m.Subject }).
			help("the new subject, with $1 for the first wildcard, or other functions"),
		special("weight", "integer or \"N%\"", (*decoder).weight).help("part of the messages, 0 to 100"),
		text("cluster", func(m *options.MapDest) *string { return &m.Cluster }).help("only in the cluster of that name").unset("everywhere"),
	},
}

// names takes a list of names.
func (d *decoder) names(p *conf.Pair) (names []string) {
	items, _ := d.elements(p.Key, p.Value)
	for _, item := range items {
		names = append(names, item.Text)
	}
	return names
}

func (d *decoder) exports(p *conf.Pair, a *accountEntry) {
	if p.Value.Kind != conf.Array {
		d.fail(p.At, "Exports should be an array, got %s", p.Value.Kind)
		return
	}
	for _, item := range p.Value.Items {
		if !d.is(conf.Map, p.Key, item) {
			continue
		}
		e := &exportEntry{AccountExport: &options.AccountExport{}}
		exportBlock.decode(d, item.Map, e)
		switch {
		case e.kind == nil:
			d.fail(item.At, "an export needs a stream or a service")
			continue
		case !e.Service && e.response != nil:
			d.fail(e.response.At, "Detected response directive on non-service")
		case !e.Service && e.latency != nil:
			d.fail(e.latency.At, "Detected latency directive on non-service")
		case !e.Service && e.trace != nil:
			d.fail(e.trace.At, "Detected allow_trace directive on non-service")
		}
		a.Exports, a.exportsAt = append(a.Exports, e.AccountExport), append(a.exportsAt, item.At)
	}
}

// exported takes the subject of an export, which is of one kind.
func (d *decoder) exported(p *conf.Pair, e *exportEntry, service bool) {
	if d.oneKind(p, &e.kind, service) {
		e.Service = service
		d.text(p.Key, p.Value, &e.Subject)
	}
}

// oneKind notes that an export or import is of a kind, and refuses a second one.
func (d *decoder) oneKind(p *conf.Pair, kind **conf.Pair, service bool) bool {
	subject := p.Value.Text
	if p.Value.Kind == conf.Map {
		for _, inner := range p.Value.Map.Pairs {
			if strings.EqualFold(inner.Key, "subject") {
				subject = inner.Value.Text
			}
		}
	}
	switch {
	case *kind == nil:
		*kind = p
		return true
	case service:
		d.fail(p.At, "Detected service %q but already saw a stream", subject)
	default:
		d.fail(p.At, "Detected stream %q but already saw a service", subject)
	}
	return false
}

func (d *decoder) responseKind(p *conf.Pair, e *exportEntry) {
	e.response = p
	var kind string
	if !d.text(p.Key, p.Value, &kind) {
		return
	}
	switch strings.ToLower(kind) {
	case "single", "singleton":
		e.Response = "Singleton"
	case "stream":
		e.Response = "Stream"
	case "chunk", "chunked":
		e.Response = "Chunked"
	default:
		d.fail(p.Value.At, "Unknown response type: %q", kind)
	}
}

func (d *decoder) latency(p *conf.Pair, e *exportEntry) {
	e.latency = p
	e.Latency = &options.ServiceLatency{Sampling: 100}
	switch p.Value.Kind {
	case conf.String:
		e.Latency.Subject = p.Value.Text
	case conf.Map:
		latencyBlock.decode(d, p.Value.Map, e.Latency)
	default:
		d.fail(p.Value.At, "Expected latency entry to be a map/struct or string, got %s", p.Value.Kind)
		return
	}
	if e.Latency.Subject == "" {
		d.fail(p.At, "Latency subject required, but missing")
	}
}

func (d *decoder) sampling(p *conf.Pair, l *options.ServiceLatency) {
	if p.Value.Kind == conf.String && strings.EqualFold(p.Value.Text, "headers") {
		l.Sampling = 0
		return
	}
	n, ok := percentage(p.Value)
	if !ok || n < 1 || n > 100 {
		d.fail(p.Value.At, "bad sampling percentage, should be 1-100")
		return
	}
	l.Sampling = int(n)
}

// percentage returns the value of an integer, or of a text as "5%".
func percentage(v *conf.Value) (n int64, ok bool) {
	switch v.Kind {
	case conf.Integer:
		return v.Int, true
	case conf.String:
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v.Text), "%")), 10, 64)
		return n, err == nil
	}
	return 0, false
}

func (d *decoder) imports(p *conf.Pair, a *accountEntry) {
	if p.Value.Kind != conf.Array {
		d.fail(p.At, "Imports should be an array, got %s", p.Value.Kind)
		return
	}
	for _, item := range p.Value.Items {
		if !d.is(conf.Map, p.Key, item) {
			continue
		}
		i := &importEntry{AccountImport: &options.AccountImport{}}
		before := len(d.faults)
		importBlock.decode(d, item.Map, i)
		switch {
		case len(d.faults) > before:
		case i.kind == nil:
			d.fail(item.At, "an import needs a stream or a service")
		case i.Service && i.prefixed != nil:
			d.fail(i.prefixed.At, "Detected prefix directive on non-stream")
		case i.Service && i.traced != nil:
			d.fail(i.traced.At, "Detected allow_trace directive on non-stream")
		case !i.Service && i.shared != nil:
			d.fail(i.shared.At, "Detected share directive on non-service")
		case i.prefixed != nil && i.To != "":
			d.fail(item.At, "Stream import can not have a 'prefix' and a 'to' property")
		case subject.HasWildcard(i.prefix):
			d.fail(i.prefixed.At, "%v", options.ErrStreamImportBadPrefix)
		default:
			if i.prefix != "" {
				i.To = strings.TrimSuffix(i.prefix, ".") + "." + i.Subject
			}
			a.Imports, a.importsAt = append(a.Imports, i.AccountImport), append(a.importsAt, item.At)
		}
	}
}

func (d *decoder) imported(p *conf.Pair, i *importEntry, service bool) {
	if !d.oneKind(p, &i.kind, service) {
		return
	}
	i.Service = service
	if p.Value.Kind == conf.Map {
		before := len(d.faults)
		sourceBlock.decode(d, p.Value.Map, i.AccountImport)
		if len(d.faults) > before {
			return
		}
	}
	if i.Account == "" || i.Subject == "" {
		d.fail(p.At, "Expect an account name and a subject")
	}
}

// mappings takes what a block says of subjects: a destination, or one or several with weights.
func (d *decoder) mappings(p *conf.Pair) (list []*options.SubjectMapping) {
	b, ok := d.fields(p)
	if !ok {
		return nil
	}
	for _, entry := range b.Pairs {
		if entry.Used { // a variable that stands among the mappings
			continue
		}
		m := &options.SubjectMapping{Source: entry.Key}
		before := len(d.faults)
		d.destinations(entry, m)
		if len(d.faults) > before {
			continue
		}
		if _, err := account.CompileMappings(translate.Mappings([]*options.SubjectMapping{m}), ""); err != nil {
			d.fail(entry.At, "%v", err)
		}
		list = append(list, m)
	}
	return list
}

func (d *decoder) destinations(p *conf.Pair, m *options.SubjectMapping) {
	items := p.Value.Items
	switch p.Value.Kind {
	case conf.String:
		m.Destinations = []*options.MapDest{{Subject: p.Value.Text, Weight: 100}}
		return
	case conf.Map:
		items = []*conf.Value{p.Value}
	case conf.Array:
	default:
		d.fail(p.Value.At, "expected a subject, a map or a list of maps as destination of a mapping, got %s", p.Value.Kind)
	}
	for _, item := range items {
		if !d.is(conf.Map, p.Key, item) {
			continue
		}
		to := &options.MapDest{Weight: noWeight}
		before := len(d.faults)
		destinationBlock.decode(d, item.Map, to)
		switch {
		case len(d.faults) > before:
		case to.Subject == "":
			d.fail(item.At, "missing destination of mapping %q", p.Key)
		case to.Weight == noWeight:
			d.fail(item.At, "Missing weight for mapping destination %q", to.Subject)
		}
		m.Destinations = append(m.Destinations, to)
	}
}

// noWeight stands for a weight that is not given.
const noWeight = 255

func (d *decoder) weight(p *conf.Pair, to *options.MapDest) {
	n, ok := percentage(p.Value)
	switch {
	case !ok:
		d.fail(p.Value.At, "Unknown entry type for weight: %s", p.Value.Kind)
	case n < 0 || n > 100:
		d.fail(p.Value.At, "Invalid weight %d for mapping destination", n)
	default:
		to.Weight = uint8(n)
	}
}

// settleRules checks what the accounts of a file give and take, when all of them are read; but not if
// something else is wrong already.
func (d *decoder) settleRules(o opts) {
	if len(d.faults) > 0 {
		return
	}
	for _, t := range d.tenants {
		for n, e := range t.Exports {
			if err := check.Export(o, e); err != nil {
				d.fail(t.exportsAt[n], "%v", err)
			}
		}
		for n, i := range t.Imports {
			if !check.IsAccount(o, i.Account) {
				d.fail(t.importsAt[n], check.NoImportAccount, i.Account, check.KindName(i.Service))
			}
		}
	}
	if len(d.faults) == 0 {
		d.checkImports(o)
	}
}

// checkImports lets the bus check the imports, and takes those that it refuses away until it is content.
func (d *decoder) checkImports(o opts) {
	complete := *o
	Complete(&complete)
	specs := translate.Accounts(&complete)
	places := map[string][]conf.Position{}
	for _, t := range d.tenants {
		places[t.Name] = slices.Clone(t.importsAt)
	}
	for {
		err := account.NewRegistry().Check(specs)
		if err == nil {
			return
		}
		var wrong *account.ImportError
		if !errors.As(err, &wrong) {
			d.fail(d.file, "%v", err)
			return
		}
		s := &specs[slices.IndexFunc(specs, func(s account.Spec) bool { return s.Name == wrong.Account })]
		n := 0
		for &s.Imports[n] != wrong.Import {
			n++
		}
		at := d.file // of what is not written, but automatic
		if written := places[s.Name]; n < len(written) {
			at = written[n]
			places[s.Name] = slices.Delete(written, n, n+1)
		}
		d.fail(at, "%v", check.ImportFault(wrong))
		s.Imports = slices.Delete(s.Imports, n, n+1)
	}
}
