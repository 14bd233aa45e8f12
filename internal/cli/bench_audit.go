package cli

import "encoding/binary"

// maxSources bounds how many publishers an audit follows. Payloads of strangers may look like stamps.
const maxSources = 2 * maxClients

// source is a publisher of a run of bench pub.
type source struct{ run, client uint32 }

// audit finds out what was lost or out of order between publishers and a subscriber.
type audit struct {
	queue bool // of a queue group: gaps are what others got

	next      map[source]uint64 // sequence that is expected next
	checked   int64             // messages with a stamp
	lost      int64
	reordered int64 // or duplicate
}

// see takes the payload of a message.
func (a *audit) see(payload []byte) {
	if len(payload) < stampSize {
		return
	}
	from := source{binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:])}
	n := binary.BigEndian.Uint64(payload[8:])
	next, known := a.next[from]
	if from.client >= maxClients || n > 1<<40 || !known && len(a.next) == maxSources {
		return // no stamp
	}
	if a.next == nil {
		a.next = map[source]uint64{}
	}
	a.checked++
	if n < next {
		a.reordered++
		return
	}
	if !a.queue {
		a.lost += int64(n - next)
	}
	a.next[from] = n + 1
}
