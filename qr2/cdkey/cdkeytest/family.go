package cdkeytest

import (
	"bytes"
	"fmt"

	"github.com/relight-sdk/relight/internal/quirks"
)

// Family is a family of living servers to imitate; any untyped string constant will do.
type Family = quirks.Family

// The families that have a validation server (spec servers.md §9).
const (
	Original Family = quirks.Original // knows keys and who is where, as the original's documentation has it
	OpenSpy  Family = quirks.OpenSpy  // accepts every key, asks nothing, and ignores keep-alives and goodbyes
	KR4uzi   Family = quirks.KR4uzi   // the same, and does not answer a question that ends with its number
)

// traits are what tells a family from the others.
type traits struct {
	acceptsAll bool // any key, on as many game servers as it is used; nothing is remembered
	needsMore  bool // the number of a question is found only if something follows it
}

func traitsOf(family Family) (traits, error) {
	switch family {
	case Original:
		return traits{}, nil
	case OpenSpy:
		return traits{acceptsAll: true}, nil
	case KR4uzi:
		return traits{acceptsAll: true, needsMore: true}, nil
	}
	return traits{}, fmt.Errorf("cdkeytest: the family %q has no validation server", family)
}

// ended reports whether something follows a value: kr4uzi's reader needs the backslash behind it.
func ended(text []byte, key string) bool {
	_, after, found := bytes.Cut(text, []byte(`\`+key+`\`))
	return found && bytes.IndexByte(after, '\\') >= 0
}
