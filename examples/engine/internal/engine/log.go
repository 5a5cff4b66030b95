package engine

import (
	"bytes"
	"log/slog"
	"sync"
)

// The levels of Options.LogLevel.
const (
	LogNone = iota
	LogError
	LogWarn
	LogInfo
	LogDebug
)

// logger makes a logger whose lines become events of the object, from a level on; nil for none.
func (o *Object) logger(level int) *slog.Logger {
	if level <= LogNone {
		return nil
	}
	threshold := []slog.Level{LogError: slog.LevelError, LogWarn: slog.LevelWarn, LogInfo: slog.LevelInfo, LogDebug: slog.LevelDebug}[min(level, LogDebug)]
	return slog.New(slog.NewTextHandler(&lineWriter{object: o}, &slog.HandlerOptions{Level: threshold}))
}

// lineWriter makes an event of each line that a handler writes, which is one call each.
type lineWriter struct {
	object *Object
	mu     sync.Mutex
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.object.emit(Event{Type: EventLog, Text: string(bytes.TrimRight(b, "\n"))})
	return len(b), nil
}
