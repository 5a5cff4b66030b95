package depottest

import (
	"encoding/binary"
	"math/bits"
)

// A small LZMA encoder of our own, although github.com/ulikunitz/xz is well kept and has a better one. A program's go mod tidy
// follows the tests of the packages that it imports, and the example of package steampipe imports this one: the library
// would stand in the go.sum of everybody who downloads a depot, to compress made-up files in tests. It serves as the judge
// instead: our own tests let it read what this encoder writes, and let our decoder read what it writes.
//
// The encoder looks at one candidate for a match and takes it: fast, and about as good as a fast preset. The layout is that
// of the LZMA specification by Igor Pavlov (public domain, lzma-specification.txt). Its constants stand in internal/lzma
// too, where they are those of a decoder that is tuned; neither side is better for sharing a table of numbers.

const (
	lzmaLiteralContext = 3 // lc
	lzmaPosBits        = 2 // pb; lp is 0
	lzmaMinMatch       = 4 // shorter ones do not pay with this match finder
	lzmaMaxMatch       = 273
	lzmaHashBits       = 16
	lzmaMoveBits       = 5
	lzmaProbInit       = 1 << 10
	lzmaStates         = 12
	lzmaPosStates      = 1 << lzmaPosBits
)

type lzmaProb = uint16

type lzmaLength struct {
	choice, choice2 lzmaProb
	low, mid        [lzmaPosStates][8]lzmaProb
	high            [256]lzmaProb
}

type lzmaEncoder struct {
	// range coder
	out       []byte
	low       uint64
	width     uint32
	cache     byte
	cacheSize int

	state      int
	rep0       uint32
	isMatch    [lzmaStates][lzmaPosStates]lzmaProb
	isRep      [lzmaStates]lzmaProb
	isRepG0    [lzmaStates]lzmaProb
	isRep0Long [lzmaStates][lzmaPosStates]lzmaProb
	posSlot    [4][64]lzmaProb
	posSpecial [128]lzmaProb
	align      [16]lzmaProb
	matchLen   lzmaLength
	repLen     lzmaLength
	literal    [1 << lzmaLiteralContext][0x300]lzmaProb

	heads [1 << lzmaHashBits]int32
}

// compressLZMA gives the five property bytes and the LZMA1 data, without an end marker.
func compressLZMA(plain []byte) (properties [5]byte, data []byte) {
	return compressLZMAAfter(nil, plain)
}

// compressLZMAAfter is compressLZMA for who has seen the source already. Positions count from 0 behind it, as with the LZMA SDK.
func compressLZMAAfter(source, plain []byte) (properties [5]byte, data []byte) {
	properties[0] = (lzmaPosBits*5+0)*9 + lzmaLiteralContext
	// 2^n or 2^n + 2^(n-1), as every encoder writes it: liblzma takes nothing else for LZMA.
	dictionary := uint32(1 << 12)
	for step := dictionary / 2; uint64(dictionary) < uint64(len(source)+len(plain)) && dictionary < 1<<31; {
		dictionary += step
		if dictionary&(dictionary-1) == 0 {
			step *= 2
		}
	}
	binary.LittleEndian.PutUint32(properties[1:], dictionary)
	e := &lzmaEncoder{width: 0xFFFFFFFF, cacheSize: 1, out: make([]byte, 0, len(plain)/2+64)}
	e.reset()
	e.encode(append(source[:len(source):len(source)], plain...), len(source))
	for range 5 {
		e.shift()
	}
	return properties, e.out
}

func (e *lzmaEncoder) reset() {
	fill := func(probs []lzmaProb) {
		for i := range probs {
			probs[i] = lzmaProbInit
		}
	}
	for s := range lzmaStates {
		fill(e.isMatch[s][:])
		fill(e.isRep0Long[s][:])
	}
	fill(e.isRep[:])
	fill(e.isRepG0[:])
	for i := range e.posSlot {
		fill(e.posSlot[i][:])
	}
	fill(e.posSpecial[:])
	fill(e.align[:])
	for i := range e.literal {
		fill(e.literal[i][:])
	}
	for _, l := range []*lzmaLength{&e.matchLen, &e.repLen} {
		l.choice, l.choice2 = lzmaProbInit, lzmaProbInit
		for i := range lzmaPosStates {
			fill(l.low[i][:])
			fill(l.mid[i][:])
		}
		fill(l.high[:])
	}
	for i := range e.heads {
		e.heads[i] = -1
	}
}

// encode encodes b from start on.
func (e *lzmaEncoder) encode(b []byte, start int) {
	for at := range start {
		e.insert(b, at)
	}
	for at := start; at < len(b); {
		posState := (at - start) & (lzmaPosStates - 1)
		length, distance := e.find(b, at)
		if length == 0 {
			e.bit(&e.isMatch[e.state][posState], 0)
			e.encodeLiteral(b, at)
			at++
			continue
		}
		e.bit(&e.isMatch[e.state][posState], 1)
		if distance == e.rep0 {
			e.bit(&e.isRep[e.state], 1)
			e.bit(&e.isRepG0[e.state], 0)
			e.bit(&e.isRep0Long[e.state][posState], 1)
			e.encodeLength(&e.repLen, length, posState)
			e.state = pick(e.state < 7, 8, 11)
		} else {
			e.bit(&e.isRep[e.state], 0)
			e.encodeLength(&e.matchLen, length, posState)
			e.encodeDistance(distance, length)
			e.rep0 = distance
			e.state = pick(e.state < 7, 7, 10)
		}
		for end := at + length; at < end; at++ {
			e.insert(b, at)
		}
	}
}

