package steamdiscoverywire

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"slices"
)

// KeySize is the length of a device's secret key.
const KeySize = 32

// ErrSealed says that sealed bytes are damaged, or sealed under another key. There is no code of authenticity: about one
// wrong key in 256 goes unnoticed.
var ErrSealed = errors.New("steamdiscovery: sealed bytes: wrong key, length or padding")

// AppendSealed encrypts as spec steamdiscovery.md §6 says: the initialisation vector itself under AES-256-ECB, then the
// plain text, padded as PKCS #7, under AES-256-CBC. iv must be random wherever it matters.
func AppendSealed(b []byte, key [KeySize]byte, iv [aes.BlockSize]byte, plain []byte) []byte {
	block := newCipher(key)
	start := len(b)
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	b = slices.Grow(b, aes.BlockSize+len(plain)+padding)
	b = append(b, iv[:]...)
	b = append(b, plain...)
	for range padding {
		b = append(b, byte(padding))
	}
	out := b[start:]
	block.Encrypt(out, out[:aes.BlockSize])
	text := out[aes.BlockSize:]
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(text, text)
	return b
}

// Unseal decrypts what AppendSealed or a peer encrypted.
func Unseal(key [KeySize]byte, sealed []byte) ([]byte, error) {
	if len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
		return nil, ErrSealed
	}
	block := newCipher(key)
	var iv [aes.BlockSize]byte
	block.Decrypt(iv[:], sealed)
	plain := make([]byte, len(sealed)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, iv[:]).CryptBlocks(plain, sealed[aes.BlockSize:])
	padding := int(plain[len(plain)-1])
	if padding < 1 || padding > aes.BlockSize {
		return nil, ErrSealed
	}
	text := plain[:len(plain)-padding]
	for _, c := range plain[len(text):] {
		if int(c) != padding {
			return nil, ErrSealed
		}
	}
	return text, nil
}

func newCipher(key [KeySize]byte) cipher.Block {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // cannot be: the size of the key is in its type
	}
	return block
}
