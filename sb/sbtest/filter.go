package sbtest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// condition is a parsed filter: it says whether a server with these fields is wanted.
type condition func(field func(name string) (string, bool)) bool

// maxDepth bounds the parentheses of a filter.
const maxDepth = 64

// parseFilter reads a filter in the SQL-like language of the masters (spec servers.md §4.2): = == != <> < <= > >= like,
// is null, is not null, and, or, not, parentheses, quotes ' and ". The empty filter wants everything.
func parseFilter(text string) (condition, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 {
		return func(func(string) (string, bool)) bool { return true }, nil
	}
	p := parser{tokens: tokens}
	c, err := p.or(0)
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("unexpected %q", p.tokens[0].text)
	}
	return c, err
}

type token struct {
	text   string
	quoted bool // a string literal
	symbol bool // an operator or a parenthesis
}

const symbols = "=!<>()"

func scan(text string) ([]token, error) {
	var tokens []token
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			return tokens, nil
		}
		switch c := text[0]; {
		case c == '\'' || c == '"':
			end := strings.IndexByte(text[1:], c)
			if end < 0 {
				return nil, errors.New("a quote is not closed")
			}
			tokens = append(tokens, token{text: text[1 : 1+end], quoted: true})
			text = text[end+2:]
		case strings.IndexByte(symbols, c) >= 0:
			n := 1
			if len(text) > 1 && (text[1] == '=' && c != '(' && c != ')' || c == '<' && text[1] == '>') {
				n = 2
			}
			tokens = append(tokens, token{text: text[:n], symbol: true})
			text = text[n:]
		default:
			n := strings.IndexAny(text, symbols+" \t\r\n'\"")
			if n < 0 {
				n = len(text)
			}
			tokens = append(tokens, token{text: text[:n]})
			text = text[n:]
		}
	}
}

type parser struct{ tokens []token }

// word takes the next token if it is that word or symbol.
func (p *parser) word(text string) bool {
	if len(p.tokens) == 0 || p.tokens[0].quoted || !strings.EqualFold(p.tokens[0].text, text) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) next() (token, error) {
	if len(p.tokens) == 0 {
		return token{}, errors.New("the filter ends too early")
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t, nil
}

func (p *parser) or(depth int) (condition, error) {
	left, err := p.and(depth)
	for err == nil && p.word("or") {
		var right condition
		before := left
		right, err = p.and(depth)
		left = func(field func(string) (string, bool)) bool { return before(field) || right(field) }
	}
	return left, err
}

func (p *parser) and(depth int) (condition, error) {
	left, err := p.term(depth)
	for err == nil && p.word("and") {
		var right condition
		before := left
		right, err = p.term(depth)
		left = func(field func(string) (string, bool)) bool { return before(field) && right(field) }
	}
	return left, err
}

func (p *parser) term(depth int) (condition, error) {
	if depth > maxDepth {
		return nil, errors.New("too many parentheses")
	}
	if p.word("not") {
		c, err := p.term(depth + 1)
		return func(field func(string) (string, bool)) bool { return !c(field) }, err
	}
	if p.word("(") {
		c, err := p.or(depth + 1)
		if err == nil && !p.word(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return c, err
	}
	return p.comparison()
}

func (p *parser) comparison() (condition, error) {
	left, err := p.next()
	if err != nil {
		return nil, err
	}
	if left.symbol {
		return nil, fmt.Errorf("unexpected %q", left.text)
	}
	if p.word("is") {
		absent := !p.word("not")
		if !p.word("null") {
			return nil, errors.New(`"is" without "null"`)
		}
		return func(field func(string) (string, bool)) bool {
			value, ok := field(left.text)
			return (!ok || value == "") == absent
		}, nil
	}
	operator, err := p.next()
	if err != nil {
		return nil, err
	}
	compare, ok := operators[strings.ToLower(operator.text)]
	if !ok || operator.quoted {
		return nil, fmt.Errorf("unknown operator %q", operator.text)
	}
	right, err := p.next()
	if err != nil {
		return nil, err
	}
	if right.symbol {
		return nil, fmt.Errorf("unexpected %q", right.text)
	}
	return func(field func(string) (string, bool)) bool { return compare(value(left, field), value(right, field)) }, nil
}

// value is what a word or literal stands for: a field, if there is one of that name, else itself.
func value(t token, field func(string) (string, bool)) string {
	if t.quoted {
		return t.text
	}
	if _, err := strconv.ParseFloat(t.text, 64); err == nil {
		return t.text
	}
	text, _ := field(t.text)
	return text
}

var operators = map[string]func(a, b string) bool{
	"=":    func(a, b string) bool { return order(a, b) == 0 },
	"==":   func(a, b string) bool { return order(a, b) == 0 },
	"!=":   func(a, b string) bool { return order(a, b) != 0 },
	"<>":   func(a, b string) bool { return order(a, b) != 0 },
	"<":    func(a, b string) bool { return order(a, b) < 0 },
	"<=":   func(a, b string) bool { return order(a, b) <= 0 },
	">":    func(a, b string) bool { return order(a, b) > 0 },
	">=":   func(a, b string) bool { return order(a, b) >= 0 },
	"like": like,
}

// order compares as numbers if both are numbers, else as text.
func order(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// like matches a pattern with % for any text and _ for any character, in any case.
func like(text, pattern string) bool {
	text, pattern = strings.ToLower(text), strings.ToLower(pattern)
	// star is where to go on when what follows the last % does not match here: one character further.
	i, j, star, mark := 0, 0, -1, 0
	for i < len(text) {
		switch {
		case j < len(pattern) && pattern[j] == '%':
			star, mark = j, i
			j++
		case j < len(pattern) && (pattern[j] == '_' || pattern[j] == text[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[j:], "%") == ""
}
