package readme

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packages are those that the migration table names, by the name that a program calls them.
var packages = map[string]string{
	"gp": "gp", "gstats": "gp/gstats", "qr2": "qr2", "cdkey": "qr2/cdkey", "sb": "sb", "natneg": "natneg", "portmap": "natneg/portmap",
}

var (
	code   = regexp.MustCompile("`([^`]+)`")
	goName = regexp.MustCompile(`^(\w+)\.([A-Z]\w*(?:\.[A-Z]\w*)?)$`)
	cName  = regexp.MustCompile(`^(?:relight_|RELIGHT_)\w+$`)
)

// exported is what a package offers, as Name, Type.Method and Type.Field.
func exported(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	embedded := make(map[string][]string) // names of types, by the type in which they are
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
					continue
				}
				names[typeName(d.Recv.List[0].Type)+"."+d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					case *ast.TypeSpec:
						names[s.Name.Name] = true
						structure, ok := s.Type.(*ast.StructType)
						if !ok {
							continue
						}
						for _, field := range structure.Fields.List {
							for _, n := range field.Names {
								names[s.Name.Name+"."+n.Name] = true
							}
							if len(field.Names) == 0 {
								embedded[s.Name.Name] = append(embedded[s.Name.Name], typeName(field.Type))
							}
						}
					}
				}
			}
		}
	}
	for outer, inner := range embedded {
		for name := range names {
			if of, member, ok := strings.Cut(name, "."); ok {
				for _, in := range inner {
					if in == of {
						names[outer+"."+member] = true
					}
				}
			}
		}
	}
	return names
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return typeName(e.X)
	}
	return ""
}

// Whoever moves to Relight looks names up in the migration table: they must be there, in Go and in C.
func TestMigrationTable(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	table, err := os.ReadFile(filepath.Join(root, "examples", "MIGRATION.md"))
	require.NoError(t, err)
	header, err := os.ReadFile(filepath.Join(root, "examples", "engine", "relight.h"))
	require.NoError(t, err)
	inHeader := make(map[string]bool)
	for _, word := range regexp.MustCompile(`\b(?:relight_|RELIGHT_)\w+`).FindAllString(string(header), -1) {
		inHeader[word] = true
	}
	known := make(map[string]map[string]bool)
	for name, dir := range packages {
		known[name] = exported(t, filepath.Join(root, filepath.FromSlash(dir)))
	}
	originals := make(map[string]bool)
	var goNames, cNames int
	for row := range strings.Lines(string(table)) {
		isRow := strings.HasPrefix(row, "| `")
		if isRow {
			columns := strings.Split(strings.TrimSpace(row), " | ")
			require.Len(t, columns, 4, row)
			for _, original := range code.FindAllStringSubmatch(columns[0], -1) {
				assert.False(t, originals[original[1]], "%s has two rows", original[1])
				originals[original[1]] = true
			}
			if columns[1] == "-" && columns[2] == "-" {
				assert.Greater(t, len(strings.Trim(columns[3], " |")), 5, "why is there nothing? %s", row)
			}
		}
		for i, found := range code.FindAllStringSubmatch(row, -1) {
			if isRow && i == 0 {
				continue // an original, however it looks
			}
			if name := goName.FindStringSubmatch(found[1]); name != nil && known[name[1]] != nil {
				goNames++
				assert.True(t, known[name[1]][name[2]], "package %s has no %s", name[1], name[2])
			}
			if cName.MatchString(found[1]) && found[1] != "relight_" {
				cNames++
				assert.True(t, inHeader[found[1]], "relight.h has no %s", found[1])
			}
		}
	}
	// The functions that the originals' headers declare, and three macros.
	assert.Len(t, originals, 93+19+3+51+7+28+10+3, "rows are missing, or made up")
	assert.Greater(t, goNames, 150)
	assert.Greater(t, cNames, 80)
}
