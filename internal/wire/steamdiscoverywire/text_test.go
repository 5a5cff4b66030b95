package steamdiscoverywire

import (
	"strings"
	"testing"
)

// What was made fit for display stays as it is: a long name of this machine, cut after a space, could not be announced
// otherwise.
func TestDisplayTextIsStable(t *testing.T) {
	for _, text := range []string{
		"", "one", " one ", strings.Repeat("x", 63) + " y", strings.Repeat("é", 200), "a\u202eb\x00", "a\xff", strings.Repeat(" ", 300),
		" " + strings.Repeat("\U0001F600", 64),
	} {
		once := DisplayText(text)
		if again := DisplayText(once); again != once {
			t.Errorf("%q became %q, then %q", text, once, again)
		}
	}
}
