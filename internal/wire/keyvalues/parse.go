package keyvalues

import (
	"errors"
	"fmt"
	"strings"
)

// Limits bound what [Parse] takes. Zero means the default of each field.
type Limits struct {
	MaxBytes int // length of the document; 16 MiB
	MaxDepth int // blocks within blocks; 32
	MaxKeys  int // pairs in the whole document, blocks included; 262,144
}

func (l Limits) withDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = 16 << 20
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = 32
	}
	if l.MaxKeys <= 0 {
		l.MaxKeys = 1 << 18
	}
	return l
}

// ErrLimit is matched by the errors of documents that are larger than [Limits] allow.
var ErrLimit = errors.New("keyvalues: limit exceeded")

// Error says where a document is wrong.
type Error struct {
	Line   int // from 1
	Column int // in bytes, from 1
	Reason string
	Err    error // ErrLimit, or nil for a syntax error
}

func (e *Error) Error() string {
	return fmt.Sprintf("keyvalues: line %d column %d: %s", e.Line, e.Column, e.Reason)
}

// Unwrap gives [ErrLimit] if a limit was exceeded.
func (e *Error) Unwrap() error { return e.Err }

// Parse reads a document and returns a block without key that holds its pairs.
//
// Tokens are quoted, or end at white space, quotes and braces. In quotes \n, \t, \\ and \" are undone and any other
// backslash stands for itself, as Windows paths are found unescaped. Conditions such as [$WIN32] are read over: the pair
// stays whatever the platform. A byte order mark and trailing NUL bytes, which app info has, are ignored.
func Parse(b []byte, limits Limits) (Node, error) {
	limits = limits.withDefaults()
	if len(b) > limits.MaxBytes {
		return Node{}, &Error{Line: 1, Column: 1, Reason: fmt.Sprintf("document of %d bytes, the limit is %d", len(b), limits.MaxBytes), Err: ErrLimit}
	}
	// One copy: the tokens are parts of it, unless they hold escapes.
	p := parser{text: strings.TrimRight(strings.TrimPrefix(string(b), "\uFEFF"), "\x00"), limits: limits}
	children, err := p.block(0)
	if err != nil {
		return Node{}, err
	}
	return Node{Children: children}, nil
}

type parser struct {
	text   string
	offset int
	keys   int
	limits Limits
}

func (p *parser) fail(offset int, err error, format string, arguments ...any) error {
	before := p.text[:offset]
	return &Error{
		Line:   strings.Count(before, "\n") + 1,
		Column: offset - strings.LastIndexByte(before, '\n'),
		Reason: fmt.Sprintf(format, arguments...),
		Err:    err,
	}
}

// skip goes to the next token, over white space and comments; false at the end of the document.
func (p *parser) skip() bool {
	for p.offset < len(p.text) {
		switch c := p.text[p.offset]; {
		case c <= ' ':
			p.offset++
		case strings.HasPrefix(p.text[p.offset:], "//"):
			end := strings.IndexByte(p.text[p.offset:], '\n')
			if end < 0 {
				p.offset = len(p.text)
				return false
			}
			p.offset += end
		default:
			return true
		}
	}
	return false
}

// skipCondition goes over [$WIN32] or [!$X360||$PS3], if there is one.
func (p *parser) skipCondition() error {
	if !p.skip() || p.text[p.offset] != '[' {
		return nil
	}
	rest := p.text[p.offset:]
	if !strings.HasPrefix(rest, "[$") && !strings.HasPrefix(rest, "[!$") {
		return nil
	}
	end := strings.IndexAny(rest, "]\n")
	if end < 0 || rest[end] != ']' {
		return p.fail(p.offset, nil, "condition without its ]")
	}
	p.offset += end + 1
	return nil
}

// token reads a key or a text. There is one: skip said so.
func (p *parser) token() (string, error) {
	start := p.offset
	if p.text[start] != '"' {
		end := strings.IndexFunc(p.text[start:], func(r rune) bool { return r <= ' ' || r == '"' || r == '{' || r == '}' })
		if end < 0 {
			end = len(p.text) - start
		}
		p.offset += end
		return p.text[start:p.offset], nil
	}
	escaped := false
	for i := start + 1; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			p.offset = i + 1
			if escaped {
				return unescape.Replace(p.text[start+1 : i]), nil
			}
			return p.text[start+1 : i], nil
		}
	}
	return "", p.fail(start, nil, "quote without its end")
}

var unescape = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`, `\"`, `"`)

// block reads pairs up to the closing brace, or the end of the document at depth 0.
func (p *parser) block(depth int) ([]Node, error) {
	opened := p.offset - 1
	nodes := []Node{}
	for {
		if !p.skip() {
			if depth > 0 {
				return nil, p.fail(opened, nil, "{ without its }")
			}
			return nodes, nil
		}
		switch p.text[p.offset] {
		case '}':
			if depth == 0 {
				return nil, p.fail(p.offset, nil, "} without its {")
			}
			p.offset++
			return nodes, nil
		case '{':
			return nil, p.fail(p.offset, nil, "{ without a key")
		}
		start := p.offset
		if p.keys++; p.keys > p.limits.MaxKeys {
			return nil, p.fail(start, ErrLimit, "more than %d keys", p.limits.MaxKeys)
		}
		key, err := p.token()
		if err != nil {
			return nil, err
		}
		if err := p.skipCondition(); err != nil {
			return nil, err
		}
		if !p.skip() || p.text[p.offset] == '}' {
			return nil, p.fail(start, nil, "key %.64q without a value", key)
		}
		node := Node{Key: key}
		if p.text[p.offset] == '{' {
			if depth == p.limits.MaxDepth {
				return nil, p.fail(p.offset, ErrLimit, "more than %d blocks within each other", p.limits.MaxDepth)
			}
			p.offset++
			node.Children, err = p.block(depth + 1)
		} else {
			node.Value, err = p.token()
			if err == nil {
				err = p.skipCondition()
			}
		}
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
}
