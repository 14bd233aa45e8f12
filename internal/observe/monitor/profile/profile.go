// Package profile serves the profiles of the process over HTTP, under the paths that go tool pprof
// knows. net/http/pprof has them, too, but whoever imports it gives them to the program's
// http.DefaultServeMux, and a server must not open such a door in programs that embed it.
//
// It owns no lock, and no goroutine but those of the runtime's profilers.
package profile

import (
	"fmt"
	"html"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"strings"
	"time"
)

// profiles is the path below which everything is.
const profiles = "/debug/pprof/"

// longest bounds the time that a profile may take.
const longest = 10 * time.Minute

// Handler serves the profiles of the process, below /debug/pprof/. Those that take time end early
// when quit is closed.
func Handler(quit <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(profiles, index)
	mux.HandleFunc(profiles+"{name}", named)
	mux.HandleFunc(profiles+"cmdline", func(w http.ResponseWriter, _ *http.Request) {
		plain(w)
		fmt.Fprint(w, strings.Join(os.Args, "\x00"))
	})
	mux.HandleFunc(profiles+"symbol", func(w http.ResponseWriter, _ *http.Request) {
		plain(w)
		fmt.Fprint(w, "num_symbols: 0\n") // Go's profiles bring their symbols along
	})
	mux.HandleFunc(profiles+"profile", func(w http.ResponseWriter, r *http.Request) {
		record(w, r, quit, 30*time.Second, "profile", func() error { return pprof.StartCPUProfile(w) }, pprof.StopCPUProfile)
	})
	mux.HandleFunc(profiles+"trace", func(w http.ResponseWriter, r *http.Request) {
		record(w, r, quit, time.Second, "trace", func() error { return trace.Start(w) }, trace.Stop)
	})
	return mux
}

func plain(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

func attachment(w http.ResponseWriter, name string) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// index lists the profiles.
func index(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != profiles {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!DOCTYPE html>\n<title>Profiles</title>\n<ul>\n")
	for _, p := range pprof.Profiles() {
		name := html.EscapeString(p.Name())
		fmt.Fprintf(w, "<li><a href=\"%s?debug=1\">%s</a>: %d</li>\n", name, name, p.Count())
	}
	fmt.Fprint(w, "<li><a href=\"profile\">profile</a>, of the processor, for ?seconds=30</li>\n"+
		"<li><a href=\"trace\">trace</a>, for ?seconds=1</li>\n</ul>\n")
}

// named writes a profile as it is now.
func named(w http.ResponseWriter, r *http.Request) {
	p := pprof.Lookup(r.PathValue("name"))
	switch {
	case p == nil:
		http.Error(w, "Unknown profile", http.StatusNotFound)
		return
	case r.FormValue("seconds") != "":
		http.Error(w, "seconds are for profile and trace only", http.StatusBadRequest)
		return
	}
	if gc, _ := strconv.Atoi(r.FormValue("gc")); gc > 0 && p.Name() == "heap" {
		runtime.GC()
	}
	debug, _ := strconv.Atoi(r.FormValue("debug")) // 0 is the form for tools
	if debug == 0 {
		attachment(w, p.Name())
	} else {
		plain(w)
	}
	_ = p.WriteTo(w, debug) // a reader that has gone needs no answer
}

// record records for the seconds that the request asks for. One recording of a kind can run at a
// time.
func record(w http.ResponseWriter, r *http.Request, quit <-chan struct{}, usual time.Duration, name string, start func() error, stop func()) {
	length := usual
	if text := r.FormValue("seconds"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds > 0 && seconds <= longest.Seconds()) {
			http.Error(w, "seconds must be a number up to "+strconv.Itoa(int(longest.Seconds())), http.StatusBadRequest)
			return
		}
		length = time.Duration(seconds * float64(time.Second))
	}
	attachment(w, name)
	if err := start(); err != nil {
		w.Header().Del("Content-Disposition")
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer stop()
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-quit:
	}
}
