package keyvalues_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/internal/wire/keyvalues"
)

func TestParse(t *testing.T) {
	text := func(key, value string) keyvalues.Node { return keyvalues.Node{Key: key, Value: value} }
	block := func(key string, children ...keyvalues.Node) keyvalues.Node {
		return keyvalues.Node{Key: key, Children: append([]keyvalues.Node{}, children...)}
	}
	for name, test := range map[string]struct {
		in   string
		want []keyvalues.Node
	}{
		"empty":              {"", nil},
		"quoted":             {`"a" "b c"`, []keyvalues.Node{text("a", "b c")}},
		"unquoted":           {"a b", []keyvalues.Node{text("a", "b")}},
		"no white space":     {`a"b""c"{d e}`, []keyvalues.Node{text("a", "b"), block("c", text("d", "e"))}},
		"empty texts":        {`"" ""`, []keyvalues.Node{text("", "")}},
		"empty block":        {"a{}", []keyvalues.Node{block("a")}},
		"repeated keys":      {"a 1 a { b 2 } A 3", []keyvalues.Node{text("a", "1"), block("a", text("b", "2")), text("A", "3")}},
		"escapes":            {`a "\"\\\n\t"`, []keyvalues.Node{text("a", "\"\\\n\t")}},
		"escaped backslash":  {`a "\\n"`, []keyvalues.Node{text("a", `\n`)}},
		"other backslashes":  {`a "C:\Program Files\Steam"`, []keyvalues.Node{text("a", `C:\Program Files\Steam`)}},
		"unquoted backslash": {`a C:\new`, []keyvalues.Node{text("a", `C:\new`)}},
		"comments":           {"// x { \"\na b // y\n//", []keyvalues.Node{text("a", "b")}},
		"URL":                {"a http://b", []keyvalues.Node{text("a", "http://b")}},
		"line in quotes":     {"a \"b\nc\"", []keyvalues.Node{text("a", "b\nc")}},
		"condition of text":  {"a b [$WIN32] c d [!$X360||$PS3]", []keyvalues.Node{text("a", "b"), text("c", "d")}},
		"condition of block": {"a [$WIN32] { b c }", []keyvalues.Node{block("a", text("b", "c"))}},
		"vector":             {"a [1", []keyvalues.Node{text("a", "[1")}},
		"byte order mark":    {"\xEF\xBB\xBFa b", []keyvalues.Node{text("a", "b")}},
		"trailing NUL":       {"a b\n\x00", []keyvalues.Node{text("a", "b")}},
		"Windows lines":      {"a\r\n{\r\n\tb\tc\r\n}\r\n", []keyvalues.Node{block("a", text("b", "c"))}},
	} {
		t.Run(name, func(t *testing.T) {
			root, err := keyvalues.Parse([]byte(test.in), keyvalues.Limits{})
			require.NoError(t, err)
			require.Equal(t, block("", test.want...), root)
			again, err := keyvalues.Parse(root.Append(nil), keyvalues.Limits{})
			require.NoError(t, err)
			require.Equal(t, root, again)
		})
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		in           string
		line, column int
		reason       string
	}{
		"key alone":         {"a b\n  c", 2, 3, "without a value"},
		"key before }":      {"a {\n\tb }", 2, 2, "without a value"},
		"open quote":        {"a b\nc \"d", 2, 3, "quote without its end"},
		"quote ends in \\":  {`a "b\`, 1, 3, "quote without its end"},
		"open block":        {"a\n{\n b c\n", 2, 1, "without its }"},
		"} too many":        {"a { } }", 1, 7, "without its {"},
		"block without key": {"a { { } }", 1, 5, "without a key"},
		"open condition":    {"a b [$WIN32\n]", 1, 5, "without its ]"},
		"page of HTML":      {"<html>\n", 1, 1, "without a value"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keyvalues.Parse([]byte(test.in), keyvalues.Limits{})
			var e *keyvalues.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Reason, test.reason)
			require.Equal(t, [2]int{test.line, test.column}, [2]int{e.Line, e.Column}, e.Error())
			require.NotErrorIs(t, err, keyvalues.ErrLimit)
		})
	}
}

func TestLimits(t *testing.T) {
	limits := keyvalues.Limits{MaxBytes: 100, MaxDepth: 3, MaxKeys: 5}
	for in, ok := range map[string]bool{
		strings.Repeat(" ", 100): true,
		strings.Repeat(" ", 101): false,
		"a{a{a{}}}":              true,
		"a{a{a{a{}}}}":           false,
		"a b c d e f g h i j":    true,
		"a b c d e f g{h i}":     true,
		"a{a b c d e f g h i j}": false,
	} {
		_, err := keyvalues.Parse([]byte(in), limits)
		if ok {
			require.NoError(t, err, in)
		} else {
			require.ErrorIs(t, err, keyvalues.ErrLimit, in)
		}
	}
	_, err := keyvalues.Parse([]byte(strings.Repeat("a{", 1_000_000)), keyvalues.Limits{})
	require.ErrorIs(t, err, keyvalues.ErrLimit)
}

func TestTruncation(t *testing.T) {
	whole := `"a" { "b" "c" "d" { "e" "f" } }`
	for n := 1; n < len(whole); n++ {
		_, err := keyvalues.Parse([]byte(whole[:n]), keyvalues.Limits{})
		require.Error(t, err, whole[:n])
	}
}

func TestFind(t *testing.T) {
	root, err := keyvalues.Parse([]byte(`Software { Valve { x 1 } valve { Steam { CS a } } } Software text`), keyvalues.Limits{})
	require.NoError(t, err)
	value, ok := root.Text("software", "VALVE", "steam", "cs")
	require.True(t, ok)
	require.Equal(t, "a", value)
	_, ok = root.Text("software")
	require.False(t, ok, "a block has no text")
	_, ok = root.Find("software", "valve", "y")
	require.False(t, ok)
	same, ok := root.Find()
	require.True(t, ok)
	require.Equal(t, root, same)
	n := 0
	for range root.All("SOFTWARE") {
		n++
	}
	require.Equal(t, 2, n)
}

func TestRealAppInfo(t *testing.T) {
	root, err := keyvalues.Parse(shared.Read(t, "vectors", "steampipe", "real", "appinfo_480.vdf"), keyvalues.Limits{})
	require.NoError(t, err)
	app := root.Children[0]
	for path, want := range map[string]string{
		"depots/481/manifests/public/gid":      "3183503801510301321",
		"depots/481/manifests/public/download": "797632",
		"depots/481/manifests/previous/size":   "1752776",
		"depots/229006/depotfromapp":           "228980",
		"depots/229006/config/oslist":          "windows",
		"depots/branches/private/pwdrequired":  "1",
		"depots/branches/public/buildid":       "3538192",
		"depots/workshopdepot":                 "480",
	} {
		value, ok := app.Text(strings.Split(path, "/")...)
		require.True(t, ok, path)
		require.Equal(t, want, value, path)
	}
	again, err := keyvalues.Parse(root.Append(nil), keyvalues.Limits{})
	require.NoError(t, err)
	require.Equal(t, root, again)
}

func TestRealServerList(t *testing.T) {
	root, err := keyvalues.Parse(shared.Read(t, "vectors", "steampipe", "directory", "serverlist_seed.vdf"), keyvalues.Limits{})
	require.NoError(t, err)
	host, _ := root.Text("serverlist", "0", "HOST")
	vhost, _ := root.Text("serverlist", "1", "vhost")
	require.Equal(t, "10.0.0.194", host)
	require.Equal(t, "cdn.edgecast.cs.steampowered.com", vhost)
}
