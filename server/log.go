package server

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/baridmq/barid/internal/tenancy"
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

// set sends all log lines to l from now on.
func (l *logs) set(to Logger, debug, trace bool) {
	l.to.Store(&sink{Logger: to, debug: debug, trace: trace})
}

// SetLogger sends all log lines to l from now on, nil for nowhere. It may be called before Start
// and while the server runs.
func (s *Server) SetLogger(l Logger, debug, trace bool) {
	if l == nil {
		s.logs.to.Store(nil)
		return
	}
	s.logs.set(l, debug, trace)
}

// ConfigureLogger sets the logger that the options ask for: a file, a remote syslog, the local
// syslog or standard error. It does nothing with NoLog, or when the logger cannot be made, which
// it returns. What an earlier call has opened is closed.
func (s *Server) ConfigureLogger() error {
	s.life.Lock()
	defer s.life.Unlock()
	o := s.options()
	if o.NoLog {
		return nil
	}
	l, err := newLogger(o)
	if err != nil {
		return err
	}
	s.useLogger(l, o)
	return nil
}

// newLogger makes the logger that options ask for.
func newLogger(o *Options) (*logger.Logger, error) {
	lo := logger.Options{
		Time: o.Logtime, UTC: o.LogtimeUTC, Debug: o.Debug, Trace: o.Trace, PID: true, Colors: true,
		JSON: o.LogFormat == "json", SizeLimit: o.LogSizeLimit, MaxFiles: int(o.LogMaxFiles),
	}
	switch {
	case o.LogFile != "":
		l, err := logger.NewFile(o.LogFile, lo)
		if err != nil {
			return nil, fmt.Errorf("error opening file: %w", err)
		}
		return l, nil
	case o.RemoteSyslog != "":
		return logger.NewRemoteSyslog(o.RemoteSyslog, lo)
	case o.Syslog:
		return logger.NewSyslog(lo)
	default:
		return logger.NewStderr(lo), nil
	}
}

// useLogger puts a logger that is the server's own in the place of the one before.
func (s *Server) useLogger(l *logger.Logger, o *Options) {
	s.mu.Lock()
	old := s.mu.log
	s.mu.log = l
	s.mu.Unlock()
	s.logs.set(l, o.Debug, o.Trace)
	closeLog(old)
}

// closeLog closes a logger that may be nil. There is nobody to tell of an error.
func closeLog(l *logger.Logger) {
	if l != nil {
		_ = l.Close()
	}
}

// ownLog returns the logger that ConfigureLogger has made, nil for none. Used says whether lines
// go to it: the program may have set another one.
func (s *Server) ownLog() (l *logger.Logger, used bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.logs.to.Load()
	return s.mu.log, to != nil && s.mu.log != nil && to.Logger == Logger(s.mu.log)
}

// ReOpenLogFile opens the log file again under its name, after a tool has moved it away. Loggers
// without a file are left alone.
func (s *Server) ReOpenLogFile() {
	err := logger.ErrNotFile
	if l, used := s.ownLog(); used {
		err = l.Reopen()
	}
	switch {
	case err == nil:
		s.logs.Noticef("File log re-opened")
	case errors.Is(err, logger.ErrNotFile):
		s.logs.Noticef("File log re-open ignored, not a file logger")
	default:
		s.logs.Errorf("File log re-open failed: %v", err)
	}
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
	s.logs.Noticef("Starting barid")
	s.logs.Noticef("  Version:  %s, compatible with %s", BaridVersion, VERSION)
	s.logs.Noticef("  Git:      [%s]", cmp.Or(commit(), "not set"))
	s.logs.Debugf("  Go build: %s", runtime.Version())
	s.logs.Noticef("  Name:     %s", s.Name())
	s.logs.Noticef("  ID:       %s", s.id)
	if s.options().Proxies != nil && !tenancy.NeedsLogin(s.options()) {
		s.logs.Warnf("Trusted proxies have no effect: they vouch for logins, and none is configured")
	}
	if plaintext(s.options()) {
		s.logs.Warnf("Plaintext passwords detected, use nkeys or bcrypt")
	}
}

// tellOfConfig logs what stands out in the options.
func (s *Server) tellOfConfig() {
	if s.options().ConfigFile != "" {
		s.logs.Noticef("Using configuration file: %s (%s)", s.options().ConfigFile, s.options().ConfigDigest)
	}
	s.tellOfDoubts()
}

// tellOfDoubts logs what an operator may not have meant by the options.
func (s *Server) tellOfDoubts() {
	for _, note := range s.options().ConfigNotes {
		s.logs.Warnf("%s", note)
	}
	if s.options().MaxPayload > 8<<20 {
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
