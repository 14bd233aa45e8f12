package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/baridmq/barid/internal/bus/identity"
	"github.com/baridmq/barid/internal/config"
	"github.com/baridmq/barid/internal/tenancy"
	"github.com/baridmq/barid/logger"
)

// A reload has two halves. The first makes everything that the new options ask for and may fail:
// they are read, completed, checked and compared; files are opened, permissions compiled. Until
// then nothing that the server does has changed. The second puts it in the place of the old and
// does not fail.

// errNoFile is returned by a reload of a server that was not configured by a file.
var errNoFile = errors.New("can only reload config when a file is provided using -c or --config")

// errNoCertificate ends handshakes of monitoring. Options that lead to it are refused.
var errNoCertificate = errors.New("the options in force have no certificate")

// ConfigTime returns when the options in force were read.
func (s *Server) ConfigTime() time.Time { return *s.loaded.Load() }

// Reload reads the options again, as they were read before: those of the configuration file, and
// the flags of the command line over them. Connections stay unless they have lost their right to
// be there. The error says why nothing was changed: the server was not configured by a file or
// does not run, something is wrong with the file, or it changes what a running server cannot
// change. Reloads wait for each other.
func (s *Server) Reload() error {
	s.reload.Lock()
	defer s.reload.Unlock()
	s.notifyReloading()
	err := s.reread()
	s.notifyReloaded(err)
	return err
}

// reread does the work of Reload.
func (s *Server) reread() error {
	running := s.options()
	read := running.Reread
	if read == nil {
		if running.ConfigFile == "" {
			return errNoFile
		}
		read = func() (*Options, []string, error) {
			o, remarks, err := config.File(running.ConfigFile)
			return o, remarks.Warnings, err
		}
	}
	next, warnings, err := read()
	for _, w := range warnings {
		s.logs.Warnf("%s", w)
	}
	if err != nil {
		return err
	}
	return s.change(next)
}

// ReloadOptions puts other options in force, as Reload does. They are copied. The error says why
// nothing was changed.
func (s *Server) ReloadOptions(newOpts *Options) error {
	if newOpts == nil {
		return errors.New("there are no options to reload")
	}
	s.reload.Lock()
	defer s.reload.Unlock()
	s.notifyReloading()
	err := s.change(newOpts.Clone())
	if err == nil {
		s.attach(newOpts)
	}
	s.notifyReloaded(err)
	return err
}

// change puts next in force, which nobody else has.
func (s *Server) change(next *Options) error {
	s.life.Lock()
	defer s.life.Unlock()
	if !s.Running() {
		return errNotRunning
	}
	running := s.options()
	if err := tenancy.Stamp(trustedKeys, running, next); err != nil {
		return err
	}
	config.Inherit(next, running)
	config.Complete(next)
	if err := config.ValidateReload(next); err != nil {
		return err
	}
	changes, err := config.Changes(running, next)
	if err != nil {
		return err
	}
	n, err := s.prepare(running, next)
	if err != nil {
		return err
	}
	s.apply(running, next, n, changes)
	return nil
}

// replacement is what a reload puts in the place of what there is.
type replacement struct {
	auth identity.Authenticator
	log  *logger.Logger // nil if the one that there is stays
}

// prepare makes what next needs. If it fails it leaves nothing behind but perhaps a new pid file.
func (s *Server) prepare(running, next *Options) (n replacement, err error) {
	undo, err := s.tenants.Prepare(next)
	if err != nil {
		return n, err
	}
	defer func() {
		if err == nil {
			return
		}
		undo()
		closeLog(n.log)
	}()
	if n.auth, err = s.authenticator(next, s.auth.get()); err != nil {
		return n, err
	}
	if _, used := s.ownLog(); used && logging(running) != logging(next) {
		if n.log, err = newLogger(next); err != nil {
			return n, err
		}
	}
	if next.PidFile != running.PidFile {
		err = writePid(next.PidFile)
	}
	if err == nil && next.PortsFileDir != running.PortsFileDir {
		_, err = s.writePorts(next.PortsFileDir)
	}
	return n, err
}

// apply puts next and what was made for it in force.
func (s *Server) apply(running, next *Options, n replacement, changes []config.Change) {
	s.take(*next)
	s.auth.put(n.auth)
	s.tenants.Apply(running, next)
	s.attach(next)
	s.updateDoor()
	if next.PortsFileDir != running.PortsFileDir {
		s.movePorts(next.PortsFileDir) // writes again what prepare wrote: both may be the same folder
	}
	if next.ProfBlockRate != running.ProfBlockRate {
		runtime.SetBlockProfileRate(next.ProfBlockRate)
	}
	for _, c := range changes {
		s.logs.Noticef("%s", c.Line)
	}
	s.changeLogger(running, next, n.log)
	s.tellOfDoubts()
	now := time.Now()
	s.loaded.Store(&now)
	s.logs.Noticef("Reloaded server configuration (%s)", next.ConfigDigest)
}

// changeLogger puts made in the place of the server's own logger, if it was made. A logger that
// the program has set stays and follows debug and trace only.
func (s *Server) changeLogger(running, next *Options, made *logger.Logger) {
	if made != nil {
		s.useLogger(made, next)
		return
	}
	if next.Debug != running.Debug || next.Trace != running.Trace {
		if to := s.logs.to.Load(); to != nil {
			s.logs.set(to.Logger, next.Debug, next.Trace)
		}
	}
}

// logging is what a logger is made of, to be compared.
func logging(o *Options) string {
	return fmt.Sprint(o.LogFile, "\n", o.LogFormat, "\n", o.RemoteSyslog, "\n", o.Syslog, o.Logtime, o.LogtimeUTC,
		o.Debug, o.Trace, o.LogSizeLimit, o.LogMaxFiles)
}

// monitorTLS is how monitoring is secured: by the certificate of the options in force. Clients need
// none there: tools that look at a server have none.
func (s *Server) monitorTLS() *tls.Config {
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		o := s.options()
		if o.TLSConfig == nil {
			return nil, errNoCertificate
		}
		cfg := o.TLSConfig.Clone()
		cfg.ClientAuth = tls.NoClientCert
		cfg.NextProtos = []string{"h2", "http/1.1"}
		return cfg, nil
	}}
}
