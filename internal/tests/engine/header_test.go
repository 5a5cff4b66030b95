package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
)

// header is what the tests find in relight.h.
type header struct {
	functions []string
	codes     []string            // names of errors and results
	structs   map[string][]member // by name
	order     []string            // of structs
}

type member struct {
	name    string
	pointer bool
}

var (
	comment   = regexp.MustCompile(`(?s)/\*.*?\*/`)
	function  = regexp.MustCompile(`RELIGHT_CALL (relight_\w+)\(`)
	code      = regexp.MustCompile(`(?m)^#define (RELIGHT_(?:E[A-Z0-9]+|OK|EVENT)) \(?-?\d+\)?`)
	numbered  = regexp.MustCompile(`(?m)^#define (RELIGHT_(?:EV_\w+|E[A-Z0-9]+)) \(?(-?\d+)\)?`)
	section   = regexp.MustCompile(`(?s)/\* ==== (\w+): events (\d+)-\d+(.*?)/\* ==== end of`)
	structure = regexp.MustCompile(`(?s)typedef struct (relight_\w+) \{(.*?)\} relight_\w+;`)
	pointerTo = regexp.MustCompile(`^RELIGHT_POINTER\([^,]+, (\w+)\)$`)
	plain     = regexp.MustCompile(`^u?int(?:32|64)_t (\w+)(?:\[\d+\])?$`)
)

func readHeader(t *testing.T) header {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "relight.h"))
	require.NoError(t, err)
	clear := comment.ReplaceAllString(string(text), "")
	h := header{structs: map[string][]member{}}
	for _, found := range function.FindAllStringSubmatch(clear, -1) {
		h.functions = append(h.functions, found[1])
	}
	for _, found := range code.FindAllStringSubmatch(clear, -1) {
		h.codes = append(h.codes, found[1])
	}
	for _, found := range structure.FindAllStringSubmatch(clear, -1) {
		if found[1] == "relight_handler" {
			continue // stays on the caller's side
		}
		var members []member
		for field := range strings.SplitSeq(strings.TrimSpace(found[2]), ";") {
			field = strings.TrimSpace(field)
			if field == "" {
				continue
			}
			if is := pointerTo.FindStringSubmatch(field); is != nil {
				members = append(members, member{is[1], true})
				continue
			}
			is := plain.FindStringSubmatch(field)
			require.NotNil(t, is, "%s has a field that is neither an integer of fixed width nor RELIGHT_POINTER: %s", found[1], field)
			members = append(members, member{is[1], false})
		}
		h.structs[found[1]], h.order = members, append(h.order, found[1])
	}
	require.Greater(t, len(h.functions), 20)
	require.Greater(t, len(h.codes), 15)
	require.Greater(t, len(h.order), 4)
	return h
}

// compilers make code for machines that lay out structs differently when left to themselves.
var compilers = []struct {
	name  string
	words []string
	cpp   string // the same for C++
}{
	{"Linux, 64 bits", []string{"gcc"}, "g++"},
	{"Linux, 32 bits", []string{"gcc", "-m32"}, "g++"},
	{"Windows, 64 bits", []string{"x86_64-w64-mingw32-gcc"}, ""},
	{"Windows, 32 bits", []string{"i686-w64-mingw32-gcc"}, ""},
}

// compile compiles a source without linking it.
func compile(t *testing.T, words []string, source string, flags ...string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the compilers of these tests are Linux's")
	}
	path := filepath.Join(t.TempDir(), "source.c")
	require.NoError(t, os.WriteFile(path, []byte(source), 0o600))
	arguments := append(append([]string{}, words[1:]...), "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", folder, "-fsyntax-only")
	run(t, exec.CommandContext(t.Context(), peers.Program(t, words[0]), append(append(arguments, flags...), path)...))
}

