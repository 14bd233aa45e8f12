package server

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/baridmq/barid/internal/trust/auth"
	"github.com/baridmq/barid/logger"
)

// Logger is where a server writes its log. Methods are called by any goroutine and must not
// call the server.
type Logger interface {
	// Noticef writes what an operator wants to know.
	Noticef(format string, v ...any)
	// Warnf writes what an operator should look at.
	Warnf(format string, v ...any)
	// Fatalf writes why the server cannot go on. It returns; the server then stops.
	Fatalf(format string, v ...any)
	// Errorf writes what went wrong.
	Errorf(format string, v ...any)
	// Debugf writes details of the server.
	Debugf(format string, v ...any)
	// Tracef writes operations of clients.
	Tracef(format string, v ...any)
}

// logs passes lines on to the logger set last. The zero value drops them.
type logs struct{ to atomic.Pointer[sink] }

type sink struct {
	Logger
	debug, trace bool
}

// SetLogger sends all log lines to l from now on, nil for nowhere. It may be called before Start
// and while the server runs.
func (s *Server) SetLogger(l Logger, debug, trace bool) {
	if l == nil {
		s.logs.to.Store(nil)
		return
	}
	s.logs.to.Store(&sink{Logger: l, debug: debug, trace: trace})
}

// ConfigureLogger sets the logger that the options ask for. It does nothing with NoLog, or when
// the log file cannot be opened, which it returns.
func (s *Server) ConfigureLogger() error {
	o := s.opts
	if o.NoLog {
		return nil
	}
	lo := logger.Options{
		Time: o.Logtime, UTC: o.LogtimeUTC, Debug: o.Debug, Trace: o.Trace, PID: true, Colors: true,
		SizeLimit: o.LogSizeLimit, MaxFiles: int(o.LogMaxFiles),
	}
	if o.LogFile == "" {
		s.SetLogger(logger.NewStderr(lo), o.Debug, o.Trace)
		return nil
	}
	l, err := logger.NewFile(o.LogFile, lo)
	if err != nil {
		return fmt.Errorf("error opening file: %w", err)
	}
	s.mu.Lock()
	s.mu.file = l
	s.mu.Unlock()
	s.SetLogger(l, o.Debug, o.Trace)
	return nil
}

// Noticef and its siblings pass a line on.
func (l *logs) Noticef(format string, v ...any) {
	if to := l.to.Load(); to != nil {
		to.Noticef(format, v...)
	}
}

// Warnf passes a line on.
func (l *logs) Warnf(format string, v ...any) {
	if to := l.to.Load(); to != nil {
		to.Warnf(format, v...)
	}
}

// Errorf passes a line on.
func (l *logs) Errorf(format string, v ...any) {
	if to := l.to.Load(); to != nil {
		to.Errorf(format, v...)
	}
}

// Fatalf passes a line on.
func (l *logs) Fatalf(format string, v ...any) {
	if to := l.to.Load(); to != nil {
		to.Fatalf(format, v...)
	}
}

// Debugf passes a line on if debug lines are wanted.
func (l *logs) Debugf(format string, v ...any) {
	if to := l.to.Load(); to != nil && to.debug {
		to.Debugf(format, v...)
	}
}

// Tracef passes a line on if trace lines are wanted.
func (l *logs) Tracef(format string, v ...any) {
	if to := l.to.Load(); to != nil && to.trace {
		to.Tracef(format, v...)
	}
}

// Tracing reports whether Tracef writes.
func (l *logs) Tracing() bool {
	to := l.to.Load()
	return to != nil && to.trace
}

// greet writes the first lines of the log.
func (s *Server) greet() {
	commit := commit()
	if commit == "" {
		commit = "not set"
	}
	s.logs.Noticef("Starting barid")
	s.logs.Noticef("  Version:  %s, compatible with %s", BaridVersion, VERSION)
	s.logs.Noticef("  Git:      [%s]", commit)
	s.logs.Debugf("  Go build: %s", runtime.Version())
	s.logs.Noticef("  Name:     %s", s.Name())
	s.logs.Noticef("  ID:       %s", s.id)
	if s.opts.Proxies != nil && !needsLogin(s.opts) {
		s.logs.Warnf("Trusted proxies have no effect: they vouch for logins, and none is configured")
	}
	if plaintext(s.opts) {
		s.logs.Warnf("Plaintext passwords detected, use nkeys or bcrypt")
	}
	if s.opts.ConfigFile != "" {
		s.logs.Noticef("Using configuration file: %s (%s)", s.opts.ConfigFile, s.opts.ConfigDigest)
	}
	for _, note := range s.opts.ConfigNotes {
		s.logs.Warnf("%s", note)
	}
	if s.opts.MaxPayload > 8<<20 {
		s.logs.Warnf("Maximum payloads over 8.00 MB are generally discouraged and could lead to poor performance")
	}
}

// plaintext reports whether a password stands in the options as it is. One that is missing counts
// unless the user can be known by a certificate.
func plaintext(o *Options) bool {
	if o.Username != "" && !auth.Hashed(o.Password) {
		return true
	}
	for _, u := range o.Users {
		if !auth.Hashed(u.Password) && (u.Password != "" || !o.TLSMap) {
			return true
		}
	}
	return false
}

// commit is the beginning of the commit that the program was built from, if that is known.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 7 {
			return setting.Value[:7]
		}
	}
	return ""
}
