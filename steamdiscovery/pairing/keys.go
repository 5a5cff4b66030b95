package pairing

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// The public keys of Steam's universes, DER of SubjectPublicKeyInfo (spec steamdiscovery.md §7). The private halves are
// Valve's.
const (
	publicKey = "MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAx7iQLqQkm17hJPpGiOpb/QJHtQpiKk2pm1zomiuqs3S4bwOroZ+mX9yG" +
		"ys5GpE61q0IaadEDeMO4ZyPfwjlb6kqznauRJ2Hj40OrmCSwRW5X2rre/aTRwcerKF5kfbEYi8z47+WKdZXM3TGEXAz3W4q0snB9" +
		"IY721GoRXQhfzHVKdcUN2NAYk2z16WQsZkVjfsO1CUgRuc7tsX0jR4HOVEXC3bOKeHyVhRIWfXovPzR5rCchqt2YEZ7oMvMhxinG" +
		"VyQ0okL1r/UTB87aCCMu9WRg1PGRyPSISj4qFDYXEAxDz1WtH8fHBSB9hoaXzJsj3u1GB2MvfqVNSYmDPckg5wIBEQ=="
	betaKey = "MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAttWMEpWwStit8v+kEh1cUr4Tt6w+K+k4RA2bUBC5vrSrTMfLZQSst/mz" +
		"KPz4MZEcft5p1oJwSTs/a1kps79LFuHUf8wxXVTq6m2iOrc10yVWnGjclSG4bemuTdORmkJxe5rkRPJKUZXKhrQNgGOKAKgLoXSA" +
		"gvqRbSjpSZpmH1InqhDPDYXTlZ6UQUrsLpXwQ06WwMNyDi0/ODr5AdwP8vyK+g3mgj8cd8rUpRyXzvwNvL8rNTFxiC5vxCnicWyO" +
		"mFTWebmslJZkpUDrGp6dkpxRVt+KgM34Onw7flcvmsdyVvn+/MDtelRRIajprPYpIQIN1sUCbOw+WZbHFgG3CwIBEQ=="
	internalKey = "MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAwbALFqA/rm6FZ+9/X+RVGZ58WXUpwX/5L9gAdd2ykVIXw2cI23hmlLlQ" +
		"j2FjzWDc9sGvGkO1OAFu+/0MQ01mP4YtSt7ArFfe5p3Dtm6xw/Icckq+31dkYHUJOJ/gDGTfV6UiDZ+cpd2WnxEubRuoqSFlSyUC" +
		"FcZqaBFaX6zWLxZZTXngRMGlQ6xW6L/d5d9b6bAVj0ug4UYXwpvwaqvnrzjK7mw2XU+sVhg/T42SBb6ijGEws0E8cauut3cH6czi" +
		"/mcH6eUnWwc5/GNfadDE2n2h2y1jLW2dBuovZT5RY6gcBbaXCF2KtkbJ99CXKKSM3E/CumvChfK/vYJMKAtM9wIBEQ=="
)

// Bits of the keys under which tickets are sealed. Steam's have the fewest: with them the longest names fit.
const (
	minKey = 2048
	maxKey = 8 * maxTicket
)

func goodSize(key *rsa.PublicKey) bool {
	return key.N != nil && key.N.BitLen() >= minKey && key.N.BitLen() <= maxKey
}

// UniverseKey is the public key under which tickets of a universe are sealed. Only Valve can open them.
func UniverseKey(universe steamdiscovery.Universe) (*rsa.PublicKey, error) {
	text, ok := map[steamdiscovery.Universe]string{
		steamdiscovery.UniversePublic: publicKey, steamdiscovery.UniverseBeta: betaKey,
		steamdiscovery.UniverseInternal: internalKey, steamdiscovery.UniverseDev: internalKey,
	}[universe]
	if !ok {
		return nil, fmt.Errorf("no key of %v is known", universe)
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	if key, ok := key.(*rsa.PublicKey); ok {
		return key, nil
	}
	return nil, errors.New("not an RSA key")
}
