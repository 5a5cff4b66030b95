package gscrypt

// Enctype2 is the cipher of lists of encryption type 2: a length xor 0xEC, so many bytes of which the first ones are xored
// with the game's secret and which are the key of the tree, and the list under its key stream. It is not safe for
// concurrent use.
//
// Old masters put six more bytes behind the list, which old clients cut off; openspy-core does not. Behind \final\ they mean
// nothing.
//
// Sources: the facts behind the decoder that everybody uses (gslist), openspy-core's encoder and that of 333networks.
type Enctype2 struct {
	tree  tree
	extra string // of a secret that is longer than the head: it lies over the list, too
}

const enctype2Magic = 0xEC

// NewEnctype2 reads the beginning of a list. n is how long that is, 0 if more of it is needed.
func NewEnctype2(b []byte, secret string) (c *Enctype2, n int, err error) {
	if secret == "" {
		return nil, 0, ErrNoSecret
	}
	if len(b) == 0 {
		return nil, 0, nil
	}
	n = 1 + int(b[0]^enctype2Magic)
	if n == 1 {
		return nil, 0, ErrNotEncrypted
	}
	if len(b) < n {
		return nil, 0, nil
	}
	return newEnctype2(b[1:n], secret), n, nil
}

func newEnctype2(head []byte, secret string) *Enctype2 {
	key := append([]byte(nil), head...)
	for i := range min(len(key), len(secret)) {
		key[i] ^= secret[i]
	}
	c := &Enctype2{extra: secret[min(len(head), len(secret)):]}
	c.tree.setKey(key)
	return c
}

// Crypt decrypts the next piece of the list in place, cut anywhere, or encrypts it. It fails behind 258,048 bytes, where the
// key stream ends.
func (c *Enctype2) Crypt(b []byte) error {
	n := min(len(b), len(c.extra))
	for i := range n {
		b[i] ^= c.extra[i]
	}
	c.extra = c.extra[n:]
	return c.tree.xor(b)
}

// AppendEnctype2 encrypts a whole list. head should be random; the original's has up to 255 bytes, those of today 8 or 13.
func AppendEnctype2(b, list []byte, secret string, head []byte) ([]byte, error) {
	if secret == "" || len(head) == 0 || len(head) > 255 {
		return b, ErrNoSecret
	}
	start := len(b)
	b = append(append(b, byte(len(head))^enctype2Magic), head...)
	c := newEnctype2(head, secret)
	at := len(b)
	b = append(b, list...)
	if err := c.Crypt(b[at:]); err != nil {
		return b[:start], err
	}
	return b, nil
}
