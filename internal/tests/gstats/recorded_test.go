package gstats_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

// What the original sent to real servers is read, and written again byte for byte, however it is cut.
func TestRecordedOriginal(t *testing.T) {
	for name, want := range map[string]int{
		"openspy-csdk": 21, "openspy-csdk-games": 11, "openspy-csdk-after": 5, "wfc-csdk": 20, "dwc-csdk": 18, "kr4uzi-csdk": 12,
	} {
		t.Run(name, func(t *testing.T) {
			file := transcript.Load(t, "testdata/"+name+".json")
			count := 0
			for _, label := range file.Labels() {
				stream := transcript.Bytes(file.Conn(label), transcript.ClientToServer)
				var again []byte
				for _, body := range split(t, stream) {
					message, err := gstatswire.FromClient(body)
					require.NoError(t, err, "%q", body)
					again, err = gstatswire.AppendFrame(again, message)
					require.NoError(t, err)
					count++
				}
				require.Equal(t, string(stream), string(again))
			}
			require.Equal(t, want, count)
		})
	}
}

// split cuts a stream into messages, twice: whole, and byte by byte.
func split(t *testing.T, stream []byte) (bodies [][]byte) {
	t.Helper()
	whole, pieces := gstatswire.Splitter(0), gstatswire.Splitter(0)
	next := func(splitter interface {
		Next() ([]byte, bool, error)
	}) (bodies [][]byte) {
		for {
			body, ok, err := splitter.Next()
			require.NoError(t, err)
			if !ok {
				return bodies
			}
			bodies = append(bodies, gstatswire.Uncover(slices.Clone(body)))
		}
	}
	whole.Append(stream)
	bodies = next(whole)
	var again [][]byte
	for i := range stream {
		pieces.Append(stream[i : i+1])
		again = append(again, next(pieces)...)
	}
	require.Equal(t, bodies, again)
	require.Empty(t, whole.Pending())
	require.Empty(t, pieces.Pending())
	return bodies
}

// Every answer of the real servers is read, and is the text that the probe which recorded it read by its own means.
func TestRecordedServers(t *testing.T) {
	for _, name := range []string{"openspy", "openspy-idle", "wfc", "dwc", "kr4uzi"} {
		t.Run(name, func(t *testing.T) {
			file := transcript.Load(t, "testdata/"+name+".json")
			answers := notes(t, name)
			for _, label := range file.Labels() {
				bodies := split(t, transcript.Bytes(file.Conn(label), transcript.ServerToClient))
				greeting, err := gstatswire.FromServer(bodies[0])
				require.NoError(t, err)
				require.Len(t, greeting.(*gstatswire.Greeting).Challenge, 10)
				var texts []string
				for _, body := range bodies[1:] {
					message, err := gstatswire.FromServer(body)
					require.NoError(t, err, "%s: %q", label, body)
					if _, ok := message.(*gstatswire.KeepAlive); ok && name == "openspy-idle" {
						continue // that comes by itself, after ten minutes, is no answer
					}
					texts = append(texts, string(body))
				}
				var want []string
				for _, answer := range answers[label] {
					want = append(want, answer.texts...)
				}
				require.Equal(t, want, texts, label)
			}
		})
	}
}

// answer is what the probe noted: the operation, and the texts of the answers.
type answer struct {
	note  string
	texts []string
}

// notes are the answers of each connection in order.
func notes(t *testing.T, name string) map[string][]answer {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	var file struct {
		Events []struct {
			Conn, Note string
			M          []string
		}
	}
	require.NoError(t, json.Unmarshal(b, &file))
	label := ""
	answers := make(map[string][]answer)
	for _, event := range file.Events {
		if event.Conn != "" {
			label = event.Conn
			continue
		}
		a := answer{note: event.Note}
		for _, text := range event.M {
			latin1 := make([]byte, 0, len(text))
			for _, r := range strings.TrimPrefix(text, "(clear) ") {
				latin1 = append(latin1, byte(r))
			}
			a.texts = append(a.texts, string(latin1))
		}
		answers[label] = append(answers[label], a)
	}
	return answers
}

