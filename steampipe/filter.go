package steampipe

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Filter picks files, folders and links of a manifest: those that it says true of. What is not picked is neither fetched nor
// checked, reported or removed. Nil picks everything. Filters are made of others with [Filter.And], [Filter.Or] and
// [Filter.Not]; any function will do as one, and may be called by several goroutines at once.
type Filter func(file *File) bool

// picks says whether a file is picked; nil picks all.
func (f Filter) picks(file *File) bool { return f == nil || f(file) }

// And picks what all of them pick.
func (f Filter) And(others ...Filter) Filter {
	return func(file *File) bool {
		if !f.picks(file) {
			return false
		}
		for _, other := range others {
			if !other.picks(file) {
				return false
			}
		}
		return true
	}
}

// Or picks what any of them picks.
func (f Filter) Or(others ...Filter) Filter {
	return func(file *File) bool {
		if f.picks(file) {
			return true
		}
		for _, other := range others {
			if other.picks(file) {
				return true
			}
		}
		return false
	}
}

// Not picks what the filter does not: the way to leave something out.
func (f Filter) Not() Filter {
	return func(file *File) bool { return !f.picks(file) }
}

// FilterPaths picks files by their path, and folders with all that is in them; "." and the empty path are the whole depot. Paths
// have / or \ between their parts and are compared without case (spec steampipe.md §7.4).
func FilterPaths(paths ...string) Filter {
	wanted := make(map[string]bool, len(paths))
	for _, p := range paths {
		wanted[cleanPath(p)] = true
	}
	return func(file *File) bool {
		for name := foldPath(file); ; name = path.Dir(name) {
			if wanted[name] {
				return true
			}
			if name == "." || name == "/" { // the latter of a manifest that nobody has validated
				return false
			}
		}
	}
}

// cleanPath brings a path that somebody typed into the form that names are compared in.
func cleanPath(p string) string {
	return path.Clean(strings.TrimLeft(strings.ToLower(strings.ReplaceAll(p, `\`, "/")), "/"))
}

// FilterGlobs picks by patterns, compared without case: * stands for any characters of a part of the path, ** for any parts, ?
// for one character, and [a-z] for one of a class, [!a-z] for one of the others. A pattern without / is compared with the
// last part alone, wherever the file lies; one that fits a folder picks all that is in it. \ is a / too, so that nothing is
// quoted with it.
func FilterGlobs(patterns ...string) (Filter, error) {
	expressions := make([]string, len(patterns))
	for i, pattern := range patterns {
		expression, err := globExpression(pattern)
		if err != nil {
			return nil, &Error{Step: StepPlan, Err: fmt.Errorf("pattern %q: %w", pattern, err)}
		}
		expressions[i] = expression
	}
	return FilterRegexp(expressions...)
}

// globExpression turns a pattern into a regular expression for paths.
func globExpression(pattern string) (string, error) {
	glob := strings.TrimPrefix(strings.ReplaceAll(pattern, `\`, "/"), "./")
	var b strings.Builder
	if !strings.Contains(strings.TrimSuffix(glob, "/"), "/") {
		b.WriteString("(?:^|/)")
	} else {
		b.WriteString("^")
	}
	glob = strings.Trim(glob, "/")
	if glob == "" {
		return "", fmt.Errorf("empty")
	}
	for begins := true; len(glob) > 0; { // whether a part of the path begins here
		began := begins
		begins = false
		switch {
		case began && strings.HasPrefix(glob, "**/"):
			begins = true
			b.WriteString("(?:[^/]*/)*")
			glob = glob[3:]
		case strings.HasPrefix(glob, "**"):
			b.WriteString(".*")
			glob = glob[2:]
		case glob[0] == '*':
			b.WriteString("[^/]*")
			glob = glob[1:]
		case glob[0] == '?':
			b.WriteString("[^/]")
			glob = glob[1:]
		case glob[0] == '[':
			end := strings.IndexByte(glob[1:], ']')
			if end < 1 {
				return "", fmt.Errorf("a [ without its ]")
			}
			class, negated := strings.CutPrefix(glob[1:1+end], "!")
			if class == "" {
				return "", fmt.Errorf("an empty class")
			}
			b.WriteByte('[')
			if negated {
				b.WriteString("^/")
			}
			b.WriteString(strings.NewReplacer("[", `\[`, "^", `\^`, "&", `\&`).Replace(class))
			b.WriteByte(']')
			glob = glob[end+2:]
		default:
			end := strings.IndexAny(glob, "*?[")
			if end < 0 {
				end = len(glob)
			}
			b.WriteString(regexp.QuoteMeta(glob[:end]))
			begins = glob[end-1] == '/'
			glob = glob[end:]
		}
	}
	b.WriteString("(?:/|$)")
	return b.String(), nil
}

// FilterRegexp picks what any of the regular expressions fits. They see paths with /, and do not tell case apart.
func FilterRegexp(expressions ...string) (Filter, error) {
	compiled := make([]*regexp.Regexp, len(expressions))
	for i, expression := range expressions {
		r, err := regexp.Compile("(?i)" + expression)
		if err != nil {
			return nil, &Error{Step: StepPlan, Err: err}
		}
		compiled[i] = r
	}
	return func(file *File) bool {
		name := file.Path()
		for _, r := range compiled {
			if r.MatchString(name) {
				return true
			}
		}
		return false
	}, nil
}
