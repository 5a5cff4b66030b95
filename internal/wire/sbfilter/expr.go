// Package sbfilter is the SQL-like language in which clients tell list masters which servers they want (spec sb.md A.2,
// servers.md §4.2): numplayers > 0 and mapname like 'dm%'. It reads, writes and evaluates it.
package sbfilter

import (
	"errors"
	"fmt"
	"strings"
)

// Expr is an expression: [And], [Or], [Not], [Compare] or [Null]. A nil Expr, written as the empty text, is always true.
type Expr interface {
	// Match evaluates the expression. field finds a field of the server; ok is false if it has none of that name.
	Match(field func(name string) (value string, ok bool)) bool

	appendTo(b *strings.Builder) error
}

// And is true if all of its parts are.
type And []Expr

// Or is true if one of its parts is.
type Or []Expr

// Not is true if its part is not.
type Not struct{ X Expr }

// Op compares two operands.
type Op string

// The operators.
const (
	Equal     Op = "="
	NotEqual  Op = "!="
	Less      Op = "<"
	AtMost    Op = "<="
	Greater   Op = ">"
	AtLeast   Op = ">="
	Like      Op = "like" // % is any text, _ any character, in any case
	isKeyword    = "is"
)

// Operand is a name, a number or a text.
type Operand struct {
	Text   string
	Quoted bool // a text; else a number if it is one, else the name of a field
}

// Compare compares two operands: as numbers if both are numbers, else as text.
type Compare struct {
	Left  Operand
	Op    Op
	Right Operand
}

// Null is true if the server does not have the field, or an empty one; with Not, the other way round.
type Null struct {
	Name string
	Not  bool
}

// Match reports whether all parts match.
func (e And) Match(field func(string) (string, bool)) bool {
	for _, part := range e {
		if part != nil && !part.Match(field) {
			return false
		}
	}
	return true
}

// Match reports whether a part matches.
func (e Or) Match(field func(string) (string, bool)) bool {
	for _, part := range e {
		if part == nil || part.Match(field) {
			return true
		}
	}
	return len(e) == 0
}

// Match reports whether the part does not match.
func (e Not) Match(field func(string) (string, bool)) bool { return e.X != nil && !e.X.Match(field) }

// Match compares.
func (e Compare) Match(field func(string) (string, bool)) bool {
	a, b := e.Left.value(field), e.Right.value(field)
	switch e.Op {
	case Equal:
		return order(a, b) == 0
	case NotEqual:
		return order(a, b) != 0
	case Less:
		return order(a, b) < 0
	case AtMost:
		return order(a, b) <= 0
	case Greater:
		return order(a, b) > 0
	case AtLeast:
		return order(a, b) >= 0
	case Like:
		return like(a, b)
	}
	return false
}

// Match looks for the field.
func (e Null) Match(field func(string) (string, bool)) bool {
	value, ok := field(e.Name)
	return (!ok || value == "") != e.Not
}

// Why an expression cannot be written.
var (
	ErrName  = errors.New("not a name that a filter can have")
	ErrValue = errors.New("not a text that a filter can have")
)

// Format writes an expression. No operand can end early or become another: names are letters, digits, _ . @ - and none of
// the words of the language; a text that has both kinds of quotes, a backslash or a control character is refused, since the
// masters do not agree on a way to write it.
func Format(e Expr) (string, error) {
	if e == nil {
		return "", nil
	}
	var b strings.Builder
	if err := e.appendTo(&b); err != nil {
		return "", err
	}
	return b.String(), nil
}

func (e And) appendTo(b *strings.Builder) error { return join(b, e, " and ") }

func (e Or) appendTo(b *strings.Builder) error { return join(b, e, " or ") }

// join writes parts, those that are made of parts in parentheses.
func join(b *strings.Builder, parts []Expr, word string) error {
	first := true
	for _, part := range parts {
		if part == nil {
			if word == " or " { // it is always true, and so is the whole
				return fmt.Errorf("%w: a part of an or is empty", ErrValue)
			}
			continue
		}
		if !first {
			b.WriteString(word)
		}
		first = false
		if err := enclosed(b, part); err != nil {
			return err
		}
	}
	return nil
}

func enclosed(b *strings.Builder, part Expr) error {
	switch part.(type) {
	case Compare, Null:
		return part.appendTo(b)
	}
	b.WriteByte('(')
	length := b.Len()
	if err := part.appendTo(b); err != nil {
		return err
	}
	if b.Len() == length {
		return fmt.Errorf("%w: a part is empty", ErrValue)
	}
	b.WriteByte(')')
	return nil
}

func (e Not) appendTo(b *strings.Builder) error {
	b.WriteString("not ")
	if e.X == nil {
		return fmt.Errorf("%w: nothing behind not", ErrValue)
	}
	return enclosed(b, e.X)
}

func (e Compare) appendTo(b *strings.Builder) error {
	if err := e.Left.appendTo(b); err != nil {
		return err
	}
	switch e.Op {
	case Equal, NotEqual, Less, AtMost, Greater, AtLeast, Like:
	default:
		return fmt.Errorf("%w: operator %q", ErrValue, e.Op)
	}
	b.WriteString(" " + string(e.Op) + " ")
	return e.Right.appendTo(b)
}

func (e Null) appendTo(b *strings.Builder) error {
	if err := (Operand{Text: e.Name}).appendTo(b); err != nil {
		return err
	}
	b.WriteString(" is ")
	if e.Not {
		b.WriteString("not ")
	}
	b.WriteString("null")
	return nil
}

func (o Operand) appendTo(b *strings.Builder) error {
	if !o.Quoted {
		if !plain(o.Text) {
			return fmt.Errorf("%w: %q", ErrName, o.Text)
		}
		b.WriteString(o.Text)
		return nil
	}
	quote := "'"
	for i := range len(o.Text) {
		switch c := o.Text[i]; {
		case c == '\'':
			quote = `"`
		case c < 0x20, c == 0x7F, c == '\\':
			return fmt.Errorf("%w: %q", ErrValue, o.Text)
		}
	}
	if strings.Contains(o.Text, quote) {
		return fmt.Errorf("%w: %q has both kinds of quotes", ErrValue, o.Text)
	}
	b.WriteString(quote + o.Text + quote)
	return nil
}

// plain reports whether a text can stand without quotes and is one word.
func plain(text string) bool {
	for _, word := range []string{"and", "or", "not", "null", "like", isKeyword} {
		if strings.EqualFold(text, word) {
			return false
		}
	}
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte("_.@-", c) < 0 {
			return false
		}
	}
	return text != ""
}