func pick(first bool, a, b int) int {
	if first {
		return a
	}
	return b
}

// find gives a match at a position and puts the position into the table; distance counts from 0.
func (e *lzmaEncoder) find(b []byte, at int) (length int, distance uint32) {
	if at > int(e.rep0) {
		if n := common(b, at-int(e.rep0)-1, at); n >= lzmaMinMatch {
			return n, e.rep0
		}
	}
	if at+lzmaMinMatch > len(b) {
		return 0, 0
	}
	head := &e.heads[hash(b[at:])]
	candidate := int(*head)
	*head = int32(at)
	if candidate < 0 {
		return 0, 0
	}
	if n := common(b, candidate, at); n >= lzmaMinMatch {
		return n, uint32(at - candidate - 1)
	}
	return 0, 0
}

func (e *lzmaEncoder) insert(b []byte, at int) {
	if at+lzmaMinMatch <= len(b) {
		e.heads[hash(b[at:])] = int32(at)
	}
}

func hash(b []byte) uint32 {
	return binary.LittleEndian.Uint32(b) * 2654435761 >> (32 - lzmaHashBits)
}

// common is how many bytes at two positions are alike, at most what a match can have.
func common(b []byte, from, at int) int {
	n, limit := 0, min(len(b)-at, lzmaMaxMatch)
	for n < limit && b[from+n] == b[at+n] {
		n++
	}
	return n
}

func (e *lzmaEncoder) encodeLiteral(b []byte, at int) {
	previous := byte(0)
	if at > 0 {
		previous = b[at-1]
	}
	probs := &e.literal[previous>>(8-lzmaLiteralContext)]
	symbol := uint32(b[at])
	if e.state < 7 {
		e.tree(probs[:], symbol, 8)
	} else {
		// After a match the byte at rep0 is a hint of what this one is not.
		match, node, alike := uint32(b[at-int(e.rep0)-1]), uint32(1), true
		for i := 7; i >= 0; i-- {
			matchBit, bit := match>>i&1, symbol>>i&1
			if alike {
				e.bit(&probs[(1+matchBit)<<8+node], bit)
			} else {
				e.bit(&probs[node], bit)
			}
			node = node<<1 | bit
			alike = alike && matchBit == bit
		}
	}
	switch {
	case e.state < 4:
		e.state = 0
	case e.state < 10:
		e.state -= 3
	default:
		e.state -= 6
	}
}

func (e *lzmaEncoder) encodeLength(l *lzmaLength, length, posState int) {
	length -= 2
	switch {
	case length < 8:
		e.bit(&l.choice, 0)
		e.tree(l.low[posState][:], uint32(length), 3)
	case length < 16:
		e.bit(&l.choice, 1)
		e.bit(&l.choice2, 0)
		e.tree(l.mid[posState][:], uint32(length-8), 3)
	default:
		e.bit(&l.choice, 1)
		e.bit(&l.choice2, 1)
		e.tree(l.high[:], uint32(length-16), 8)
	}
}

func (e *lzmaEncoder) encodeDistance(distance uint32, length int) {
	slot := distance
	footer := 0
	if distance >= 4 {
		top := bits.Len32(distance) - 1
		slot = uint32(top)<<1 | distance>>(top-1)&1
		footer = top - 1
	}
	e.tree(e.posSlot[min(length-2, 3)][:], slot, 6)
	if distance < 4 {
		return
	}
	base := (2 | slot&1) << footer
	rest := distance - base
	switch {
	case slot < 14:
		e.reverseTree(e.posSpecial[base-slot:], rest, footer)
	default:
		for i := footer - 1; i >= 4; i-- {
			e.direct(rest >> i & 1)
		}
		e.reverseTree(e.align[:], rest&15, 4)
	}
}

func (e *lzmaEncoder) tree(probs []lzmaProb, symbol uint32, count int) {
	node := uint32(1)
	for i := count - 1; i >= 0; i-- {
		bit := symbol >> i & 1
		e.bit(&probs[node], bit)
		node = node<<1 | bit
	}
}

func (e *lzmaEncoder) reverseTree(probs []lzmaProb, symbol uint32, count int) {
	node := uint32(1)
	for range count {
		bit := symbol & 1
		symbol >>= 1
		e.bit(&probs[node], bit)
		node = node<<1 | bit
	}
}

func (e *lzmaEncoder) bit(prob *lzmaProb, bit uint32) {
	bound := (e.width >> 11) * uint32(*prob)
	if bit == 0 {
		e.width = bound
		*prob += (1<<11 - *prob) >> lzmaMoveBits
	} else {
		e.low += uint64(bound)
		e.width -= bound
		*prob -= *prob >> lzmaMoveBits
	}
	for e.width < 1<<24 {
		e.width <<= 8
		e.shift()
	}
}

// direct encodes a bit of even chance.
func (e *lzmaEncoder) direct(bit uint32) {
	e.width >>= 1
	if bit != 0 {
		e.low += uint64(e.width)
	}
	for e.width < 1<<24 {
		e.width <<= 8
		e.shift()
	}
}

// shift puts out the top byte of low, holding back what a carry may still change.
func (e *lzmaEncoder) shift() {
	if uint32(e.low) < 0xFF000000 || e.low>>32 != 0 {
		carry := byte(e.low >> 32)
		for ; e.cacheSize > 0; e.cacheSize-- {
			e.out = append(e.out, e.cache+carry)
			e.cache = 0xFF
		}
		e.cache = byte(e.low >> 24)
	}
	e.cacheSize++
	e.low = e.low & 0x00FFFFFF << 8
}
