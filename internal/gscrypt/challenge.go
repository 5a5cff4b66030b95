package gscrypt

// qr2Alphabet is base64's; the encoding differs from base64 in its last group.
const qr2Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// QR2Response answers a QR2 master's challenge with the game's secret key: a variant of RC4 whose step depends on the
// plain text, then groups of three bytes as four characters, the last one filled with zeros (spec qr2.md §5). Without a
// secret there is no answer: it returns "".
func QR2Response(challenge, secret string) string { return Validate(challenge, secret, 0) }

// Validate answers the challenge of a master of the older list protocol, and of a QR1 master: what \validate\ carries. It is
// [QR2Response] with one more step in front of the encoding that depends on the kind of encryption which was asked for:
// with 1 a substitution, with 2 an exclusive or with the secret; all others go without. The algorithm is widely known as
// gsmsalg; openspy-core and the master servers of 333networks check it.
func Validate(challenge, secret string, enctype int) string {
	if secret == "" {
		return ""
	}
	var state [256]byte
	for i := range state {
		state[i] = byte(i)
	}
	y := byte(0)
	for i := range state {
		y += secret[i%len(secret)] + state[i]
		state[i], state[y] = state[y], state[i]
	}

	text := make([]byte, len(challenge), len(challenge)+2)
	x := byte(0)
	y = 0
	for i := range len(challenge) {
		x += challenge[i] + 1
		y += state[x]
		state[x], state[y] = state[y], state[x]
		text[i] = challenge[i] ^ state[state[x]+state[y]]
	}

	for len(text)%3 != 0 {
		text = append(text, 0)
	}
	for i, c := range text {
		switch enctype {
		case 1:
			text[i] = enctype1Substitution[c]
		case 2:
			text[i] ^= secret[i%len(secret)]
		}
	}
	out := make([]byte, 0, len(text)/3*4)
	for group := text; len(group) > 0; group = group[3:] {
		out = append(out,
			qr2Alphabet[group[0]>>2],
			qr2Alphabet[group[0]&0x03<<4|group[1]>>4],
			qr2Alphabet[group[1]&0x0F<<2|group[2]>>6],
			qr2Alphabet[group[2]&0x3F])
	}
	return string(out)
}
