package gscrypt

import (
	"encoding/binary"
	"errors"
)

// ErrNotEncrypted says that what should be an encrypted list does not begin like one.
var ErrNotEncrypted = errors.New("gscrypt: this is not the beginning of an encrypted list")

// Layout of a list of encryption type 1. All of it is one block with its length in front:
//
//	0   length of the block, big-endian
//	4   (bytes behind the list + 20) xor 62
//	5   (bytes in front of the list + 5) xor 205
//	6   13 random bytes
//	19  16 bytes that become a key by substitution
//	35  1 random byte
//	36  4 bytes that are a key
//	40  random bytes, as many as the byte at 5 says
//	    the list
//	    random bytes, as many as the byte at 4 says
//
// Three key streams lie over each other: that of [EnctypeX] with the master's challenge as its key, over the first quarter
// of the list less 5 bytes; the tree's with the key at 36, over the first half less 17 bytes; and, over everything, that of
// RC4 whose state starts the other way round, with the key at 19.
//
// Sources: the facts behind the decoder that everybody uses (gslist) and openspy-core's encoder, which agree.
const (
	enctype1Head = 40
	enctype1Pad  = 18 // what openspy-core puts in front of the list
)

// Enctype1 is the cipher of lists of encryption type 1. It is not safe for concurrent use.
type Enctype1 struct {
	length   int // of the list
	position int
	cards    EnctypeX
	quarter  int // as far as cards reach
	tree     tree
	half     int // as far as tree reaches
	state    [256]byte
	i, j     byte
}

// NewEnctype1 reads the beginning of a block; challenge is what the master sent behind \secure\. n is how long that is, 0 if
// more of it is needed.
func NewEnctype1(b []byte, challenge string) (c *Enctype1, n int, err error) {
	if challenge == "" {
		return nil, 0, ErrNotEncrypted
	}
	if len(b) < enctype1Head {
		return nil, 0, nil
	}
	behind, front := int(b[4]^62-20), int(b[5]^205-5)
	length := int64(binary.BigEndian.Uint32(b)) - int64(behind+front+enctype1Head)
	if length < 0 || length > treeBytes*2 {
		return nil, 0, ErrNotEncrypted
	}
	if len(b) < enctype1Head+front {
		return nil, 0, nil
	}
	return newEnctype1(int(length), challenge, [16]byte(b[19:]), [4]byte(b[36:])), enctype1Head + front, nil
}

func newEnctype1(length int, challenge string, key [16]byte, treeKey [4]byte) *Enctype1 {
	c := &Enctype1{length: length, quarter: max(length/4-5, 0), half: max(length/2-17, 0)}
	c.cards.shuffle([]byte(challenge))
	c.tree.setKey(treeKey[:])
	for i := range c.state {
		c.state[i] = byte(255 - i)
	}
	j := byte(0)
	for i := range c.state {
		j += c.state[i] + enctype1Substitution[key[i%len(key)]]
		c.state[i], c.state[j] = c.state[j], c.state[i]
	}
	return c
}

// Len is how many bytes the list has.
func (c *Enctype1) Len() int { return c.length }

// Decrypt decrypts the next piece of the list in place, cut anywhere.
func (c *Enctype1) Decrypt(b []byte) {
	if left := c.quarter - c.position; left > 0 {
		part := b[:min(left, len(b))]
		c.cards.Decrypt(part, part)
	}
	c.rest(b)
}

// rest lays the two key streams over b that are the same in both directions.
func (c *Enctype1) rest(b []byte) {
	if left := c.half - c.position; left > 0 {
		_ = c.tree.xor(b[:min(left, len(b))]) // half is not longer than the tree
	}
	for at := range b {
		c.i++
		t := c.state[c.i]
		c.j += t
		c.state[c.i], c.state[c.j] = c.state[c.j], t
		b[at] ^= c.state[t+c.state[c.i]]
	}
	c.position += len(b)
}

