package engine

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
)

// The levels of Options.LogLevel.
const (
	LogNone  = 0
	LogError = 1
	LogWarn  = 2
	LogInfo  = 3
	LogDebug = 4
)

// logger makes a logger whose records become events of the object, from a level on; nil for none.
func (o *Object) logger(level int) *slog.Logger {
	if level <= LogNone {
		return nil
	}
	sink := &logSink{object: o}
	options := &slog.HandlerOptions{
		Level: [...]slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug}[min(level, LogDebug)-1],
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{} // they have slots of their own
			}
			return a
		},
	}
	return slog.New(&logHandler{sink: sink, text: slog.NewTextHandler(&sink.line, options)})
}

// logSink is what the handlers of one logger share.
type logSink struct {
	object *Object
	mu     sync.Mutex
	line   bytes.Buffer
}

// logHandler makes an event of each record.
type logHandler struct {
	sink *logSink
	text slog.Handler // writes to sink.line
}

func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.text.Enabled(ctx, level)
}

func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	h.sink.mu.Lock()
	defer h.sink.mu.Unlock()
	h.sink.line.Reset()
	if err := h.text.Handle(ctx, record); err != nil {
		return err
	}
	status := int32(LogDebug)
	switch {
	case record.Level >= slog.LevelError:
		status = LogError
	case record.Level >= slog.LevelWarn:
		status = LogWarn
	case record.Level >= slog.LevelInfo:
		status = LogInfo
	}
	line := strings.TrimSuffix(h.sink.line.String(), "\n")
	h.sink.object.emit(Event{Type: EventLog, Status: status, Text: line, Time: record.Time.UnixMilli()})
	return nil
}

func (h *logHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return &logHandler{sink: h.sink, text: h.text.WithAttrs(attributes)}
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{sink: h.sink, text: h.text.WithGroup(name)}
}
