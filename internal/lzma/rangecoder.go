package lzma

// The range coder (LZMA SDK, LzmaDec.c, for the format). Its state is the offset in the source, the range and the code, which is
// always below the range; each function takes them and gives them back, so that they stay in registers. They are 32 bits wide,
// in 64-bit words so that a difference shows its sign.
//
// A branch that cannot be foreseen costs as much as two bits, one that can be foreseen costs nothing and ends the wait for the
// bit. So literals, whose bits are hard to foresee, are decoded with masks: below is all ones if the bit is 0, and zero if it is
// 1. The choice between literal and match, and the short trees, which repeat themselves in most data, are branches. Which is
// which was measured on programs, text, pictures and noise.

// zeroStep makes one formula of the two that a probability moves by: p -= (p+zeroStep)>>5 for a 0, p -= p>>5 for a 1. It is
// -(2^11 - 2^5 + 1) as a 64-bit word.
const zeroStep = 1<<64 - (1<<11 - 1<<moveBits + 1)

// decodeBit decodes one bit.
func decodeBit(prob *uint16, src []byte, in int, rng, code uint64) (uint32, int, uint64, uint64) {
	if rng < top {
		rng <<= 8
		code = code<<8 | uint64(src[in])
		in++
	}
	bound := (rng >> 11) * uint64(*prob)
	if code < bound {
		*prob += (1<<11 - *prob) >> moveBits
		return 0, in, bound, code
	}
	*prob -= *prob >> moveBits
	return 1, in, rng - bound, code - bound
}

// decodeLiteral decodes a byte. The probabilities of both possible next bits are loaded while the present one is being decoded,
// and the right one is chosen with a mask: the load is off the path that every bit waits for.
func decodeLiteral(probs *[literalSpan]uint16, src []byte, in int, rng, code uint64) (uint32, int, uint64, uint64) {
	symbol := uint64(1)
	p := uint64(probs[symbol])
	for symbol < 0x100 {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint64(src[in])
			in++
		}
		bound := (rng >> 11) * p
		rest := code - bound
		below := uint64(int64(rest) >> 63)
		probs[symbol%literalSpan] = uint16(p - uint64(int64(p+zeroStep&below)>>moveBits))
		symbol <<= 1
		p0, p1 := uint64(probs[symbol%literalSpan]), uint64(probs[(symbol+1)%literalSpan])
		rng -= bound
		rng ^= (rng ^ bound) & below
		code = rest + bound&below
		p = p1 ^ (p0^p1)&below
		symbol += 1 + below
	}
	return uint32(symbol) - 0x100, in, rng, code
}

// decodeMatched decodes a byte that comes after a match: the byte that would have gone on with the match chooses the contexts,
// as long as it is right, which offset remembers.
func decodeMatched(probs *[literalSpan]uint16, matched uint64, src []byte, in int, rng, code uint64) (uint32, int, uint64, uint64) {
	symbol, offset := uint64(1), uint64(0x100)
	matched <<= 1
	bit := matched & offset
	p := uint64(probs[(offset+bit+symbol)%literalSpan])
	for symbol < 0x100 {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint64(src[in])
			in++
		}
		bound := (rng >> 11) * p
		rest := code - bound
		below := uint64(int64(rest) >> 63)
		probs[(offset+bit+symbol)%literalSpan] = uint16(p - uint64(int64(p+zeroStep&below)>>moveBits))
		symbol <<= 1
		matched <<= 1
		offset1 := offset & bit
		offset0 := offset ^ offset1
		p0 := uint64(probs[(offset0+matched&offset0+symbol)%literalSpan])
		p1 := uint64(probs[(offset1+matched&offset1+symbol+1)%literalSpan])
		rng -= bound
		rng ^= (rng ^ bound) & below
		code = rest + bound&below
		p = p1 ^ (p0^p1)&below
		offset = offset1 ^ (offset0^offset1)&below
		bit = matched & offset
		symbol += 1 + below
	}
	return uint32(symbol) - 0x100, in, rng, code
}

// decodeTree decodes a number of some bits, highest first.
func decodeTree(probs []uint16, bits uint32, src []byte, in int, rng, code uint64) (uint32, int, uint64, uint64) {
	symbol := uint32(1)
	for range bits {
		var bit uint32
		bit, in, rng, code = decodeBit(&probs[symbol], src, in, rng, code)
		symbol = symbol<<1 + bit
	}
	return symbol - 1<<bits, in, rng, code
}