// AppendEnctype1 encrypts a whole list. random are bytes that should be so. The list may have up to 504 kB.
func AppendEnctype1(b, list []byte, challenge string, random [enctype1Head + enctype1Pad - 6]byte) ([]byte, error) {
	if challenge == "" || len(list) > treeBytes*2 {
		return b, ErrTooLong
	}
	b = binary.BigEndian.AppendUint32(b, uint32(enctype1Head+enctype1Pad+len(list)))
	start := len(b) - 4
	b = append(b, 20^62, (enctype1Pad+5)^205)
	b = append(b, random[:]...)
	c := newEnctype1(len(list), challenge, [16]byte(b[start+19:]), [4]byte(b[start+36:]))
	at := len(b)
	b = append(b, list...)
	c.rest(b[at:])
	c.cards.Encrypt(b[at:at+c.quarter], b[at:at+c.quarter])
	return b, nil
}

// enctype1Substitution is a table of the original's, with a part in encryption type 1 and its [Validate]. It is not a
// permutation: 8 occurs twice, others never.
var enctype1Substitution = [256]byte{
	0x01, 0xBA, 0xFA, 0xB2, 0x51, 0x00, 0x54, 0x80, 0x75, 0x16, 0x8E, 0x8E, 0x02, 0x08, 0x36, 0xA5,
	0x2D, 0x05, 0x0D, 0x16, 0x52, 0x07, 0xB4, 0x22, 0x8C, 0xE9, 0x09, 0xD6, 0xB9, 0x26, 0x00, 0x04,
	0x06, 0x05, 0x00, 0x13, 0x18, 0xC4, 0x1E, 0x5B, 0x1D, 0x76, 0x74, 0xFC, 0x50, 0x51, 0x06, 0x16,
	0x00, 0x51, 0x28, 0x00, 0x04, 0x0A, 0x29, 0x78, 0x51, 0x00, 0x01, 0x11, 0x52, 0x16, 0x06, 0x4A,
	0x20, 0x84, 0x01, 0xA2, 0x1E, 0x16, 0x47, 0x16, 0x32, 0x51, 0x9A, 0xC4, 0x03, 0x2A, 0x73, 0xE1,
	0x2D, 0x4F, 0x18, 0x4B, 0x93, 0x4C, 0x0F, 0x39, 0x0A, 0x00, 0x04, 0xC0, 0x12, 0x0C, 0x9A, 0x5E,
	0x02, 0xB3, 0x18, 0xB8, 0x07, 0x0C, 0xCD, 0x21, 0x05, 0xC0, 0xA9, 0x41, 0x43, 0x04, 0x3C, 0x52,
	0x75, 0xEC, 0x98, 0x80, 0x1D, 0x08, 0x02, 0x1D, 0x58, 0x84, 0x01, 0x4E, 0x3B, 0x6A, 0x53, 0x7A,
	0x55, 0x56, 0x57, 0x1E, 0x7F, 0xEC, 0xB8, 0xAD, 0x00, 0x70, 0x1F, 0x82, 0xD8, 0xFC, 0x97, 0x8B,
	0xF0, 0x83, 0xFE, 0x0E, 0x76, 0x03, 0xBE, 0x39, 0x29, 0x77, 0x30, 0xE0, 0x2B, 0xFF, 0xB7, 0x9E,
	0x01, 0x04, 0xF8, 0x01, 0x0E, 0xE8, 0x53, 0xFF, 0x94, 0x0C, 0xB2, 0x45, 0x9E, 0x0A, 0xC7, 0x06,
	0x18, 0x01, 0x64, 0xB0, 0x03, 0x98, 0x01, 0xEB, 0x02, 0xB0, 0x01, 0xB4, 0x12, 0x49, 0x07, 0x1F,
	0x5F, 0x5E, 0x5D, 0xA0, 0x4F, 0x5B, 0xA0, 0x5A, 0x59, 0x58, 0xCF, 0x52, 0x54, 0xD0, 0xB8, 0x34,
	0x02, 0xFC, 0x0E, 0x42, 0x29, 0xB8, 0xDA, 0x00, 0xBA, 0xB1, 0xF0, 0x12, 0xFD, 0x23, 0xAE, 0xB6,
	0x45, 0xA9, 0xBB, 0x06, 0xB8, 0x88, 0x14, 0x24, 0xA9, 0x00, 0x14, 0xCB, 0x24, 0x12, 0xAE, 0xCC,
	0x57, 0x56, 0xEE, 0xFD, 0x08, 0x30, 0xD9, 0xFD, 0x8B, 0x3E, 0x0A, 0x84, 0x46, 0xFA, 0x77, 0xB8,
}
