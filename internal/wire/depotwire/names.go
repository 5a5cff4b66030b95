package depotwire

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"strings"
	"unicode/utf8"
)

// nameLine is where Steam breaks the base64 of a name (spec steampipe.md §4.5).
const nameLine = 72

// DecryptNames turns the names and link targets into clear text. A key that is not the depot's gives an error that matches
// [ErrWrongKey]; then the manifest is as it was. Clear manifests are left alone. The order of the files stays: see
// [Manifest.SortFiles].
func (m *Manifest) DecryptNames(key []byte) error {
	if !m.NamesEncrypted {
		return nil
	}
	k, err := NewKey(key)
	if err != nil {
		return err
	}
	size := 0
	for i := range m.Files {
		size += base64.StdEncoding.DecodedLen(len(m.Files[i].Name)) + base64.StdEncoding.DecodedLen(len(m.Files[i].LinkTarget))
	}
	// All names in one slab; the manifest changes only when all went well.
	var text strings.Builder
	text.Grow(size)
	names := make([]string, len(m.Files))
	links := map[int]string{}
	var scratch []byte
	for i := range m.Files {
		file := &m.Files[i]
		if names[i], err = k.name(&text, &scratch, file.Name, i, "filename"); err != nil {
			return err
		}
		if file.LinkTarget == "" {
			continue
		}
		if links[i], err = k.name(&text, &scratch, file.LinkTarget, i, "linktarget"); err != nil {
			return err
		}
	}
	for i, name := range names {
		m.Files[i].Name = name
	}
	for i, target := range links {
		m.Files[i].LinkTarget = target
	}
	m.NamesEncrypted = false
	return nil
}

// name decrypts one name.
func (k *Key) name(text *strings.Builder, scratch *[]byte, encrypted string, index int, field string) (string, error) {
	b := append((*scratch)[:0], encrypted...)
	*scratch = b
	// Go's base64 reads over line ends, not over other white space.
	if bytes.ContainsAny(b, " \t") {
		b = bytes.Join(bytes.Fields(b), nil)
	}
	n, err := base64.StdEncoding.Decode(b, b)
	if err != nil {
		return "", manifestError(ErrCorrupt, field, "file %d: not base64", index)
	}
	b = b[:n]
	if n < 2*aesBlock || n%aesBlock != 0 {
		return "", manifestError(ErrCorrupt, field, "file %d: %d encrypted bytes", index, n)
	}
	n, ok := k.open(b[aesBlock:], b)
	if !ok {
		return "", manifestError(ErrWrongKey, field, "file %d: wrong key or corrupt", index)
	}
	plain := b[aesBlock : aesBlock+n]
	if end := bytes.IndexByte(plain, 0); end >= 0 {
		plain = plain[:end]
	} else if !utf8.Valid(plain) {
		// One wrong key in 256 gives a valid padding.
		return "", manifestError(ErrWrongKey, field, "file %d: wrong key or corrupt", index)
	}
	return take(text, plain), nil
}

// EncryptNames is the reverse of [Manifest.DecryptNames]; the initialisation vectors are read from random. Clear manifests
// that were encrypted have the checksum of their clear form.
func (m *Manifest) EncryptNames(key []byte, random io.Reader) error {
	if m.NamesEncrypted {
		return nil
	}
	k, err := NewKey(key)
	if err != nil {
		return err
	}
	encrypt := func(name string) (string, error) {
		var iv [aesBlock]byte
		if _, err := io.ReadFull(random, iv[:]); err != nil {
			return "", &Error{Message: "manifest", Field: "filename", Reason: "no random bytes: " + err.Error(), Err: err}
		}
		return breakLines(base64.StdEncoding.EncodeToString(k.seal(nil, append([]byte(name), 0), iv))), nil
	}
	crc := sectionCRC(m.appendPayload(make([]byte, 0, m.payloadBound())))
	files := make([]File, len(m.Files))
	copy(files, m.Files)
	for i := range files {
		if files[i].Name, err = encrypt(files[i].Name); err != nil {
			return err
		}
		if files[i].LinkTarget == "" {
			continue
		}
		if files[i].LinkTarget, err = encrypt(files[i].LinkTarget); err != nil {
			return err
		}
	}
	m.Files, m.CRCClear, m.NamesEncrypted = files, crc, true
	return nil
}

// breakLines ends every 72 characters, and the whole, with a line end.
func breakLines(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := min(len(s), nameLine)
		b.WriteString(s[:n])
		b.WriteByte('\n')
		s = s[n:]
	}
	return b.String()
}

// HashName is what [File.NameSHA] should be for a clear name: the SHA-1 of its lower-case form. Real manifests have wrong
// ones, so that a difference is worth a remark at most.
func HashName(name string) [20]byte {
	return sha1.Sum([]byte(strings.ToLower(name)))
}