// What the servers do differently from each other, as it was recorded. nil is silence.
func TestRecordedDifferences(t *testing.T) {
	const (
		openspy = 10001
		wfc     = 1000000003
		dwc     = 1
	)
	data := func(pid int32, modified int64, text string) *gstatswire.DataReply {
		return &gstatswire.DataReply{Success: true, LocalID: 1, ProfileID: pid, Modified: modified, Data: []byte(text)}
	}
	for _, test := range []struct {
		server, conn, note string
		want               gstatswire.Message
	}{
		// A record that is not there; only wfc tells it from an empty one.
		{"openspy", "data", "getpd, nothing there", data(openspy, 0, "")},
		{"wfc", "data", "getpd, nothing there", &gstatswire.DataReply{Success: true, LocalID: 1, ProfileID: wfc, Missing: true}},
		{"dwc", "data", "getpd, nothing there", data(dwc, 1795240912, "")},
		{"kr4uzi", "data", "getpd, nothing there", nil},
		// openspy has two stores, and only a request without the pair "keys" reads the one of blobs; dwc does not answer that.
		{"openspy", "data", "getpd without keys", data(openspy, 0, "hello")},
		{"openspy", "data", "getpd with empty keys", data(openspy, 0, "")},
		{"wfc", "data", "getpd without keys", data(wfc, 1795240874, "hello")},
		{"wfc", "data", "getpd with empty keys", data(wfc, 1795240874, "hello")},
		{"dwc", "data", "getpd without keys", nil},
		{"dwc", "data", "getpd with empty keys", data(dwc, 1795240914, "")},
		// Separators; wfc gives everything, and has forgotten what was not set again.
		{"openspy", "data", "getpd one key", data(openspy, 1795240834, "\x01a\x011")},
		{"wfc", "data", "getpd one key", data(wfc, 1795240876, `\a\1\b\2`)},
		{"dwc", "data", "getpd one key", data(dwc, 1795240915, `\a\1`)},
		{"openspy", "data", "getpd two keys", data(openspy, 1795240836, "\x01a\x011\x01b\x013")},
		{"wfc", "data", "getpd two keys", data(wfc, 1795240878, `\b\3`)},
		{"dwc", "data", "getpd two keys", data(dwc, 1795240917, `\a\1\b\3`)},
		// Only openspy looks at the time.
		{"openspy", "data", "getpd modified since the future", data(openspy, 0, "")},
		{"wfc", "data", "getpd modified since the future", data(wfc, 1795240878, `\b\3`)},
		{"dwc", "data", "getpd modified since the future", data(dwc, 1795240917, `\a\1`)},
		// wfc and dwc answer with the local id of the player's authentication.
		{"openspy", "lids", "getpd with lid 5, then 6", &gstatswire.DataReply{Success: true, LocalID: 5, ProfileID: openspy, Modified: 1795240834, Data: []byte("\x01a\x011")}},
		{"wfc", "lids", "getpd with lid 5, then 6", data(wfc, 1795240884, `\a\4`)},
		{"dwc", "lids", "getpd with lid 5, then 6", data(dwc, 1795240929, `\a\4`)},
		{"openspy", "data", "ka", nil},
		{"wfc", "data", "ka", &gstatswire.KeepAlive{}},
		{"dwc", "data", "ka", &gstatswire.KeepAlive{}},
		{"kr4uzi", "data", "ka", nil},
		// Nobody has authenticated: silence is openspy's answer to a write.
		{"openspy", "before", "setpd before authp", nil},
		{"wfc", "before", "getpd public before authp", &gstatswire.ErrorReply{Code: 2, Fatal: true, Text: "This request cannot be processed because you are not logged in."}},
		{"openspy", "private", "getpd private before authp", &gstatswire.ErrorReply{Code: 2, Fatal: true, Text: "The request cannot be processed because user has not logged in. "}},
		{"openspy", "wrong-secret", "auth", &gstatswire.ErrorReply{Code: 7, Fatal: true, Text: "The server has closed the connection."}},
		{"kr4uzi", "wrong-secret", "auth", &gstatswire.ErrorReply{Fatal: true, Text: "Invalid Response!"}},
		{"openspy", "wrong-password", "authp", &gstatswire.PlayerReply{ProfileID: -1, LocalID: 1, Error: "The password provided was incorrect."}},
		{"wfc", "wrong-password", "authp", &gstatswire.PlayerReply{ProfileID: -3, LocalID: 1, Error: "Invalid Validation"}},
		{"dwc", "wrong-password", "authp", &gstatswire.PlayerReply{ProfileID: -3, LocalID: 1, Error: "Invalid Validation"}},
		{"kr4uzi", "wrong-password", "authp", &gstatswire.PlayerReply{ProfileID: -1, LocalID: 1}},
		{"openspy", "last", "getpid", &gstatswire.ProfileIDReply{ProfileID: 10003, LocalID: 1}},
		{"openspy", "last", "getpid of no key", &gstatswire.ProfileIDReply{ProfileID: -1, LocalID: 2, Error: "The cdkey is invalid. "}},
		// Whoever fails with a CD key is somebody else on openspy.
		{"openspy", "last", "authp cd key wrong", &gstatswire.PlayerReply{ProfileID: 10004, LocalID: 4}},
		{"kr4uzi", "last", "getpid", nil},
	} {
		t.Run(test.server+" "+test.note, func(t *testing.T) {
			i := slices.IndexFunc(notes(t, test.server)[test.conn], func(a answer) bool { return a.note == test.note })
			require.GreaterOrEqual(t, i, 0)
			texts := notes(t, test.server)[test.conn][i].texts
			if test.want == nil {
				require.Empty(t, texts)
				return
			}
			require.Len(t, texts, 1)
			got, err := gstatswire.FromServer([]byte(texts[0]))
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}
