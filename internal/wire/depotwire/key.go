package depotwire

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"sync"
)

// KeySize is the length of a depot key.
const KeySize = 32

const aesBlock = aes.BlockSize

// Key is a depot key, ready for use: its schedule is computed once. It is safe for concurrent use. Printing it does not
// give it away.
type Key struct {
	block   cipher.Block
	decrypt sync.Pool // of *opener: one takes half a kilobyte
}

// opener is what decrypting one message needs, kept for the next one.
type opener struct {
	iv   [aesBlock]byte
	mode cipher.BlockMode
}

// cbcMode is what the library's CBC modes are, so that one serves many messages; crypto/tls relies on it too.
type cbcMode interface {
	cipher.BlockMode
	SetIV(iv []byte)
}

// NewKey prepares a key of 32 bytes.
func NewKey(key []byte) (*Key, error) {
	if len(key) != KeySize {
		return nil, &Error{Message: "depot key", Reason: "not 32 bytes long", Err: ErrWrongKey}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, &Error{Message: "depot key", Reason: err.Error(), Err: ErrWrongKey}
	}
	return &Key{block: block}, nil
}

// ParseKey prepares a key of 64 hexadecimal digits, as config.vdf has them.
func ParseKey(digits string) (*Key, error) {
	key, err := hex.DecodeString(digits)
	if err != nil {
		return nil, &Error{Message: "depot key", Reason: "not hexadecimal", Err: ErrWrongKey} // err would quote a digit
	}
	return NewKey(key)
}

// String says that there is a key, not which.
func (k *Key) String() string { return "depot key (hidden)" }

// GoString is [Key.String]: %#v must not give the schedule away.
func (k *Key) GoString() string { return k.String() }

// open decrypts ECB(IV) || CBC(plain, PKCS7), the form of chunks, names and patches (spec steampipe.md §5.1), from src to dst,
// which has room for len(src)-16 bytes and overlaps with src[16:] entirely or not at all. It gives the plain length; all
// bytes of the padding are checked.
func (k *Key) open(dst, src []byte) (n int, ok bool) {
	if len(src) < 2*aesBlock || len(src)%aesBlock != 0 {
		return 0, false
	}
	o, ok := k.decrypt.Get().(*opener)
	if !ok {
		o = &opener{}
	}
	k.block.Decrypt(o.iv[:], src[:aesBlock])
	if mode, ok := o.mode.(cbcMode); ok {
		mode.SetIV(o.iv[:])
	} else {
		o.mode = cipher.NewCBCDecrypter(k.block, o.iv[:])
	}
	body := src[aesBlock:]
	dst = dst[:len(body)]
	o.mode.CryptBlocks(dst, body)
	k.decrypt.Put(o)
	padding := int(dst[len(dst)-1])
	if padding == 0 || padding > aesBlock {
		return 0, false
	}
	for _, c := range dst[len(dst)-padding:] {
		if int(c) != padding {
			return 0, false
		}
	}
	return len(dst) - padding, true
}

// seal is the reverse of open. It appends to dst.
func (k *Key) seal(dst, plain []byte, iv [aesBlock]byte) []byte {
	start := len(dst)
	dst = append(dst, iv[:]...)
	dst = append(dst, plain...)
	padding := aesBlock - len(plain)%aesBlock
	for range padding {
		dst = append(dst, byte(padding))
	}
	k.block.Encrypt(dst[start:start+aesBlock], iv[:])
	body := dst[start+aesBlock:]
	cipher.NewCBCEncrypter(k.block, iv[:]).CryptBlocks(body, body)
	return dst
}
