package lzma

// The range coder (LZMA SDK, LzmaDec.c, for the format). Its state is the offset in the source, the range and the code; each
// function takes them and gives them back, so that they stay in registers.

// decodeBit decodes one bit.
func decodeBit(prob *uint16, src []byte, in int, rng, code uint32) (uint32, int, uint32, uint32) {
	if rng < top {
		rng <<= 8
		code = code<<8 | uint32(src[in])
		in++
	}
	p := uint32(*prob)
	bound := (rng >> 11) * p
	if code < bound {
		*prob = uint16(p + (1<<11-p)>>moveBits)
		return 0, in, bound, code
	}
	*prob = uint16(p - p>>moveBits)
	return 1, in, rng - bound, code - bound
}

// zeroStep makes one formula of the two that a probability moves by: p -= (p+zeroStep)>>5 for a 0, p -= p>>5 for a 1.
const zeroStep = 1<<moveBits - 1 - 1<<11

// step decodes one bit after normalisation, without a branch: hard to foresee as most bits are, that is a fifth faster than
// decodeBit. below is all ones if the bit is 0 and zero if it is 1.
func step(prob *uint16, rng, code uint32) (nextRange, nextCode, below uint32) {
	p := uint32(*prob)
	bound := (rng >> 11) * p
	below = uint32((int64(code) - int64(bound)) >> 63)
	*prob = uint16(int32(p) - (int32(p)+zeroStep&int32(below))>>moveBits)
	return rng - bound + (bound+bound-rng)&below, code - bound + bound&below, below
}

// decodeLiteral decodes a byte.
func decodeLiteral(probs *[literalProbs]uint16, src []byte, in int, rng, code uint32) (uint32, int, uint32, uint32) {
	symbol := uint32(1)
	for symbol < 0x100 {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint32(src[in])
			in++
		}
		var below uint32
		rng, code, below = step(&probs[symbol&0xFF], rng, code)
		symbol = symbol<<1 + 1 + below
	}
	return symbol & 0xFF, in, rng, code
}

// decodeMatched decodes a byte that comes after a match: the byte that would have gone on with the match chooses the contexts,
// as long as it is right.
func decodeMatched(probs *[literalProbs]uint16, matched uint32, src []byte, in int, rng, code uint32) (uint32, int, uint32, uint32) {
	symbol, offset := uint32(1), uint32(0x100)
	for symbol < 0x100 {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint32(src[in])
			in++
		}
		matched <<= 1
		bit := matched & offset
		var below uint32
		rng, code, below = step(&probs[(offset+bit+symbol)%literalProbs], rng, code)
		symbol = symbol<<1 + 1 + below
		offset &= bit ^ below
	}
	return symbol & 0xFF, in, rng, code
}

// decodeTree decodes a number of some bits, highest first.
func decodeTree(probs []uint16, bits uint32, src []byte, in int, rng, code uint32) (uint32, int, uint32, uint32) {
	symbol := uint32(1)
	for range bits {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint32(src[in])
			in++
		}
		var below uint32
		rng, code, below = step(&probs[symbol], rng, code)
		symbol = symbol<<1 + 1 + below
	}
	return symbol - 1<<bits, in, rng, code
}

// decodeReverse decodes a number of some bits, lowest first.
func decodeReverse(probs []uint16, bits uint32, src []byte, in int, rng, code uint32) (uint32, int, uint32, uint32) {
	symbol, value := uint32(1), uint32(0)
	for i := range bits {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint32(src[in])
			in++
		}
		var below uint32
		rng, code, below = step(&probs[symbol], rng, code)
		symbol = symbol<<1 + 1 + below
		value |= (1 + below) << i
	}
	return value, in, rng, code
}

// decode gives a match length.
func (l *lengthDecoder) decode(posState uint32, src []byte, in int, rng, code uint32) (uint32, int, uint32, uint32) {
	bit, in, rng, code := decodeBit(&l.choice, src, in, rng, code)
	if bit == 0 {
		n, in, rng, code := decodeTree(l.low[posState%maxPosStates][:], 3, src, in, rng, code)
		return 2 + n, in, rng, code
	}
	bit, in, rng, code = decodeBit(&l.choice2, src, in, rng, code)
	if bit == 0 {
		n, in, rng, code := decodeTree(l.mid[posState%maxPosStates][:], 3, src, in, rng, code)
		return 2 + 8 + n, in, rng, code
	}
	n, in, rng, code := decodeTree(l.high[:], 8, src, in, rng, code)
	return 2 + 16 + n, in, rng, code
}

// distance gives a match distance, less one.
func (d *Decoder) distance(lengthState uint32, src []byte, in int, rng, code uint32) (uint32, int, uint32, uint32) {
	slot, in, rng, code := decodeTree(d.posSlot[lengthState%lengthStates][:], 6, src, in, rng, code)
	if slot < startPosModel {
		return slot, in, rng, code
	}
	bits := slot>>1 - 1
	distance := (2 | slot&1) << bits
	if slot < endPosModel {
		low, in, rng, code := decodeReverse(d.posSpecial[distance-slot:], bits, src, in, rng, code)
		return distance + low, in, rng, code
	}
	direct := uint32(0)
	for range bits - alignBits {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint32(src[in])
			in++
		}
		rng >>= 1
		code -= rng
		below := -(code >> 31) // all ones if the bit is 0
		code += rng & below
		direct = direct<<1 + below + 1
	}
	low, in, rng, code := decodeReverse(d.align[:], alignBits, src, in, rng, code)
	return distance + direct<<alignBits + low, in, rng, code
}
