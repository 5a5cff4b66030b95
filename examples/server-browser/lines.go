package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"unicode"
	"unicode/utf8"

	"github.com/relight-sdk/relight/sb"
)

// printOnce prints the list, in order, once every server was asked.
func printOnce(ctx context.Context, f *feed, out io.Writer) error {
	if err := f.Once(ctx); err != nil {
		return err
	}
	match, err := parseFilter(f.options.filter)
	if err != nil {
		return err
	}
	for server := range f.options.sort.sorted(f.list.Snapshot(), match).Servers() {
		if err := printLine(out, "", server); err != nil {
			return err
		}
	}
	return nil
}

// printLive prints a server whenever something about it is new, with what that is as "event", until ctx ends.
func printLive(ctx context.Context, f *feed, out io.Writer) error {
	match, err := parseFilter(f.options.filter)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		f.run(ctx)
	}()
	defer func() {
		cancel()
		<-stopped
	}()
	watch := f.list.Watch()
	defer watch.Close()
	shown := make(map[netip.AddrPort]bool)
	for event := range watch.Events(ctx) {
		name, server := "", sb.Server{}
		switch e := event.(type) {
		case sb.ServerAdded:
			server = e.Server
		case sb.ServerUpdated:
			server = e.Server
		case sb.ServerRemoved:
			name, server = "removed", e.Server
		}
		switch {
		case name == "" && match(server):
			if name = "changed"; !shown[server.Addr] {
				name = "added"
			}
			shown[server.Addr] = true
		case shown[server.Addr]: // it is gone, or not what was asked for any more
			name = "removed"
			delete(shown, server.Addr)
		default:
			continue
		}
		if err := printLine(out, name, server); err != nil {
			return err
		}
	}
	return nil
}

// printLine prints a server as one JSON object, beginning with the event if there is one.
func printLine(out io.Writer, event string, server sb.Server) error {
	line, err := json.Marshal(server)
	if err != nil {
		return err
	}
	if event != "" {
		line = append(fmt.Appendf(nil, "{\"event\":%q,", event), line[1:]...)
	}
	_, err = out.Write(append(harmless(line), '\n'))
	return err
}

// harmless escapes what JSON allows in texts and a terminal may take for a command, such as U+009B.
func harmless(line []byte) []byte {
	suspicious := func(r rune) bool { return r > '~' && r != utf8.RuneError && !unicode.IsGraphic(r) && r <= 0xFFFF }
	if !bytes.ContainsFunc(line, suspicious) {
		return line
	}
	escaped := make([]byte, 0, len(line)+16)
	for _, r := range string(line) {
		if suspicious(r) {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
			continue
		}
		escaped = utf8.AppendRune(escaped, r)
	}
	return escaped
}
