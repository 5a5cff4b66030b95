package lzma

import (
	"encoding/binary"
	"errors"
)

// Errors of [Decoder.Decode].
var (
	ErrProperties = errors.New("lzma: property byte is not below 225")
	ErrTruncated  = errors.New("lzma: source ends early")
	ErrCorrupt    = errors.New("lzma: corrupt data")
)

// Options are the rare wishes of [Decoder.Decode].
type Options struct {
	// Dictionary is what comes before the output, for delta patches: matches may reach into it. It must not overlap with
	// the output.
	Dictionary []byte
	// Position is where the output starts, for the contexts that depend on the position in the stream. The LZMA SDK counts
	// from 0 even after a dictionary, which is the default; liblzma counts the dictionary's bytes.
	Position uint32
}

// Numbers of the format.
const (
	maxStates     = 1 << 4 // 12 of them are used
	maxPosStates  = 1 << 4
	lengthStates  = 4
	maxMatch      = 273
	literalProbs  = 0x300
	literalSpan   = 0x400 // literalProbs, and what an index of ten bits can reach beyond
	probInit      = 1 << 10
	top           = 1 << 24
	moveBits      = 5
	startPosModel = 4
	endPosModel   = 14
	alignBits     = 4

	// maxSymbol is more bytes than any literal or match takes from the source.
	maxSymbol = 20
)

// Decoder holds the probability tables, about 28 KB with the usual properties, for use again and again, by one goroutine
// at a time. The zero value is ready for use.
type Decoder struct {
	match      [maxStates * maxPosStates]uint16
	rep0Long   [maxStates * maxPosStates]uint16
	rep        [maxStates]uint16
	repG0      [maxStates]uint16
	repG1      [maxStates]uint16
	repG2      [maxStates]uint16
	posSlot    [lengthStates][64]uint16
	posSpecial [128]uint16    // 115 of them are used
	align      [1 << 5]uint16 // 1<<alignBits of them are used
	length     lengthDecoder
	repLength  lengthDecoder
	literal    []uint16
	tail       [2 * maxSymbol]byte
}

type lengthDecoder struct {
	choice  uint16
	choice2 uint16
	low     [maxPosStates][8]uint16
	mid     [maxPosStates][8]uint16
	high    [256]uint16
}

func fill(probs []uint16) {
	for i := range probs {
		probs[i] = probInit
	}
}

func (l *lengthDecoder) reset() {
	l.choice, l.choice2 = probInit, probInit
	for i := range l.low {
		fill(l.low[i][:])
		fill(l.mid[i][:])
	}
	fill(l.high[:])
}

func (d *Decoder) reset(literals int) {
	if cap(d.literal) < literals {
		d.literal = make([]uint16, literals)
	}
	d.literal = d.literal[:literals]
	fill(d.literal)
	fill(d.match[:])
	fill(d.rep0Long[:])
	fill(d.rep[:])
	fill(d.repG0[:])
	fill(d.repG1[:])
	fill(d.repG2[:])
	for i := range d.posSlot {
		fill(d.posSlot[i][:])
	}
	fill(d.posSpecial[:])
	fill(d.align[:])
	d.length.reset()
	d.repLength.reset()
}

// Decode fills dst, whose length is the plain size, from src, and says how many bytes it wrote: all of them, unless there is
// an error. The property byte is (pb*5+lp)*9+lc. Decoding stops when dst is full, whatever is left of src; src may go on with
// whatever follows the data, and should, since some encoders leave bytes of their last symbol to it.
func (d *Decoder) Decode(dst, src []byte, properties byte, options Options) (int, error) {
	if properties >= 9*5*5 {
		return 0, ErrProperties
	}
	p := parameters{dictionary: options.Dictionary, position: options.Position}
	p.lc = uint32(properties % 9)
	p.lpMask = 1<<(properties/9%5) - 1
	p.pbMask = 1<<(properties/45) - 1
	if len(dst) == 0 {
		return 0, nil
	}
	if len(src) < 5 {
		return 0, ErrTruncated
	}
	if src[0] != 0 || binary.BigEndian.Uint32(src[1:]) == 1<<32-1 {
		return 0, ErrCorrupt
	}
	d.reset(literalProbs<<(p.lc+uint32(properties/9%5)) + literalSpan - literalProbs)
	return d.decode(dst, src, p)
}

type parameters struct {
	dictionary     []byte
	position       uint32
	lc             uint32
	lpMask, pbMask uint32
}

