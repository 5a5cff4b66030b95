package gp

import "strings"

// texts makes strings of what is read, many in one piece of memory, so that a message costs one allocation and not two. A
// program that keeps one text keeps the piece, which is why long texts have memory of their own.
type texts struct {
	piece strings.Builder
	size  int
}

const (
	largestPiece = 2 << 10
	sharedText   = 512 // bytes; longer texts do not share
)

func (t *texts) keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > sharedText {
		return string(b)
	}
	if t.piece.Cap()-t.piece.Len() < len(b) {
		t.size = min(max(sharedText, 2*t.size), largestPiece)
		t.piece.Reset()
		t.piece.Grow(t.size)
	}
	start := t.piece.Len()
	t.piece.Write(b)
	return t.piece.String()[start:]
}

// shorten keeps a text to a length, like cut. It lets go of what it stands in only if that does not share its memory anyway.
func shorten(text string, limit int, in string) string {
	if len(in) > sharedText {
		return cut(text, limit)
	}
	return text[:min(len(text), limit)]
}
