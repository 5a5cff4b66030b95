package gscrypt

import (
	"encoding/base64"
	"fmt"
)

// passwordBase64 is the alphabet of encoded passwords. Text in it passes as a value of \key\value\ messages.
var passwordBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789[]").WithPadding('_')

// EncodePassword hides a password or CD key in passwordenc, passenc and cdkeyenc (spec gp.md §4.1). It is no encryption:
// every password is combined with the same bytes.
func EncodePassword(plain string) string {
	b := []byte(plain)
	passwordMask(b)
	return passwordBase64.EncodeToString(b)
}

// DecodePassword is the reverse of [EncodePassword].
func DecodePassword(encoded string) (string, error) {
	b, err := passwordBase64.Strict().DecodeString(encoded)
	if err != nil {
		// The error of base64 would show where, which is of no use to anybody without the text, and the text is secret.
		return "", fmt.Errorf("gscrypt: encoded password is not valid base64 of %d characters", len(encoded))
	}
	passwordMask(b)
	return string(b), nil
}

// passwordMask combines b with the numbers of the generator of Park and Miller, seeded with "gspy". They are taken modulo
// 255, not 256.
func passwordMask(b []byte) {
	r := uint64(0x79707367)
	for i := range b {
		r = r * 16807 % (1<<31 - 1)
		b[i] ^= byte(r % 255)
	}
}
