package report

import (
	"slices"
	"time"

	"github.com/baridmq/barid/internal/bus/account"
	"github.com/baridmq/barid/server/status"
)

// The names of kinds in JWTs, which reports use, too.
const (
	streamKind  = "stream"
	serviceKind = "service"
)

func kindName(k account.Kind) string {
	if k == account.Service {
		return serviceKind
	}
	return streamKind
}

func mappings(list []account.Mapping) map[string][]*status.MapDest {
	if len(list) == 0 {
		return nil
	}
	by := make(map[string][]*status.MapDest, len(list))
	for _, m := range list {
		for _, d := range m.Destinations {
			by[m.Source] = append(by[m.Source], &status.MapDest{
				Subject: d.Subject, Weight: uint8(min(max(d.Weight, 0), 100)), Cluster: d.Cluster,
			})
		}
	}
	return by
}

func exportShape(e *account.Export) status.ExtExport {
	x := status.ExtExport{
		Name: e.Title, Subject: e.Subject, Type: kindName(e.Kind), TokenReq: e.TokenRequired,
		Revocations: e.Revoked, RevokedAct: times(e.Revoked),
		AccountTokenPosition: uint(max(e.TokenPosition, 0)), AllowTrace: e.AllowTrace,
		ApprovedAccounts: slices.Sorted(slices.Values(e.Accounts)),
	}
	if e.Kind == account.Service {
		x.ResponseType = [...]string{account.Singleton: "Singleton", account.Streamed: "Stream", account.Chunked: "Chunked"}[e.Response]
		x.ResponseThreshold = e.Threshold
		x.Latency = sampling(e.Latency)
	}
	return x
}

// sampling says which requests are measured, nil for none.
func sampling(l *account.Latency) *status.ServiceSampling {
	if l == nil {
		return nil
	}
	return &status.ServiceSampling{Sampling: l.Sampling, Results: l.Subject}
}

// Imports are the imports of an account as a report wants them. Spec returns what is in force for an
// account, nil if that is unknown.
func Imports(states []account.ImportState, spec func(name string) *account.Spec) []Import {
	list := make([]Import, len(states))
	for i := range states {
		im := states[i].Import
		list[i] = Import{Import: im, Invalid: states[i].Err != nil}
		if list[i].Invalid || im.Kind != account.Service {
			continue
		}
		if from := spec(im.Account); from != nil {
			if e := from.Export(account.Service, im.Subject); e != nil {
				list[i].Latency = e.Latency
			}
		}
	}
	return list
}

func (i *Import) shape() status.ExtImport {
	x := status.ExtImport{
		Name: i.Title, Subject: i.Subject, Account: i.Account, LocalSubject: i.Local,
		Type: kindName(i.Kind), AllowTrace: i.AllowTrace, Share: i.Share, Invalid: i.Invalid,
	}
	if i.Kind == account.Service {
		x.LocalSubject = i.Import.LocalSubject()
		x.To = x.LocalSubject
		x.Latency = sampling(i.Latency)
	}
	return x
}

func (t *Token) fill(i *status.AccountInfo) {
	i.Jwt = t.JWT
	i.IssuerKey = t.Issuer
	i.Tags = t.Tags
	i.Claim = t.Claims
	i.RevokedUser = times(t.Revoked)
	for _, s := range t.Issues {
		i.Vr = append(i.Vr, status.ExtVrIssues{Description: s.Text, Blocking: s.Blocking, Time: s.Time})
	}
}

// times turns seconds of Unix time into times.
func times(seconds map[string]int64) map[string]time.Time {
	if len(seconds) == 0 {
		return nil
	}
	by := make(map[string]time.Time, len(seconds))
	for name, s := range seconds {
		by[name] = time.Unix(s, 0).UTC()
	}
	return by
}
