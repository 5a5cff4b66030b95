package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
)

func TestParseCommand(t *testing.T) {
	for text, want := range map[string]command{
		`message bob Hello,  "you"  there`:     {verb: "message", who: "bob", text: `Hello,  "you"  there`},
		`message "bob the 2nd" "a\nb \u00e9"`:  {verb: "message", who: "bob the 2nd", text: "a\nb é"},
		`message bob "quoted" and not`:         {verb: "message", who: "bob", text: `"quoted" and not`},
		`message bob "`:                        {verb: "message", who: "bob", text: `"`},
		"MESSAGE\t#20002\thi":                  {verb: "message", who: "#20002", text: "hi"},
		`status playing "Friday night" gm://x`: {verb: "status", status: gp.Playing, text: "Friday night", location: "gm://x"},
		`status Away`:                          {verb: "status", status: gp.Away},
		`status chatting lobby`:                {verb: "status", status: gp.Chatting, text: "lobby"},
		`status online "" gm://x`:              {verb: "status", status: gp.Online, location: "gm://x"},
		`add bob`:                              {verb: "add", who: "bob"},
		`add bob Good game!`:                   {verb: "add", who: "bob", text: "Good game!"},
		`invite bob gm://x`:                    {verb: "invite", who: "bob", location: "gm://x"},
		`accept 7`:                             {verb: "accept", who: "7"},
		`deny`:                                 {verb: "deny", who: "selected"},
		`wait message "Friday night"`:          {verb: "wait", who: "message", text: "Friday night"},
		` roster `:                             {verb: "roster"},
		`quit`:                                 {verb: "quit"},
	} {
		got, err := parseCommand(text, "selected")
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, says := range map[string]string{
		"":                     "no command",
		"dance":                "no such command",
		"message":              "WHO TEXT",
		"message bob":          "something is missing",
		"message bob ":         "something is missing",
		`message "bob hi`:      "no JSON string",
		"status":               "no such status",
		"status sleeping":      `no such status: "sleeping"`,
		`status online "a`:     "no JSON string",
		"accept":               "something is missing",
		"accept bob and cara":  `too much: "and cara"`,
		"add":                  "something is missing",
		"wait":                 "EVENT",
		"quit now":             `too much: "now"`,
		`"quit`:                "no JSON string",
		"roster \x1b[2J":       `"\x1b[2J"`,
		strings.Repeat("x", 9): "no such command",
	} {
		_, err := parseCommand(text, "")
		require.ErrorContains(t, err, says, text)
	}
	require.Contains(t, help(false), "message WHO TEXT")
	require.Contains(t, help(true), "wait EVENT [TEXT]")
}

func TestTextsOfStrangers(t *testing.T) {
	const evil = "a\x1b[2Jb\u009bc\u202ed\U000e0041e\x7f\n"
	require.Equal(t, "a�[2Jb�c�d�e� ", shown(evil))
	require.Equal(t, "one two  three", shown("one\r\ntwo\t\nthree"))
	b, err := json.Marshal(evil)
	require.NoError(t, err)
	escaped := escape(b)
	require.Equal(t, `"a\u001b[2Jb\u009bc\u202ed\udb40\udc41e\u007f\n"`, string(escaped))
	var back string
	require.NoError(t, json.Unmarshal(escaped, &back))
	require.Equal(t, evil, back)
}

func FuzzParseCommand(f *testing.F) {
	f.Add(`message "bob the 2nd" "a\nb"`)
	f.Add(`status playing "Friday night" gm://x`)
	f.Add(`wait message "`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCommand(text, "")
		if err == nil && c.verb == "message" && (c.who == "" || c.text == "") {
			t.Fatalf("%q is no message", text)
		}
	})
}
