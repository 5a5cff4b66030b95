package gscrypt

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// ErrTooLong says that a list is longer than the key stream of its cipher.
var ErrTooLong = errors.New("gscrypt: the list is longer than the cipher's key stream")

const (
	treeHeight = 16
	treeWords  = 1 << treeHeight
	blockWords = 16
	blockUsed  = 4*blockWords - 1 // the original does not use the last byte of each block of words
	treeBytes  = treeWords / blockWords * blockUsed
)

// tree is the key stream of the older list ciphers. It is built as the stream cipher LEVIATHAN is (D. McGrew and
// S. Fluhrer, 2000): a binary tree whose 65,536 leaves, from left to right, are the words of the stream. A node is two
// words and its place; a step down mixes the words with a table that the key determines. The nodes whose right side is
// still to be visited are on a stack. The state that is kept from one node to the next is all that is needed, so that the
// stream costs two steps a word.
//
// What the original does behind the last leaf, after 258,048 bytes, is not known; here the stream ends.
type tree struct {
	table [256]uint32
	stack [treeHeight]treeNode
	depth int // of the stack
	node  treeNode
	leaf  bool // node was given out; else it is where the next word is looked for

	block [4 * blockWords]byte
	used  int // bytes of block
}

type treeNode struct{ x, y, place uint32 }

// setKey starts the stream of a key, which must not be empty.
func (t *tree) setKey(key []byte) {
	*t = tree{node: treeNode{place: 1}, used: blockUsed}
	for round := range byte(4) {
		for i := range t.table {
			t.table[i] = t.table[i]<<8 + uint32(i)
		}
		j := round
		for range 2 {
			for i := range t.table {
				j += byte(t.table[i]) + key[i%len(key)]
				t.table[i], t.table[j] = t.table[j], t.table[i]
			}
		}
	}
	for i := range t.table {
		t.table[i] ^= uint32(i)
	}
}

// mixUp and mixDown are the two ways in which a word goes through the table, two of its bytes after each other.
func (t *tree) mixUp(w uint32) uint32 {
	w = bits.RotateLeft32(w^t.table[byte(w)], 8)
	return bits.RotateLeft32(w^t.table[byte(w)], 8)
}

func (t *tree) mixDown(w uint32) uint32 {
	w = bits.RotateLeft32(w, -8)
	w = bits.RotateLeft32(w^t.table[byte(w)], -8)
	return w ^ t.table[byte(w)]
}

// word is the next leaf.
func (t *tree) word() uint32 {
	n := t.node
	if t.leaf { // go up to the last node whose right side was not visited, and down to the right
		t.depth--
		n = t.stack[t.depth]
		n = treeNode{x: t.mixDown(^n.x), y: t.mixUp(n.y), place: n.place<<1 | 1}
	}
	for n.place < treeWords { // then to the left, down to a leaf
		n.x += n.place
		n.y += n.x
		n.x += n.y
		t.stack[t.depth] = n
		t.depth++
		n = treeNode{x: t.mixUp(n.x), y: t.mixDown(n.y), place: n.place << 1}
	}
	t.node, t.leaf = n, true
	return n.x ^ n.y
}

// xor lays the next bytes of the stream over b.
func (t *tree) xor(b []byte) error {
	for i := range b {
		if t.used == blockUsed {
			if t.leaf && t.depth == 0 {
				return ErrTooLong
			}
			for word := range blockWords {
				binary.LittleEndian.PutUint32(t.block[4*word:], t.word())
			}
			t.used = 0
		}
		b[i] ^= t.block[t.used]
		t.used++
	}
	return nil
}
