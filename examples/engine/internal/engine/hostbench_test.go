package engine

import "testing"

// BenchmarkFeedQuery is what a browser's question costs an engine that has the socket: relight_feed without the border between
// C and Go, the answer, and the poll that brings the bytes to send.
func BenchmarkFeedQuery(b *testing.B) {
	library := New(Platform{})
	handle, err := library.NewHost(HostConfig{Game: "gmtest", Flags: HostNotPublic | HostEngineSocket, Bind: "127.0.0.1:7777", AnswerRate: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer library.Close(handle)
	h, err := Find[*Host](library, handle)
	if err != nil {
		b.Fatal(err)
	}
	for _, err := range []error{h.SetServer("hostname", "Friday night"), h.SetServer("mapname", "dm_bay"), h.SetPlayer(0, "player_", "ann"), h.Commit()} {
		if err != nil {
			b.Fatal(err)
		}
	}
	query := []byte{0xfe, 0xfd, 0, 1, 2, 3, 4, 0xff, 0, 0} // all server keys
	b.ReportAllocs()
	for b.Loop() {
		if ours, err := h.Feed(query, "192.0.2.1:6500"); !ours || err != nil {
			b.Fatal(ours, err)
		}
		o, events, err := library.Take(handle, 1)
		if err != nil || len(events) != 1 || events[0].Type != EventSend {
			b.Fatal(events, err)
		}
		o.Release()
	}
}
