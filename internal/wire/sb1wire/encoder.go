package sb1wire

import (
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// AppendServers adds a whole list with its \final\. keys are the fields of the forms that have some, without the address.
// Only IPv4 addresses fit into the form cmp; others are left out.
func AppendServers(b []byte, form Form, keys []string, servers []Server) []byte {
	if form == Info || form == Groups {
		first := "ip"
		if form == Groups {
			first = "groupid"
		}
		b = append(b, `\fieldcount\`...)
		b = strconv.AppendInt(b, int64(len(keys)+1), 10)
		b = append(append(b, '\\'), first...)
		for _, key := range keys {
			b = appendValue(b, key)
		}
	}
	for _, server := range servers {
		addr := server.Addr.Addr().Unmap()
		switch form {
		case Compact:
			if addr.Is4() {
				ip := addr.As4()
				b = append(append(b, ip[:]...), byte(server.Addr.Port()>>8), byte(server.Addr.Port()))
			}
		case Info, Groups:
			b = append(b, '\\')
			if form == Groups {
				ip := addr.As4()
				b = strconv.AppendUint(b, uint64(ip[0])<<24|uint64(ip[1])<<16|uint64(ip[2])<<8|uint64(ip[3]), 10)
			} else {
				b = server.Addr.AppendTo(b)
			}
			for _, key := range keys {
				b = appendValue(b, server.value(key))
			}
		default:
			b = server.Addr.AppendTo(append(b, `\ip\`...))
		}
	}
	return append(b, kv.Terminator...)
}

func (s Server) value(key string) string {
	for _, field := range s.Fields {
		if field.Key == key {
			return field.Value
		}
	}
	return ""
}

// appendValue adds a token; a backslash becomes a dot.
func appendValue(b []byte, value string) []byte {
	return append(append(b, '\\'), strings.ReplaceAll(value, `\`, ".")...)
}

// AppendRefusal adds what a master says instead of a list, as openspy-core does.
func AppendRefusal(b []byte, text string) []byte {
	return append(append(b, `\fatal\1\error\`...), text...)
}
