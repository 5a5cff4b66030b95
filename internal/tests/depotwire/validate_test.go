package depotwire_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

func TestNames(t *testing.T) {
	const plain, windows, refused = 0, 1, 2
	for name, want := range map[string]int{
		strings.Repeat("a/", 127) + "a": plain, strings.Repeat("a/", 128) + "a": refused, strings.Repeat("a", 1024): plain, strings.Repeat("a", 1025): refused,
		"a": plain, `a\b`: plain, "a/b": plain, `a\b/c.txt`: plain, "...": windows, "a..b": plain, ".hidden": plain, "日本語": plain, "console": plain, "com": plain, "com10": plain, "a b": plain, "nul_": plain,
		"": refused, ".": refused, "..": refused, `..\a`: refused, "../a": refused, `a\..\b`: refused, `a\.`: refused, "./a": refused, `a\\b`: refused, "a//b": refused, `a\`: refused, "a/": refused,
		`\a`: refused, "/a": refused, `\\server\share`: refused, `\\?\C:\a`: refused, `C:\a`: refused, "c:a": refused, "C:": refused, "a\x00b": refused, "a\nb": refused, "a\x7F": refused, "a\xFFb": refused,
		"ab:c": windows, `dir\a:b`: windows, "a*": windows, "a?": windows, `a"`: windows, "a<": windows, "a>": windows, "a|": windows, "a.": windows, "a ": windows, `a.\b`: windows, `a \b`: windows,
		"CON": windows, "nul": windows, `a\Aux.txt`: windows, "prn.tar.gz": windows, "COM1": windows, "lpt9.log": windows, "com¹": windows, "con .txt": windows, "conin$": windows, "CONOUT$.x": windows,
		// The worst counts, wherever it stands.
		`CON\..\a`: refused,
	} {
		m := build(depotwire.File{Name: name})
		strict := depotwire.Limits{RefuseWindowsNames: true}
		err := depotwire.Validate(m, strict)
		lenient := depotwire.Validate(m, depotwire.Limits{})
		require.Equal(t, want != plain, err != nil, "%q: %v", name, err)
		require.Equal(t, want == refused || want == windows && runtime.GOOS == "windows", lenient != nil, "%q: %v", name, lenient)
		if err != nil {
			require.ErrorIs(t, err, depotwire.ErrUnsafe)
			require.Len(t, depotwire.Check(m, strict), 1, name)
		}
	}
}

func TestLinks(t *testing.T) {
	for _, test := range []struct {
		name, target string
		ok           bool
	}{
		{"a", "b", true}, {"a", "./b", true}, {`d\a`, "../b", true}, {`d\e\a`, `..\..\b`, true}, {`d\a`, "..", true}, {"a", "lib/b.so.1", true}, {"a", "lib/", true},
		{"a", "", false}, {"a", "/b", false}, {"a", `\b`, false}, {"a", `C:\b`, false}, {"a", "c:b", false}, {"a", "..", false}, {"a", "../b", false}, {`d\a`, "../../b", false},
		{`d\a`, `..\..\b`, false}, {"a", "b/../../c", false}, {"a", "b/../c", false}, {"a", "b\x00", false}, {"a", "b\n", false}, {"a", "\xFF", false}, {"a", "b:c", false}, {"a", "b//c", false}, {"a", `\\server\share`, false},
	} {
		m := build(depotwire.File{Name: test.name, Flags: depotwire.FlagSymlink, LinkTarget: test.target})
		problems := depotwire.Check(m, depotwire.Limits{})
		require.Equal(t, test.ok, len(problems) == 0, "%q -> %q: %v", test.name, test.target, problems)
		require.NoError(t, depotwire.Validate(m, depotwire.Limits{}), "a bad link is left out, the rest goes on")
		if !test.ok {
			require.Equal(t, depotwire.ProblemLink, problems[0].Kind)
			require.False(t, problems[0].Kind.Fatal())
			require.Equal(t, 0, problems[0].Index)
		}
	}
	// A target without the flag is a link to some programs.
	m := build(depotwire.File{Name: "a", LinkTarget: "../b"})
	require.Len(t, depotwire.Check(m, depotwire.Limits{}), 1)
}

