package monitor

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

const (
	kindJSON = "application/json"
	kindText = "text/plain; charset=utf-8"
)

const (
	// mostOnTheWay bounds, in bytes, the answers that wait in memory for readers who may be slow. A
	// single one may be larger.
	mostOnTheWay = 256 << 20
	// chunk of an answer must be taken by its reader within chunkTime.
	chunk     = 256 << 10
	chunkTime = 30 * time.Second
)

// answer is what goes back to a reader. Several readers may share one, so it never changes.
type answer struct {
	code int
	kind string // of the content
	open bool   // pages of any origin may read it
	soon bool   // it may be another one in a second
	body []byte
}

// jsonAnswer answers with v in JSON, indented by indent, or, if there is an error, with that.
func jsonAnswer(v any, err error, indent string) *answer {
	if err != nil {
		return wrong(err)
	}
	body, err := json.MarshalIndent(v, "", indent)
	if err != nil { // the source has given a value that JSON cannot express
		return &answer{code: http.StatusInternalServerError, kind: kindText, body: []byte(err.Error())}
	}
	return &answer{code: http.StatusOK, kind: kindJSON, open: true, body: body}
}

// wrong answers that the request was wrong.
func wrong(err error) *answer {
	return &answer{code: http.StatusBadRequest, kind: kindText, body: []byte(err.Error())}
}

// unavailable answers that there is no answer now.
func unavailable(text string) *answer {
	return &answer{code: http.StatusServiceUnavailable, kind: kindText, soon: true, body: []byte(text)}
}

// send writes an answer; if the reader has gone meanwhile, nobody is left to be told. A nil answer
// could not be made.
func (h *Handler) send(w http.ResponseWriter, a *answer) {
	if a == nil {
		a = unavailable("the answer could not be made")
	}
	size := int64(len(a.body))
	defer h.onTheWay.Add(-size)
	if sum := h.onTheWay.Add(size); sum > mostOnTheWay && sum > size {
		a = unavailable("too many large answers at a time; ask for smaller pages")
	}
	if a.soon {
		w.Header().Set("Retry-After", "1")
	}
	if a.open {
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.code)
	control := http.NewResponseController(w)
	for rest := a.body; len(rest) > 0; {
		n := min(chunk, len(rest))
		_ = control.SetWriteDeadline(time.Now().Add(chunkTime)) // writers without one need none
		if _, err := w.Write(rest[:n]); err != nil {
			return
		}
		rest = rest[n:]
	}
	_ = control.SetWriteDeadline(time.Time{})
}
