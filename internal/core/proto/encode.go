package proto

import (
	"strconv"

	"github.com/baridmq/barid/internal/core/msg"
)

// Fixed lines that a server sends.
const (
	PingLine = "PING\r\n"
	PongLine = "PONG\r\n"
	OKLine   = "+OK\r\n"
)

// AppendErr appends the line -ERR 'text'.
func AppendErr(dst []byte, text string) []byte {
	dst = append(dst, "-ERR '"...)
	dst = append(dst, text...)
	return append(dst, "'\r\n"...)
}

// AppendRun appends messages r of b as MSG or HMSG for the subscription sid. With headers false
// the header blocks are cut off and every message becomes a plain MSG. It returns the extended dst
// and the header and payload bytes that were appended.
func AppendRun(dst []byte, b *msg.Batch, r msg.Run, sid []byte, headers bool) (out []byte, bytes int) {
	from, to := 0, 0 // the delivery line of the message before
	for i := r.From; i < r.To; i++ {
		m := &b.Msgs[i]
		body := m.Data
		if !headers {
			body = m.Payload()
		}
		start := len(dst)
		if m.Same && i > r.From {
			dst = append(dst, dst[from:to]...)
		} else {
			dst = appendLine(dst, b.Buf, m, sid, headers)
		}
		from, to = start, len(dst)
		dst = append(dst, b.Buf[body.At:body.End()+2]...) // with its CR LF
		bytes += int(body.Len)
	}
	return dst, bytes
}

func appendLine(dst, buf []byte, m *msg.Message, sid []byte, headers bool) []byte {
	headers = headers && m.Header > 0
	if headers {
		dst = append(dst, "HMSG "...)
	} else {
		dst = append(dst, "MSG "...)
	}
	dst = append(dst, m.Subject.Of(buf)...)
	dst = append(dst, ' ')
	dst = append(dst, sid...)
	dst = append(dst, ' ')
	if m.Reply.Len > 0 {
		dst = append(dst, m.Reply.Of(buf)...)
		dst = append(dst, ' ')
	}
	size := m.Data.Len
	if headers {
		dst = strconv.AppendUint(dst, uint64(m.Header), 10)
		dst = append(dst, ' ')
	} else {
		size -= m.Header
	}
	dst = strconv.AppendUint(dst, uint64(size), 10)
	return append(dst, "\r\n"...)
}

// AppendNoResponders appends the notice that nobody received a request on subject, addressed to
// the subscription sid on reply.
func AppendNoResponders(dst []byte, reply, sid, subject []byte) []byte {
	size := uint64(len("NATS/1.0 503\r\nNats-Subject: \r\n\r\n") + len(subject))
	dst = append(dst, "HMSG "...)
	dst = append(dst, reply...)
	dst = append(dst, ' ')
	dst = append(dst, sid...)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, size, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, size, 10)
	dst = append(dst, "\r\nNATS/1.0 503\r\nNats-Subject: "...)
	dst = append(dst, subject...)
	return append(dst, "\r\n\r\n\r\n"...)
}
