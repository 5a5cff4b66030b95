package sbfilter

import (
	"errors"
	"fmt"
	"strings"
)

// maxDepth bounds the parentheses of a filter.
const maxDepth = 64

// Parse reads an expression: = == != <> < <= > >= like, is null, is not null, and, or, not, parentheses, quotes ' and ".
// The empty text is nil, which is always true.
func Parse(text string) (Expr, error) {
	tokens, err := scan(text)
	if err != nil || len(tokens) == 0 {
		return nil, err
	}
	p := parser{tokens: tokens}
	e, err := p.or(0)
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("unexpected %q", p.tokens[0].text)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
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

func (p *parser) or(depth int) (Expr, error) {
	left, err := p.and(depth)
	parts := Or{left}
	for err == nil && p.word("or") {
		left, err = p.and(depth)
		parts = append(parts, left)
	}
	if len(parts) == 1 {
		return left, err
	}
	return parts, err
}

func (p *parser) and(depth int) (Expr, error) {
	left, err := p.term(depth)
	parts := And{left}
	for err == nil && p.word("and") {
		left, err = p.term(depth)
		parts = append(parts, left)
	}
	if len(parts) == 1 {
		return left, err
	}
	return parts, err
}

func (p *parser) term(depth int) (Expr, error) {
	if depth > maxDepth {
		return nil, errors.New("too many parentheses")
	}
	if p.word("not") {
		x, err := p.term(depth + 1)
		return Not{x}, err
	}
	if p.word("(") {
		x, err := p.or(depth + 1)
		if err == nil && !p.word(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return x, err
	}
	return p.comparison()
}

func (p *parser) comparison() (Expr, error) {
	left, err := p.next()
	if err != nil {
		return nil, err
	}
	if left.symbol {
		return nil, fmt.Errorf("unexpected %q", left.text)
	}
	if p.word(isKeyword) {
		not := p.word("not")
		if !p.word("null") {
			return nil, errors.New(`"is" without "null"`)
		}
		return Null{left.text, not}, nil
	}
	operator, err := p.next()
	if err != nil {
		return nil, err
	}
	op, ok := operators[strings.ToLower(operator.text)]
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
	return Compare{Operand{left.text, left.quoted}, op, Operand{right.text, right.quoted}}, nil
}

var operators = map[string]Op{
	"=": Equal, "==": Equal, "!=": NotEqual, "<>": NotEqual, "<": Less, "<=": AtMost, ">": Greater, ">=": AtLeast, "like": Like,
}