func TestTree(t *testing.T) {
	file := func(name string) depotwire.File { return depotwire.File{Name: name} }
	directory := func(name string) depotwire.File {
		return depotwire.File{Name: name, Flags: depotwire.FlagDirectory}
	}
	link := depotwire.File{Name: "l", Flags: depotwire.FlagSymlink, LinkTarget: "d"}
	type found struct {
		kind         depotwire.ProblemKind
		index, other int
	}
	for name, test := range map[string]struct {
		files []depotwire.File
		want  []found
	}{
		"fine":                   {[]depotwire.File{directory("a"), file(`a\b`), file(`a\c\d`), file("ab")}, nil},
		"twice":                  {[]depotwire.File{file("a"), file("b"), file("a")}, []found{{depotwire.ProblemDuplicate, 2, 0}}},
		"twice, other separator": {[]depotwire.File{file(`a\b`), file("a/b")}, []found{{depotwire.ProblemDuplicate, 1, 0}}},
		"directory twice":        {[]depotwire.File{directory("a"), directory("a")}, nil},
		"file and directory":     {[]depotwire.File{directory("a"), file("a")}, []found{{depotwire.ProblemDuplicate, 1, 0}}},
		"case":                   {[]depotwire.File{file(`Data\a`), file(`data\A`)}, []found{{depotwire.ProblemCaseCollision, 1, 0}}},
		"case, not ASCII":        {[]depotwire.File{file("É"), file("é")}, []found{{depotwire.ProblemCaseCollision, 1, 0}}},
		"case of long s":         {[]depotwire.File{file("ſ"), file("s")}, []found{{depotwire.ProblemCaseCollision, 1, 0}}},
		"file as folder":         {[]depotwire.File{file(`a\b`), file("a")}, []found{{depotwire.ProblemParent, 0, 1}}},
		"file far above":         {[]depotwire.File{file("A"), file(`a\b\c\d`)}, []found{{depotwire.ProblemParent, 1, 0}}},
		"through a link":         {[]depotwire.File{link, directory("d"), file(`l\b`)}, []found{{depotwire.ProblemParent, 2, 0}}},
		"through a link in other case": {[]depotwire.File{directory("D"), {Name: "d", Flags: depotwire.FlagSymlink, LinkTarget: "e"}, file(`d\b`)},
			[]found{{depotwire.ProblemCaseCollision, 1, 0}, {depotwire.ProblemParent, 2, 1}}},
		"neighbours": {[]depotwire.File{directory("a"), file(`a\b\c`), file(`a\b`), file(`a\bc\d`), file(`a\bc`)}, []found{{depotwire.ProblemParent, 1, 2}, {depotwire.ProblemParent, 3, 4}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []found
			for _, problem := range depotwire.Check(build(test.files...), depotwire.Limits{}) {
				got = append(got, found{problem.Kind, problem.Index, problem.Other})
				require.NotEmpty(t, problem.Error())
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestChunkRanges(t *testing.T) {
	for name, test := range map[string]struct {
		size   uint64
		chunks []depotwire.Chunk
		want   []depotwire.ProblemKind
	}{
		"fine":           {200, []depotwire.Chunk{chunkAt(0, 100), chunkAt(100, 100)}, nil},
		"gap":            {300, []depotwire.Chunk{chunkAt(50, 100), chunkAt(160, 100)}, nil},
		"empty chunk":    {0, []depotwire.Chunk{chunkAt(0, 0)}, nil},
		"overlap":        {200, []depotwire.Chunk{chunkAt(0, 101), chunkAt(100, 100)}, []depotwire.ProblemKind{depotwire.ProblemOverlap}},
		"past the end":   {199, []depotwire.Chunk{chunkAt(0, 100), chunkAt(100, 100)}, []depotwire.ProblemKind{depotwire.ProblemChunk}},
		"behind the end": {199, []depotwire.Chunk{chunkAt(200, 0)}, []depotwire.ProblemKind{depotwire.ProblemChunk}},
		"overflow":       {200, []depotwire.Chunk{chunkAt(1<<64-50, 100)}, []depotwire.ProblemKind{depotwire.ProblemChunk}},
		"large chunk":    {1 << 30, []depotwire.Chunk{chunkAt(0, 16<<20+1)}, []depotwire.ProblemKind{depotwire.ProblemChunk}},
		"stored larger":  {1 << 30, []depotwire.Chunk{{Size: 1, StoredSize: 1 << 30}}, []depotwire.ProblemKind{depotwire.ProblemChunk}},
		"large file":     {1<<40 + 1, nil, []depotwire.ProblemKind{depotwire.ProblemSize}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []depotwire.ProblemKind
			for _, problem := range depotwire.Check(build(depotwire.File{Name: "a", Size: test.size, Chunks: test.chunks}), depotwire.Limits{}) {
				got = append(got, problem.Kind)
			}
			require.Equal(t, test.want, got)
		})
	}
	m := build(depotwire.File{Name: "a", Flags: depotwire.FlagDirectory, Size: 1, Chunks: []depotwire.Chunk{chunkAt(0, 1)}})
	require.ErrorIs(t, depotwire.Validate(m, depotwire.Limits{}), depotwire.ErrUnsafe)
}

func TestPaths(t *testing.T) {
	require.Equal(t, "a/b/c", depotwire.SlashPath(`a\b/c`))
	require.Equal(t, `a\b\c`, depotwire.ManifestName("a/b/c"))
	require.Equal(t, "Executable|Symlink", (depotwire.FlagExecutable | depotwire.FlagSymlink).String())
	require.Equal(t, "ReadOnly|0x10000", (depotwire.FlagReadOnly | 1<<16).String())
	require.Equal(t, "0", depotwire.Flags(0).String())
}
