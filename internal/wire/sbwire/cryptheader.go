package sbwire

// BackendFlags are what the back end says of a game in front of a list (spec sb.md A.3). Living masters fill all but
// FlagQueryChallenge with chance.
type BackendFlags uint16

// FlagQueryChallenge says that game servers want the query challenge before they answer.
const FlagQueryChallenge BackendFlags = 0x80

// CryptHeader is the clear beginning of a reply. Random begins with the back-end flags.
type CryptHeader struct {
	Random    []byte // 0 to 255 bytes
	Challenge []byte // 0 to 255 bytes
	Flags     BackendFlags
}

const (
	randomLengthMask    = 0xEC
	challengeLengthMask = 0xEA
)

// ParseCryptHeader reads the header at the beginning of b and says how long it is; n is 0 while b does not hold all of it.
// The slices point into b.
func ParseCryptHeader(b []byte) (h CryptHeader, n int) {
	if len(b) < 3 {
		return h, 0
	}
	challengeAt := 1 + int(b[0]^randomLengthMask)
	if len(b) <= challengeAt {
		return h, 0
	}
	n = challengeAt + 1 + int(b[challengeAt]^challengeLengthMask)
	if len(b) < n {
		return h, 0
	}
	h.Random = b[1:challengeAt]
	h.Challenge = b[challengeAt+1 : n]
	// The original reads the flags there however many random bytes there are.
	h.Flags = BackendFlags(b[1])<<8 | BackendFlags(b[2])
	return h, n
}

// Append appends the header to b. Flags take the place of the first two random bytes.
func (h CryptHeader) Append(b []byte) ([]byte, error) {
	if len(h.Random) < 2 || len(h.Random) > 255 {
		return b, invalid("list header", "random bytes", "%d bytes, 2 to 255", len(h.Random))
	}
	if len(h.Challenge) > 255 {
		return b, overLimit("list header", "challenge", "%d bytes, at most 255", len(h.Challenge))
	}
	b = append(b, byte(len(h.Random))^randomLengthMask, byte(h.Flags>>8), byte(h.Flags))
	b = append(b, h.Random[2:]...)
	b = append(b, byte(len(h.Challenge))^challengeLengthMask)
	return append(b, h.Challenge...), nil
}

// ClearText reports whether b, the beginning of a reply that is not a header, is text: some masters say what they do not
// like in clear (spec servers.md §4.1).
func ClearText(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for _, c := range b {
		if (c < 0x20 || c > 0x7E) && c != '\r' && c != '\n' && c != '\t' && c != 0 {
			return false
		}
	}
	return true
}
