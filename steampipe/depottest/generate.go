package depottest

import (
	"fmt"
	"math/rand/v2"
)

// generate makes up files of about so many bytes in all: text, structured and random data, in sizes from nothing to a
// quarter of the whole; some files begin as another one does, so that chunks are shared, and one is zero.
func generate(random *rand.Rand, total int64, chunkSize int) []File {
	if total <= 0 {
		return nil
	}
	files := []File{{Name: `generated\empty.txt`}}
	zeros := min(total/16, int64(2*chunkSize))
	if zeros > 0 {
		files = append(files, File{Name: `generated\zero.bin`, Data: make([]byte, zeros)})
		total -= zeros
	}
	var shared []byte
	for i := 0; total > 0; i++ {
		size := min(total, 1+random.Int64N(max(total/4, 1)+4096))
		data := fill(random, int(size))
		if len(shared) >= chunkSize && len(data) >= chunkSize && i%3 == 2 {
			copy(data[:chunkSize], shared)
		}
		if len(data) >= chunkSize {
			shared = data[:chunkSize]
		}
		flags := Flags(0)
		if i%5 == 0 {
			flags = Executable
		}
		files = append(files, File{Name: fmt.Sprintf(`generated\part%d\file%03d.bin`, i%4, i), Data: data, Flags: flags})
		total -= size
	}
	return files
}

// fill makes bytes of three kinds, in stretches of 64 KiB.
func fill(random *rand.Rand, size int) []byte {
	b := make([]byte, 0, size+16)
	words := [...]string{"relight ", "the quick brown fox ", "0x00000000 ", "{\n\t", "}\n", "vertex ", "normal ", "player_start "}
	for len(b) < size {
		end := min(len(b)+64<<10, size)
		switch random.IntN(3) {
		case 0: // text
			for len(b) < end {
				b = append(b, words[random.IntN(len(words))]...)
			}
		case 1: // records that differ a little
			for record := random.Uint32(); len(b) < end; record += random.Uint32N(7) {
				b = append(b, byte(record), byte(record>>8), byte(record>>16), 0, 0, 0x80, 0x3F, byte(random.Uint32N(4)))
			}
		default:
			for len(b) < end {
				v := random.Uint64()
				b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
			}
		}
	}
	return b[:size:size]
}