// decodeTree3 is decodeTree for three bits, and decodeTree6 for six: most lengths and all distances. That the bit is nowhere a
// number, and that no index needs a check, makes pictures decode a fifth faster.
func decodeTree3(probs *[1 << 3]uint16, src []byte, in int, rng, code uint64) (uint32, int, uint64, uint64) {
	symbol := uint32(1)
	for range 3 {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint64(src[in])
			in++
		}
		prob := &probs[symbol%(1<<3)]
		bound := (rng >> 11) * uint64(*prob)
		if code < bound {
			rng = bound
			*prob += (1<<11 - *prob) >> moveBits
			symbol += symbol
		} else {
			rng -= bound
			code -= bound
			*prob -= *prob >> moveBits
			symbol += symbol + 1
		}
	}
	return symbol - 1<<3, in, rng, code
}

func decodeTree6(probs *[1 << 6]uint16, src []byte, in int, rng, code uint64) (uint32, int, uint64, uint64) {
	symbol := uint32(1)
	for range 6 {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint64(src[in])
			in++
		}
		prob := &probs[symbol%(1<<6)]
		bound := (rng >> 11) * uint64(*prob)
		if code < bound {
			rng = bound
			*prob += (1<<11 - *prob) >> moveBits
			symbol += symbol
		} else {
			rng -= bound
			code -= bound
			*prob -= *prob >> moveBits
			symbol += symbol + 1
		}
	}
	return symbol - 1<<6, in, rng, code
}

// decodeReverse decodes a number of some bits, at most five, lowest first.
func decodeReverse(probs *[1 << 5]uint16, bits uint32, src []byte, in int, rng, code uint64) (uint32, int, uint64, uint64) {
	symbol, value := uint64(1), uint64(0)
	for i := range bits {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint64(src[in])
			in++
		}
		prob := &probs[symbol%(1<<5)]
		p := uint64(*prob)
		bound := (rng >> 11) * p
		rest := code - bound
		below := uint64(int64(rest) >> 63)
		*prob = uint16(p - uint64(int64(p+zeroStep&below)>>moveBits))
		rng -= bound
		rng ^= (rng ^ bound) & below
		code = rest + bound&below
		symbol = symbol<<1 + 1 + below
		value |= (1 + below) << (i % 8)
	}
	return uint32(value), in, rng, code
}

// decode gives a match length.
func (l *lengthDecoder) decode(posState uint32, src []byte, in int, rng, code uint64) (uint32, int, uint64, uint64) {
	bit, in, rng, code := decodeBit(&l.choice, src, in, rng, code)
	if bit == 0 {
		n, in, rng, code := decodeTree3(&l.low[posState%maxPosStates], src, in, rng, code)
		return 2 + n, in, rng, code
	}
	bit, in, rng, code = decodeBit(&l.choice2, src, in, rng, code)
	if bit == 0 {
		n, in, rng, code := decodeTree3(&l.mid[posState%maxPosStates], src, in, rng, code)
		return 2 + 8 + n, in, rng, code
	}
	n, in, rng, code := decodeTree(l.high[:], 8, src, in, rng, code)
	return 2 + 16 + n, in, rng, code
}

// distance gives a match distance, less one.
func (d *Decoder) distance(lengthState uint32, src []byte, in int, rng, code uint64) (uint32, int, uint64, uint64) {
	slot, in, rng, code := decodeTree6(&d.posSlot[lengthState%lengthStates], src, in, rng, code)
	if slot < startPosModel {
		return slot, in, rng, code
	}
	bits := slot>>1 - 1
	distance := (2 | slot&1) << bits
	if slot < endPosModel {
		low, in, rng, code := decodeReverse((*[1 << 5]uint16)(d.posSpecial[distance-slot:]), bits, src, in, rng, code)
		return distance + low, in, rng, code
	}
	direct := uint32(0)
	for range bits - alignBits {
		if rng < top {
			rng <<= 8
			code = code<<8 | uint64(src[in])
			in++
		}
		rng >>= 1
		code -= rng
		below := uint64(int64(code) >> 63) // all ones if the bit is 0
		code += rng & below
		direct = direct<<1 + uint32(below) + 1
	}
	low, in, rng, code := decodeReverse(&d.align, alignBits, src, in, rng, code)
	return distance + direct<<alignBits + low, in, rng, code
}
