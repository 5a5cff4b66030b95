package gscrypt

import "errors"

// ErrNoSecret says that a key was to be derived from an empty secret.
var ErrNoSecret = errors.New("gscrypt: the game's secret is empty")

// EnctypeX is the stream cipher of list replies, "enctypeX" to those who took it apart: a permutation of 256 cards and
// five bytes (spec sb.md A.3; GameSpy SDK serverbrowsing/sb_crypt.c). One value serves one direction of one connection;
// it is not safe for concurrent use.
type EnctypeX struct {
	cards                                                [256]byte
	rotor, ratchet, avalanche, lastPlain, lastCipherText byte
}

// EnctypeXKey derives the cipher key from both challenges and the secret of the game (spec sb.md A.3). The secret must
// not be empty.
func EnctypeXKey(clientChallenge [8]byte, serverChallenge []byte, secret string) (key [8]byte, err error) {
	if secret == "" {
		return key, ErrNoSecret
	}
	key = clientChallenge
	for i, s := range serverChallenge {
		// Read and written in place: a later step sees what an earlier one left.
		key[i*int(secret[i%len(secret)])%8] ^= key[i%8] ^ s
	}
	return key, nil
}

// NewEnctypeX sets a cipher up for one reply.
func NewEnctypeX(clientChallenge [8]byte, serverChallenge []byte, secret string) (*EnctypeX, error) {
	key, err := EnctypeXKey(clientChallenge, serverChallenge, secret)
	if err != nil {
		return nil, err
	}
	c := new(EnctypeX)
	c.shuffle(key[:])
	return c, nil
}

// shuffle brings the cards into the order that the key says.
func (c *EnctypeX) shuffle(key []byte) {
	for i := range c.cards {
		c.cards[i] = byte(i)
	}
	var sum byte
	position := 0
	mask := byte(255) // the smallest 2^b-1 that is not below i
	for i := byte(255); i > 0; i-- {
		if mask>>1 >= i {
			mask >>= 1
		}
		j := c.draw(key, i, mask, &sum, &position)
		c.cards[i], c.cards[j] = c.cards[j], c.cards[i]
	}
	c.rotor, c.ratchet, c.avalanche = c.cards[1], c.cards[3], c.cards[5]
	c.lastPlain, c.lastCipherText = c.cards[7], c.cards[sum]
}

// draw is the key's "random" number from 0 to limit.
func (c *EnctypeX) draw(key []byte, limit, mask byte, sum *byte, position *int) byte {
	for try := 1; ; try++ {
		*sum = c.cards[*sum] + key[*position]
		if *position++; *position == len(key) {
			*position = 0
			*sum += byte(len(key))
		}
		n := mask & *sum
		if try > 11 {
			n %= limit // give up waiting for one that fits, as the original does
		}
		if n <= limit {
			return n
		}
	}
}

// Decrypt decrypts src into dst, which may be the same slice and must be at least as long. Chunks of a stream are given
// one after the other, cut anywhere.
//
// Every byte waits for the one before: from its plain byte a card is read, and from the sum of three cards one more and one
// more. That chain is all that the loop should cost. So the three cards that were just put down are not read back, which
// would make the next byte wait for the memory, too, unless two of the four places are the same: once in some forty bytes.
func (c *EnctypeX) Decrypt(dst, src []byte) {
	dst = dst[:len(src)]
	cards := &c.cards
	rotor, ratchet, avalanche := c.rotor, c.ratchet, c.avalanche
	plain, cipherText := c.lastPlain, c.lastCipherText
	for len(src) > 0 {
		ratchet += cards[rotor]
		rotor++
		b := src[0]
		t := cards[cipherText]
		atRatchet := cards[ratchet]
		atRotor := cards[rotor]
		sum := cards[plain]
		if cipherText == ratchet || cipherText == rotor || ratchet == rotor ||
			plain == cipherText || plain == ratchet || plain == rotor {
			cards[cipherText] = atRatchet
			cards[ratchet] = cards[plain]
			cards[plain] = cards[rotor]
			cards[rotor] = t
			avalanche += cards[t]
			t += cards[avalanche]
			plain = b ^ cards[t] ^ cards[cards[cards[plain]+cards[cipherText]+cards[ratchet]]]
			cipherText = b
			dst[0] = plain
			src, dst = src[1:], dst[1:]
			continue
		}
		cards[cipherText] = atRatchet
		cards[ratchet] = sum
		cards[plain] = atRotor
		cards[rotor] = t
		sum += atRatchet + atRotor
		avalanche += cards[t]
		plain = b ^ cards[cards[avalanche]+t] ^ cards[cards[sum]]
		cipherText = b
		dst[0] = plain
		src, dst = src[1:], dst[1:]
	}
	c.rotor, c.ratchet, c.avalanche = rotor, ratchet, avalanche
	c.lastPlain, c.lastCipherText = plain, cipherText
}

// Encrypt is the other direction of Decrypt, under the same rules.
func (c *EnctypeX) Encrypt(dst, src []byte) {
	dst = dst[:len(src)]
	cards := &c.cards
	rotor, ratchet, avalanche := c.rotor, c.ratchet, c.avalanche
	plain, cipherText := c.lastPlain, c.lastCipherText
	for i, b := range src {
		ratchet += cards[rotor]
		rotor++
		t := cards[cipherText]
		cards[cipherText] = cards[ratchet]
		cards[ratchet] = cards[plain]
		cards[plain] = cards[rotor]
		cards[rotor] = t
		avalanche += cards[t]
		cipherText = b ^ cards[cards[avalanche]+t] ^
			cards[cards[cards[plain]+cards[cipherText]+cards[ratchet]]]
		plain = b
		dst[i] = cipherText
	}
	c.rotor, c.ratchet, c.avalanche = rotor, ratchet, avalanche
	c.lastPlain, c.lastCipherText = plain, cipherText
}
