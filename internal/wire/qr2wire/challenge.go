package qr2wire

import (
	"net/netip"

	"golang.org/x/crypto/cryptobyte"
)

// MaxChallenge is the longest text of a challenge, without its 00 (spec qr2.md §5).
const MaxChallenge = 64

// challengeTail is the length of the part with a meaning: options (2), address (8) and port (4), in hexadecimal.
const challengeTail = 14

// OptionQueryChallenge is the back-end option that game clients must verify their address before they query (§6.1).
const OptionQueryChallenge = 0x80

// Challenge is the master's question to a game server.
type Challenge struct {
	Key  Key
	Text string // all of it, what the response is computed from

	HasTail bool           // the last 14 characters are hexadecimal: then the rest is set
	Options uint8          // back-end options
	Public  netip.AddrPort // the game server as the master sees it; invalid if the address or the port is 0
}

// ParseChallenge reads the body of a challenge.
//
// The last 14 characters say the options and the address, if they are hexadecimal. kr4uzi's server pads their bytes with
// blanks, which read as zeros; crymp's sends 20 letters without an address (spec servers.md §3.2).
func ParseChallenge(key Key, body []byte) (Challenge, error) {
	c := Challenge{Key: key}
	s := cryptobyte.String(body)
	switch {
	case !readString(&s, &c.Text):
		return c, malformed("challenge", "text", "no NUL at its end")
	case c.Text == "":
		return c, malformed("challenge", "text", "empty")
	case len(c.Text) > MaxChallenge:
		return c, malformed("challenge", "text", "longer than 64 bytes")
	}
	if len(c.Text) < challengeTail {
		return c, nil
	}
	var tail [challengeTail / 2]byte
	for i := range tail {
		pair := c.Text[len(c.Text)-challengeTail+2*i:]
		high, ok1 := hexDigit(pair[0])
		low, ok2 := hexDigit(pair[1])
		if !ok1 || !ok2 {
			return c, nil
		}
		tail[i] = high<<4 | low
	}
	c.HasTail, c.Options = true, tail[0]
	ip, port := netip.AddrFrom4([4]byte(tail[1:5])), uint16(tail[5])<<8|uint16(tail[6])
	if !ip.IsUnspecified() && port != 0 {
		c.Public = netip.AddrPortFrom(ip, port)
	}
	return c, nil
}

// Append adds the whole packet. Only Key and Text count: the tail is a part of the text.
func (c Challenge) Append(b []byte) []byte {
	return appendString(AppendToServer(b, TypeChallenge, c.Key), c.Text)
}

// ChallengeText makes the text of a challenge from random characters and the tail.
func ChallengeText(random string, options uint8, public netip.AddrPort) string {
	const digits = "0123456789ABCDEF"
	var ip [4]byte
	if a := public.Addr().Unmap(); a.Is4() {
		ip = a.As4()
	}
	text := []byte(random)
	for _, v := range [...]byte{options, ip[0], ip[1], ip[2], ip[3], byte(public.Port() >> 8), byte(public.Port())} {
		text = append(text, digits[v>>4], digits[v&15])
	}
	return string(text)
}

// AppendChallengeResponse adds the game server's whole answer; text is what gscrypt computes.
func AppendChallengeResponse(b []byte, key Key, text string) []byte {
	return appendString(AppendFromServer(b, TypeChallenge, key), text)
}

// ParseChallengeResponse reads the body of the game server's answer.
func ParseChallengeResponse(body []byte) (text string, err error) {
	s := cryptobyte.String(body)
	if !readString(&s, &text) {
		return "", malformed("challenge response", "text", "no NUL at its end")
	}
	return text, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c == ' ':
		return 0, true
	}
	return 0, false
}
