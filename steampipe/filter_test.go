package steampipe

import "testing"

func TestFilters(t *testing.T) {
	globs := func(patterns ...string) Filter {
		f, err := FilterGlobs(patterns...)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	expression, err := FilterRegexp(`^maps/.*\.BSP$`)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what   string
		filter Filter
		name   string
		want   bool
	}{
		{"nil", nil, "a", true},
		{"path", FilterPaths("Maps/Dust.bsp"), `maps\dust.BSP`, true},
		{"path with backslashes", FilterPaths(`.\Maps\Dust.bsp`), `maps\dust.BSP`, true},
		{"path of a folder", FilterPaths("/maps/"), `Maps\a\b.txt`, true},
		{"path that is a beginning only", FilterPaths("map"), `maps\a`, false},
		{"path of everything", FilterPaths("."), `maps\a`, true},
		{"no path", FilterPaths(), `maps\a`, false},
		{"name anywhere", globs("*.TXT"), `a\b\c.txt`, true},
		{"name anywhere, not within", globs("*.txt"), `a\b\c.txt.gz`, false},
		{"star stays in its part", globs("a/*.txt"), `a\b\c.txt`, false},
		{"star in its part", globs("a/*.txt"), `a\c.txt`, true},
		{"anchored", globs("a/*.txt"), `b\a\c.txt`, false},
		{"anchored with a slash before", globs("/c.txt"), `a\c.txt`, false},
		{"two stars", globs("a/**/c.txt"), `a\x\y\c.txt`, true},
		{"two stars for nothing", globs("a/**/c.txt"), `a\c.txt`, true},
		{"two stars at the end", globs("a/**"), `a\x\y`, true},
		{"folder", globs("a/x"), `a\x\y`, true},
		{"folder with a slash", globs("x/"), `a\x\y`, true},
		{"question mark", globs("?.txt"), `ab.txt`, false},
		{"class", globs("[a-c]x"), `bx`, true},
		{"other class", globs("[!a-c]x"), `bx`, false},
		{"two stars within a part", globs("x**/y"), `xa\b\y`, true},
		{"two stars within a part, and no slash", globs("x**/y"), `xy`, false},
		{"name that no manifest may have", FilterPaths("a"), `\b`, false},
		{"no name", FilterPaths("a"), ``, false},
		{"meaning of regular expressions", globs("a.b+(c)"), `a.b+(c)`, true},
		{"dot is a dot", globs("a.b"), `axb`, false},
		{"several", globs("a", "b"), `b`, true},
		{"regexp", expression, `Maps\x.bsp`, true},
		{"regexp elsewhere", expression, `other\maps\x.bsp`, false},
		{"and", expression.And(globs("x*")), `maps\x.bsp`, true},
		{"and not", expression.And(globs("x*").Not()), `maps\x.bsp`, false},
		{"or", FilterPaths("a").Or(FilterPaths("b")), `b`, true},
		{"neither", FilterPaths("a").Or(FilterPaths("b")), `c`, false},
		{"nil and", Filter(nil).And(FilterPaths("a")), `b`, false},
		{"nil or", Filter(nil).Or(FilterPaths("a")), `b`, true},
	} {
		if got := test.filter.picks(&File{Name: test.name}); got != test.want {
			t.Errorf("%s: %v of %q", test.what, got, test.name)
		}
	}
	for _, bad := range []string{"", "/", "[a", "[]", "[!]", "[z-a]"} {
		if _, err := FilterGlobs(bad); err == nil {
			t.Errorf("pattern %q is taken", bad)
		}
	}
	if _, err := FilterRegexp("("); err == nil {
		t.Error("a wrong expression is taken")
	}
}

func FuzzFilterGlobs(f *testing.F) {
	for _, seed := range []string{"*.txt", "a/**/b", "[!a-c]?", "[", `a\b`, "[[:alpha:]]", "**", "[^a]", "[a&&b]"} {
		f.Add(seed, `a\b.txt`)
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if filter, err := FilterGlobs(pattern); err == nil {
			filter.picks(&File{Name: name})
		}
	})
}