// decode is the loop over symbols. The range coder's state goes through the helpers in registers. No symbol looks for the end
// of the source: the loop makes sure that there is enough for any, and near the end goes on with a padded copy.
func (d *Decoder) decode(dst, src []byte, p parameters) (int, error) {
	var (
		out                    = 0
		state                  = uint32(0)
		rep0, rep1, rep2, rep3 uint32
		code                   = uint64(binary.BigEndian.Uint32(src[1:]))
		rng                    = uint64(0xFFFFFFFF)
		err                    error
		in                     = 5
		previous               = uint32(0)
		padded                 = false
		end                    = len(src) // of the real bytes
	)
	if n := len(p.dictionary); n > 0 {
		previous = uint32(p.dictionary[n-1])
	}
symbols:
	for out < len(dst) {
		if in > len(src)-maxSymbol {
			if padded {
				if in > end {
					break
				}
			} else {
				end = copy(d.tail[:], src[in:])
				clear(d.tail[end:])
				src, in, padded = d.tail[:], 0, true
			}
		}
		position := uint32(out) + p.position
		posState := position & p.pbMask
		if rng < top {
			rng <<= 8
			code = code<<8 | uint64(src[in])
			in++
		}
		prob := &d.match[(state<<4+posState)%uint32(len(d.match))]
		bound := (rng >> 11) * uint64(*prob)
		if code < bound {
			rng = bound
			*prob += (1<<11 - *prob) >> moveBits
			index := ((position&p.lpMask)<<p.lc + previous>>(8-p.lc)) * literalProbs
			probs := (*[literalSpan]uint16)(d.literal[index:])
			if state < 7 {
				previous, in, rng, code = decodeLiteral(probs, src, in, rng, code)
				if state < 4 {
					state = 0
				} else {
					state -= 3
				}
			} else {
				var matched uint64
				if distance := int(rep0) + 1; distance <= out {
					matched = uint64(dst[out-distance])
				} else if distance -= out; distance <= len(p.dictionary) {
					matched = uint64(p.dictionary[len(p.dictionary)-distance])
				} else {
					err = ErrCorrupt
					break symbols
				}
				previous, in, rng, code = decodeMatched(probs, matched, src, in, rng, code)
				if state < 10 {
					state -= 3
				} else {
					state -= 6
				}
			}
			dst[out] = byte(previous)
			out++
			continue
		}
		rng -= bound
		code -= bound
		*prob -= *prob >> moveBits
		var length, bit uint32
		bit, in, rng, code = decodeBit(&d.rep[state%maxStates], src, in, rng, code)
		if bit == 0 {
			rep3, rep2, rep1 = rep2, rep1, rep0
			length, in, rng, code = d.length.decode(posState, src, in, rng, code)
			rep0, in, rng, code = d.distance(min(length-2, lengthStates-1), src, in, rng, code)
			if state < 7 {
				state = 7
			} else {
				state = 10
			}
		} else {
			if out == 0 && len(p.dictionary) == 0 {
				err = ErrCorrupt
				break symbols
			}
			bit, in, rng, code = decodeBit(&d.repG0[state%maxStates], src, in, rng, code)
			if bit == 0 {
				bit, in, rng, code = decodeBit(&d.rep0Long[(state<<4+posState)%uint32(len(d.rep0Long))], src, in, rng, code)
				if bit == 0 {
					if state < 7 {
						state = 9
					} else {
						state = 11
					}
					length = 1
				}
			} else {
				bit, in, rng, code = decodeBit(&d.repG1[state%maxStates], src, in, rng, code)
				if bit == 0 {
					rep0, rep1 = rep1, rep0
				} else {
					bit, in, rng, code = decodeBit(&d.repG2[state%maxStates], src, in, rng, code)
					if bit == 0 {
						rep0, rep1, rep2 = rep2, rep0, rep1
					} else {
						rep0, rep1, rep2, rep3 = rep3, rep0, rep1, rep2
					}
				}
			}
			if length == 0 {
				length, in, rng, code = d.repLength.decode(posState, src, in, rng, code)
				if state < 7 {
					state = 8
				} else {
					state = 11
				}
			}
		}
		if rep0 >= 7 && uint64(rep0) < uint64(out) && int(length) <= len(dst)-out-8 {
			from := out - int(rep0) - 1
			// Most matches are short: eight bytes at a time, the last a few too many, cost less than a call.
			for i := 0; i < int(length); i += 8 {
				binary.LittleEndian.PutUint64(dst[out+i:], binary.LittleEndian.Uint64(dst[from+i:]))
			}
			out += int(length)
		} else {
			n, ok := copyMatch(dst, out, uint64(rep0)+1, int(length), p.dictionary)
			if !ok {
				err = ErrCorrupt
				break symbols
			}
			out = n
		}
		previous = uint32(dst[out-1])
	}
	if padded && in > end {
		return out, ErrTruncated // even if it looked corrupt: the padding did
	}
	return out, err
}

// copyMatch repeats length bytes from distance bytes back, which may reach into the dictionary, and gives the new end.
// A match that would overrun the output is corrupt.
func copyMatch(dst []byte, out int, distance uint64, length int, dictionary []byte) (int, bool) {
	if length > len(dst)-out {
		return 0, false
	}
	end := out + length
	if distance > uint64(out) {
		back := distance - uint64(out)
		if back > uint64(len(dictionary)) {
			return 0, false
		}
		out += copy(dst[out:end], dictionary[len(dictionary)-int(back):])
		if out == end {
			return end, true
		}
		// The rest starts at the output's first byte.
	}
	from := out - int(distance)
	if int(distance) >= end-out {
		copy(dst[out:end], dst[from:])
		return end, true
	}
	// The match repeats itself: each copy doubles what the next one can take.
	for out < end {
		out += copy(dst[out:end], dst[from:out])
	}
	return end, true
}
