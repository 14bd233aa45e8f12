package system

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime/pprof"
	"time"

	"github.com/baridmq/barid/server/status"
)

// controlServices are those that do something. They act while they answer, so not for who does not
// want to hear of it.
func (s *System) controlServices() []service {
	act := &s.cfg.Actions
	return []service{
		{"RELOAD", act.Reload != nil, (*question).reload},
		{"KICK", act.Kick != nil, func(q *question) { q.toConnection("KICK", act.Kick) }},
		{"LDM", act.Announce != nil, func(q *question) { q.toConnection("LDM", act.Announce) }},
	}
}

// toConnection does something to the connection that the body names.
func (q *question) toConnection(what string, do func(cid uint64) error) {
	var opts struct {
		CID uint64 `json:"cid"`
	}
	if q.m.Reply == "" {
		return
	}
	meant, err := q.decode(&opts)
	switch {
	case err != nil:
		q.system.cfg.Log.Errorf("System account: %s: the request cannot be read: %v", what, err)
	case len(q.m.Data) == 0:
		q.system.cfg.Log.Errorf("System account: %s: the request does not say which connection", what)
	case meant:
		q.done(do(opts.CID))
	}
}

// done says how it went.
func (q *question) done(err error) {
	if err != nil {
		q.fail(http.StatusInternalServerError, err.Error(), false)
		return
	}
	q.data(nil)
}

// reload has the configuration read again, aside: that may take time, and may end this System.
func (q *question) reload() {
	s := q.system
	if q.m.Reply == "" || !q.read(nil) {
		return
	}
	if !s.reloading.CompareAndSwap(false, true) {
		q.fail(http.StatusInternalServerError, "the configuration is being reloaded already", false)
		return
	}
	if !s.cfg.Tasks.Go("system reload", func() {
		defer s.reloading.Store(false)
		q.done(s.cfg.Actions.Reload())
	}) {
		s.reloading.Store(false)
	}
}

// longestProfile bounds the time that a profile may take.
const longestProfile = 15 * time.Second

// processorProfile is the name of the one profile that takes time.
const processorProfile = "cpu"

// profile answers with a profile of the process. The one of the processor is made aside: only one at
// a time can be.
func (q *question) profile() {
	s := q.system
	var o status.ProfilezOptions
	if q.m.Reply == "" || !q.read(&o) {
		return
	}
	if o.Name != processorProfile || o.Duration <= 0 || o.Duration > longestProfile {
		q.data(profile(&o))
		return
	}
	var b bytes.Buffer
	if err := pprof.StartCPUProfile(&b); err != nil {
		q.data(&status.ProfilezStatus{Error: fmt.Sprintf("Failed to start CPU profile: %v", err)})
		return
	}
	if !s.cfg.Tasks.Go("system profile", func() {
		timer := time.NewTimer(o.Duration)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.ctx.Done():
		}
		pprof.StopCPUProfile()
		q.data(&status.ProfilezStatus{Profile: b.Bytes()})
	}) {
		pprof.StopCPUProfile()
	}
}

// profile makes the profiles that take no time, and refuses what is none.
func profile(o *status.ProfilezOptions) *status.ProfilezStatus {
	z := new(status.ProfilezStatus)
	p := pprof.Lookup(o.Name)
	switch {
	case o.Name == "":
		z.Error = "Profile name not specified"
	case o.Name == processorProfile, o.Duration < 0, o.Duration > longestProfile:
		z.Error = fmt.Sprintf("Duration %v should be between 0s and %v", o.Duration, longestProfile)
	case p == nil:
		z.Error = fmt.Sprintf("Profile %q not found", o.Name)
	default:
		var b bytes.Buffer
		if err := p.WriteTo(&b, o.Debug); err != nil {
			z.Error = fmt.Sprintf("Profile %q error: %v", o.Name, err)
			break
		}
		z.Profile = b.Bytes()
	}
	return z
}
