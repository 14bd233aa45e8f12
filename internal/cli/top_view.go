package cli

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"
)

// readingJSON is a reading as a line of JSON.
type readingJSON struct {
	Time     time.Time  `json:"time"`             // of the server
	Interval float64    `json:"interval_seconds"` // which the rates are over
	Server   serverJSON `json:"server"`
	Rates    rates      `json:"rates"` // per second
	Total    int        `json:"total_connections"`
	Conns    []conn     `json:"connections"`
}

// serverJSON is the server in a readingJSON.
type serverJSON struct {
	ID            string  `json:"id"`
	Name          string  `json:"name"`
	Version       string  `json:"version"`
	Uptime        string  `json:"uptime"`
	CPU           float64 `json:"cpu"`
	Mem           int64   `json:"mem"`
	SlowConsumers int64   `json:"slow_consumers"`
	Subscriptions int64   `json:"subscriptions"`
	InMsgs        int64   `json:"in_msgs"`
	OutMsgs       int64   `json:"out_msgs"`
	InBytes       int64   `json:"in_bytes"`
	OutBytes      int64   `json:"out_bytes"`
}

// json writes the reading as a line.
func (r *reading) json(w io.Writer) error {
	v := &r.varz
	conns := r.conns.Conns
	if conns == nil {
		conns = []conn{}
	}
	return printJSON(w, readingJSON{Time: r.at, Interval: r.since.Seconds(), Rates: r.rates, Total: r.conns.Total, Conns: conns,
		Server: serverJSON{v.ID, v.Name, v.Version, v.Uptime, v.CPU, v.Mem, v.SlowConsumers, v.Subscriptions,
			v.InMsgs, v.OutMsgs, v.InBytes, v.OutBytes}})
}

// text writes the reading for people.
func (r *reading) text(w io.Writer, subs bool) error {
	v := &r.varz
	name := ""
	if v.Name != "" && v.Name != v.ID {
		name = " " + clean(v.Name)
	}
	fmt.Fprintf(w, "Server%s %s, version %s, up %s\n", name, clean(v.ID), clean(v.Version), clean(v.Uptime))
	fmt.Fprintf(w, "  Load: CPU: %.1f%%  Memory: %s  Slow consumers: %d\n", v.CPU, size(float64(v.Mem)), v.SlowConsumers)
	fmt.Fprintf(w, "  In:   Msgs: %s  Bytes: %s  Msgs/s: %s  Bytes/s: %s\n",
		count(float64(v.InMsgs)), size(float64(v.InBytes)), count(r.rates.InMsgs), size(r.rates.InBytes))
	fmt.Fprintf(w, "  Out:  Msgs: %s  Bytes: %s  Msgs/s: %s  Bytes/s: %s\n\n",
		count(float64(v.OutMsgs)), size(float64(v.OutBytes)), count(r.rates.OutMsgs), size(r.rates.OutBytes))
	fmt.Fprintf(w, "Connections: %d of %d\n", len(r.conns.Conns), max(r.conns.Total, len(r.conns.Conns)))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "  HOST\tCID\tNAME\tSUBS\tPENDING\tMSGS_TO\tMSGS_FROM\tBYTES_TO\tBYTES_FROM\tLANG\tVERSION\tUPTIME\tLAST")
	if subs {
		fmt.Fprint(t, "\tSUBJECTS")
	}
	fmt.Fprintln(t)
	for _, c := range r.conns.Conns {
		last := "-"
		if !c.Last.IsZero() {
			last = c.Last.Local().Format(time.DateTime)
		}
		fmt.Fprintf(t, "  %s\t%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", cell(net.JoinHostPort(c.IP, strconv.Itoa(c.Port))),
			c.CID, cell(c.Name), c.Subs, size(float64(c.Pending)), count(float64(c.OutMsgs)), count(float64(c.InMsgs)),
			size(float64(c.OutBytes)), size(float64(c.InBytes)), cell(c.Lang), cell(c.Version), cell(c.Uptime), last)
		if subs {
			fmt.Fprintf(t, "\t%s", cell(strings.Join(c.Subjects, ", ")))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// cell makes text of others fit for a table.
func cell(text string) string {
	return strings.NewReplacer("\t", " ", "\n", " ", "\v", " ", "\f", " ").Replace(clean(text))
}

// count writes a number with a suffix for thousands.
func count(n float64) string { return scaled(n, 1000, " KMBT") }

// size writes a number of bytes with a suffix for powers of 1024.
func size(n float64) string { return scaled(n, 1024, " KMGT") }

func scaled(n, base float64, suffixes string) string {
	i := 0
	for ; n >= base && i < len(suffixes)-1; i++ {
		n /= base
	}
	if i == 0 {
		return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + suffixes[i:i+1]
}

// fitted cuts text to the size of a screen, whose lines end with a carriage return in raw mode.
func fitted(text string, width, height int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	lines = lines[:min(len(lines), height)]
	for i, line := range lines {
		if utf8.RuneCountInString(line) > width {
			lines[i] = string([]rune(line)[:max(width, 0)])
		}
	}
	return strings.Join(lines, "\r\n")
}
