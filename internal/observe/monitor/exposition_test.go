package monitor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExposition(t *testing.T) {
	var e exposition
	require.Empty(t, e.text())
	e.add("a", gauge, "one\\two\n", 1)
	e.add("b_total", counter, `say "b"`, 2.5, label{"x", `"\` + "\n"}, label{"y", "\xff{}=,"})
	e.add("a", gauge, "ignored", math.Inf(1), label{"x", ""})
	e.addPart("s", "_sum", summary, "", 1<<53)
	e.add("a", gauge, "", math.Inf(-1), label{"x", "n"})
	e.add("a", gauge, "", math.NaN(), label{"x", "m"})
	e.add("a", gauge, "", -7, label{"x", "o"})
	require.Equal(t, `# HELP a one\\two\n
# TYPE a gauge
a 1
a{x=""} +Inf
a{x="n"} -Inf
a{x="m"} NaN
a{x="o"} -7
# HELP b_total say "b"
# TYPE b_total counter
b_total{x="\"\\\n",y="`+"\uFFFD"+`{}=,"} 2.5
# HELP s `+`
# TYPE s summary
s_sum 9.007199254740992e+15
`, string(e.text()))
}

func TestFlatten(t *testing.T) {
	m := metrics{server: label{"server_id", "N"}}
	m.flatten("varz", map[string]any{
		"a": 1, "b": map[string]any{"c": 2.5, "": 3, "/x//y-z": 4, "list": []int{1}, "on": true, "none": nil},
		"start": "2026-08-01T12:00:00.5Z", "name": "n\"", "uptime": "1s", "leaf": map[string]any{"port": 1},
		"gateway": map[string]any{"port": 5, "name": "g"}, "trusted_operators_claim": map[string]any{"a": 1},
		"cluster": map[string]any{"tls_timeout": 1, "pool_size": 3},
	})
	require.Equal(t, `# HELP gnatsd_varz_a a
# TYPE gnatsd_varz_a gauge
gnatsd_varz_a{server_id="N"} 1
# HELP gnatsd_varz_b b
# TYPE gnatsd_varz_b gauge
gnatsd_varz_b{server_id="N"} 3
# HELP gnatsd_varz_b_x_y_z b_x_y_z
# TYPE gnatsd_varz_b_x_y_z gauge
gnatsd_varz_b_x_y_z{server_id="N"} 4
# HELP gnatsd_varz_b_c b_c
# TYPE gnatsd_varz_b_c gauge
gnatsd_varz_b_c{server_id="N"} 2.5
# HELP gnatsd_varz_cluster_pool_size cluster_pool_size
# TYPE gnatsd_varz_cluster_pool_size gauge
gnatsd_varz_cluster_pool_size{server_id="N"} 3
# HELP gnatsd_varz_gateway_name gateway_name
# TYPE gnatsd_varz_gateway_name gauge
gnatsd_varz_gateway_name{server_id="N",value="g"} 1
# HELP gnatsd_varz_name name
# TYPE gnatsd_varz_name gauge
gnatsd_varz_name{server_id="N",value="n\""} 1
# HELP gnatsd_varz_start start
# TYPE gnatsd_varz_start gauge
gnatsd_varz_start{server_id="N"} 1785585600500
`, string(m.text()))
}
