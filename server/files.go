package server

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/baridmq/barid/internal/transport/httpd"
)

// Ports are the URLs of the listeners of a server. A listener on all addresses has one for each
// address of the machine.
type Ports struct {
	Nats       []string `json:"nats,omitempty"`
	Monitoring []string `json:"monitoring,omitempty"`
	Cluster    []string `json:"cluster,omitempty"`
	Profile    []string `json:"profile,omitempty"`
	WebSocket  []string `json:"websocket,omitempty"`
}

// PortsInfo waits until the listeners are open, for at most maxWait, and returns their URLs; nil if
// the time ran out or the server has stopped.
func (s *Server) PortsInfo(maxWait time.Duration) *Ports {
	if !s.ReadyForConnections(maxWait) {
		return nil
	}
	return s.portsInfo()
}

// portsInfo is PortsInfo without the wait.
func (s *Server) portsInfo() *Ports {
	o := s.options()
	s.mu.Lock()
	listener, monitor, profiler := s.mu.listener, s.mu.monitor, s.mu.profiler
	s.mu.Unlock()
	ports := &Ports{}
	if listener != nil {
		ports.Nats = s.urls(scheme("nats", "tls", o.TLSConfig != nil), listener.Addr())
	}
	if monitor != nil {
		ports.Monitoring = s.urls(scheme("http", "https", o.HTTPSPort != 0), monitor.Addr())
	}
	if profiler != nil {
		ports.Profile = s.urls("http", profiler.Addr())
	}
	return ports
}

// scheme chooses between the schemes of a URL.
func scheme(plain, secured string, secure bool) string {
	if secure {
		return secured
	}
	return plain
}

// urls are those of a listener that is bound to addr.
func (s *Server) urls(scheme string, addr *net.TCPAddr) (urls []string) {
	hosts := []string{addr.IP.String()}
	if addr.IP.IsUnspecified() {
		if hosts = localHosts(addr.IP.To4() != nil); len(hosts) == 0 {
			s.logs.Errorf("Address %q can not be resolved properly", addr)
		}
	}
	for _, host := range hosts {
		urls = append(urls, scheme+"://"+net.JoinHostPort(host, strconv.Itoa(addr.Port)))
	}
	return urls
}

// localHosts are the addresses of this machine that others can use as they are: those of IPv6 that
// need the name of an interface are left out, and all of them if only IPv4 will do.
func localHosts(onlyIPv4 bool) (hosts []string) {
	addrs, _ := net.InterfaceAddrs() // none, if it fails
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.IsLinkLocalUnicast() || (onlyIPv4 && n.IP.To4() == nil) {
			continue
		}
		hosts = append(hosts, n.IP.String())
	}
	return hosts
}

// writePid writes the number of the process to a file, if it has a name.
func writePid(file string) error {
	if file == "" {
		return nil
	}
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return fatalf("Could not write pidfile: %v", err)
	}
	return nil
}

// writePorts writes the ports file to a folder, if it has a name, and returns the name of the file.
func (s *Server) writePorts(dir string) (file string, err error) {
	if dir == "" {
		return "", nil
	}
	file = filepath.Join(dir, filepath.Base(os.Args[0])+"_"+strconv.Itoa(os.Getpid())+".ports")
	text, err := json.Marshal(s.portsInfo())
	if err == nil {
		err = writeWhole(file, text)
	}
	if err != nil {
		return "", fatalf("Error writing ports file (%s): %v", file, err)
	}
	return file, nil
}

// movePorts writes the ports file to a folder, if it has a name. A file written before goes.
func (s *Server) movePorts(dir string) {
	s.removePorts()
	file, err := s.writePorts(dir)
	if err != nil {
		s.logs.Errorf("%v", err)
	}
	s.mu.Lock()
	s.mu.ports = file
	s.mu.Unlock()
}

// writeWhole writes a file that others wait for: they never see half of it.
func writeWhole(file string, text []byte) error {
	part := file + ".tmp"
	err := os.WriteFile(part, text, 0o666)
	if err == nil {
		err = os.Rename(part, file)
	}
	if err != nil {
		_ = os.Remove(part) // the first error counts
	}
	return err
}

// removePorts removes the ports file that was written.
func (s *Server) removePorts() {
	s.mu.Lock()
	file := s.mu.ports
	s.mu.ports = ""
	s.mu.Unlock()
	if file == "" {
		return
	}
	if err := os.Remove(file); err != nil {
		s.logs.Errorf("Error cleaning up ports file %s: %v", file, err)
	}
}

// webs are the HTTP servers that are open.
func (s *Server) webs() (open []*httpd.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range []*httpd.Server{s.mu.monitor, s.mu.profiler} {
		if h != nil {
			open = append(open, h)
		}
	}
	return open
}
