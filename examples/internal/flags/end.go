package flags

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/relight-sdk/relight/examples/internal/clean"
)

// errInterrupted is what people are told when they stopped a program before it was done, whatever that broke.
var errInterrupted = errors.New("interrupted")

// End tells why a program failed and what to try, if it did, and gives the exit status. Ctx is the one that Ctrl-C ends; a program
// that runs until then ends without an error.
func End(ctx context.Context, program string, err error, try string, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		err, try = errInterrupted, ""
	}
	fmt.Fprintf(stderr, "%s: %s\n", program, clean.Lines(err.Error()))
	if try != "" {
		fmt.Fprintf(stderr, "  try: %s\n", try)
	}
	return 1
}