func TestHeaderCompilesAlone(t *testing.T) {
	const source = "#include \"relight.h\"\n#include \"relight.h\"\nint main(void) { relight_event ev; RELIGHT_INIT(ev); return relight_dispatch(0, 0, 0, 0); }\n"
	for _, compiler := range compilers {
		for standard, flags := range map[string][]string{
			"C89":   {"-std=c89"},
			"C99":   {"-std=c99"},
			"C17":   {"-std=c17"},
			"C++98": {"-x", "c++", "-std=c++98"},
			"C++20": {"-x", "c++", "-std=c++20"},
		} {
			isCPP := slices.Contains(flags, "c++")
			if isCPP && compiler.cpp == "" {
				continue // Debian has mingw's C++ in packages of its own, and the layout is C's
			}
			t.Run(compiler.name+", "+standard, func(t *testing.T) {
				words := slices.Clone(compiler.words)
				if isCPP {
					words[0] = compiler.cpp
				}
				compile(t, words, source, flags...)
			})
		}
	}
}

// Structs have the same sizes and offsets everywhere, so that bindings of script engines can be written once.
func TestLayoutIsTheSameEverywhere(t *testing.T) {
	h := readHeader(t)
	var source strings.Builder
	source.WriteString("#include \"relight.h\"\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n")
	for _, name := range h.order {
		fmt.Fprintf(&source, "printf(\"sizeof(%s) %%d\\n\", (int)sizeof(%s));\n", name, name)
		for _, m := range h.structs[name] {
			fmt.Fprintf(&source, "printf(\"offsetof(%s,%s) %%d\\n\", (int)offsetof(%s, %s));\n", name, m.name, name, m.name)
		}
	}
	source.WriteString("return 0; }\n")
	if runtime.GOOS != "linux" {
		t.Skip("the compilers of these tests are Linux's")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "layout.c"), []byte(source.String()), 0o600))
	run(t, exec.CommandContext(t.Context(), peers.Program(t, "gcc"), "-I", folder, "-o", filepath.Join(dir, "layout"), filepath.Join(dir, "layout.c")))
	layout := strings.Split(strings.TrimSpace(run(t, exec.CommandContext(t.Context(), filepath.Join(dir, "layout")))), "\n")

	at := map[string]int{}
	var checks strings.Builder
	checks.WriteString("#include \"relight.h\"\n#include <stddef.h>\n")
	for i, line := range layout {
		what, number, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		at[what] = n
		fmt.Fprintf(&checks, "typedef char check%d[%s == %d ? 1 : -1];\n", i, what, n)
	}
	for _, name := range h.order {
		require.Zero(t, at["sizeof("+name+")"]%8, "the size of %s", name)
		if name != "relight_field" {
			require.Equal(t, "size", h.structs[name][0].name, "the first field of %s", name)
		}
		for _, m := range h.structs[name] {
			if m.pointer {
				require.Zero(t, at["offsetof("+name+","+m.name+")"]%8, "%s.%s", name, m.name)
			}
		}
	}
	// What is written into bindings by hand.
	require.Equal(t, 120, at["sizeof(relight_event)"])
	require.Equal(t, 16, at["sizeof(relight_field)"])
	for _, compiler := range compilers {
		t.Run(compiler.name, func(t *testing.T) { compile(t, compiler.words, checks.String(), "-std=c89") })
	}
}

// Each subsystem has its own hundred of numbers for events and for errors, and no number is there twice.
func TestNumbers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(folder, "relight.h"))
	require.NoError(t, err)
	names := map[int]string{}
	sections := section.FindAllStringSubmatch(string(text), -1)
	require.Len(t, sections, 7)
	for _, found := range sections {
		first, err := strconv.Atoi(found[2])
		require.NoError(t, err)
		for _, define := range numbered.FindAllStringSubmatch(found[3], -1) {
			number, err := strconv.Atoi(define[2])
			require.NoError(t, err)
			if number == 0 || number == 1 && define[1] == "RELIGHT_EVENT" {
				continue // results
			}
			require.Empty(t, names[number], "%s has the number of another", define[1])
			names[number] = define[1]
			require.Equal(t, first/100, max(number, -number)/100, "%s is %d, in the section %s", define[1], number, found[1])
		}
	}
}
