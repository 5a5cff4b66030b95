package sb

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/relight-sdk/relight/internal/wire/sbfilter"
)

// Expr is a condition on servers: built with [Where], [All], [Any] and [Not], or read by [ParseFilter]. It goes to the master
// as Query.Where, or is applied here with Match. The zero value is always true.
//
// What is built cannot be more than it seems: names and texts that would end early, or that masters would read differently,
// are an error of Filter, and so of the list. What masters take (spec servers.md §4; their sources):
//   - OpenSpy takes comparisons, like, is null, and, or. Not and Present select nothing there, and neither does a name that
//     begins with and, or, is, not, null or like, which it takes for that word. It compares texts with < and > by their length.
//   - wfc-server knows neither is null nor not; its like has no blank, dot or dash in the pattern and minds the case. A
//     filter that it cannot read lists nothing.
//   - AltWFC (DWC) has no is null and no not, and is silent to what it cannot read.
//   - kr4uzi lists nothing if it cannot read a filter; UniSpy does not look at it; Crymp must not be sent one at all.
//
// So the plain kind works everywhere that anything does: names of letters and digits, compared with whole numbers that are
// not negative, or with texts for being the same, joined by All and Any.
type Expr struct {
	node sbfilter.Expr
	err  error
}

// Operand is a field in a condition: see [Where].
type Operand string

// Where begins a condition on a field, or on one of the Keys such as KeyPing (which masters do not know):
//
//	sb.All(sb.Where("numplayers").Greater(0), sb.Any(sb.Where("mapname").Is("dm_bay"), sb.Where("gametype").Like("ctf%")))
func Where(field string) Operand { return Operand(field) }

// Is wants this text, or this number if both are one.
func (o Operand) Is(text string) Expr { return o.compare(sbfilter.Equal, text) }

// IsNot wants another text.
func (o Operand) IsNot(text string) Expr { return o.compare(sbfilter.NotEqual, text) }

// Like wants a text with a pattern, in which % stands for any text and _ for any character, in any case of letters.
func (o Operand) Like(pattern string) Expr { return o.compare(sbfilter.Like, pattern) }

// Equal wants this number.
func (o Operand) Equal(number int) Expr { return o.number(sbfilter.Equal, number) }

// NotEqual wants another number.
func (o Operand) NotEqual(number int) Expr { return o.number(sbfilter.NotEqual, number) }

// Less wants a smaller number.
func (o Operand) Less(number int) Expr { return o.number(sbfilter.Less, number) }

// AtMost wants this number or a smaller one.
func (o Operand) AtMost(number int) Expr { return o.number(sbfilter.AtMost, number) }

// Greater wants a larger number.
func (o Operand) Greater(number int) Expr { return o.number(sbfilter.Greater, number) }

// AtLeast wants this number or a larger one.
func (o Operand) AtLeast(number int) Expr { return o.number(sbfilter.AtLeast, number) }

// LessThan wants a number that is smaller than another field's: numplayers than maxplayers.
func (o Operand) LessThan(field string) Expr {
	e := o.compare(sbfilter.Less, "")
	if e.err == nil {
		e.err = checkField(field)
	}
	if compare, ok := e.node.(sbfilter.Compare); ok {
		compare.Right = sbfilter.Operand{Text: field}
		e.node = compare
	}
	return e
}

// Missing wants servers without the field, or with an empty one.
func (o Operand) Missing() Expr { return Expr{sbfilter.Null{Name: string(o)}, checkField(string(o))} }

// Present wants servers that have something in the field.
func (o Operand) Present() Expr {
	return Expr{sbfilter.Null{Name: string(o), Not: true}, checkField(string(o))}
}

func (o Operand) compare(op sbfilter.Op, text string) Expr {
	return Expr{sbfilter.Compare{Left: sbfilter.Operand{Text: string(o)}, Op: op, Right: sbfilter.Operand{Text: text, Quoted: true}}, checkField(string(o))}
}

func (o Operand) number(op sbfilter.Op, number int) Expr {
	return Expr{sbfilter.Compare{Left: sbfilter.Operand{Text: string(o)}, Op: op, Right: sbfilter.Operand{Text: strconv.Itoa(number)}}, checkField(string(o))}
}

func checkField(name string) error {
	if _, number := sbfilter.Number(name); number {
		return fmt.Errorf("%w: %q is a number", sbfilter.ErrName, name)
	}
	return nil
}

// All is true if all of the conditions are. Empty ones do not count.
func All(conditions ...Expr) Expr {
	var parts sbfilter.And
	var errs []error
	for _, c := range conditions {
		if c.node != nil {
			parts = append(parts, c.node)
		}
		errs = append(errs, c.err)
	}
	return Expr{joinParts(parts), errors.Join(errs...)}
}

func joinParts(parts sbfilter.And) sbfilter.Expr {
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	return parts
}

// Any is true if one of the conditions is. With an empty one among them, or none at all, it always is.
func Any(conditions ...Expr) Expr {
	var parts sbfilter.Or
	var errs []error
	always := len(conditions) == 0
	for _, c := range conditions {
		always = always || c.node == nil
		parts = append(parts, c.node)
		errs = append(errs, c.err)
	}
	switch {
	case always:
		return Expr{err: errors.Join(errs...)}
	case len(parts) == 1:
		return conditions[0]
	}
	return Expr{parts, errors.Join(errs...)}
}

// Not is true if the condition is not. Many masters cannot do it: see [Expr].
func Not(condition Expr) Expr { return Expr{sbfilter.Not{X: condition.node}, condition.err} }

// ParseFilter reads a filter in the language of the masters: = == != <> < <= > >= like, is null, is not null, and, or, not,
// parentheses, quotes ' and ". It is what a player types to search the servers that are here; to the master, Query.Filter
// goes as it is.
func ParseFilter(text string) (Expr, error) {
	node, err := sbfilter.Parse(text)
	if err != nil {
		return Expr{}, &Error{Op: "filter", Reason: text, Err: err}
	}
	return Expr{node: node}, nil
}

// Match reports whether a server meets the condition, as far as its fields are known. It fits Snapshot.Filter.
func (e Expr) Match(server Server) bool {
	if e.err != nil {
		return false
	}
	return e.node == nil || e.node.Match(server.lookup)
}

// Filter writes the condition for the master.
func (e Expr) Filter() (string, error) {
	text, err := sbfilter.Format(e.node)
	if err = errors.Join(e.err, err); err != nil {
		return "", &Error{Op: "filter", Err: err}
	}
	return text, nil
}

// String is Filter for people: with the error in place of what cannot be written.
func (e Expr) String() string {
	text, err := e.Filter()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return text
}
