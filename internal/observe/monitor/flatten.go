package monitor

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// textual are the keys whose text is shown: times as numbers, others as a label.
const textual = " server_id server_name version domain leader name start config_load_time "

// notShown are the parts of a page that the exporter leaves out.
const notShown = " leaf trusted_operators_claim cluster_tls_timeout cluster_cluster_port cluster_auth_timeout " +
	"gateway_port gateway_auth_timeout gateway_tls_timeout gateway_connect_retries "

// flatten adds the figures of a page: a number at a.b.c of /varz becomes gnatsd_varz_a_b_c. Names
// are those that prometheus-nats-exporter gives, so that dashboards made for it go on working.
func (m *metrics) flatten(page string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		return // the page itself answers with the error
	}
	var fields map[string]any
	if json.Unmarshal(text, &fields) == nil {
		m.flattenFields(page, "", fields)
	}
}

func (m *metrics) flattenFields(page, above string, fields map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		short := joined(above, key)
		if contains(notShown, short) {
			continue
		}
		name := "gnatsd_" + page + "_" + short
		switch v := fields[key].(type) {
		case map[string]any:
			m.flattenFields(page, short, v)
		case float64:
			m.add(name, gauge, short, v, m.server)
		case string:
			if !contains(textual, key) {
				continue
			}
			if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
				m.add(name, gauge, short, float64(at.UnixMilli()), m.server)
			} else {
				m.add(name, gauge, short, 1, m.server, label{"value", v})
			}
		}
	}
}

// joined makes the name of a key below others: of letters, digits and single underscores.
func joined(above, key string) string {
	parts := strings.FieldsFunc(above+"_"+key, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	return strings.Join(parts, "_")
}

// contains reports whether word is one of words, which has blanks around each.
func contains(words, word string) bool { return strings.Contains(words, " "+word+" ") }
