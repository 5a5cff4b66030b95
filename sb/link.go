package sb

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

const (
	readBuffer = 16 << 10
	// maxEmptyReads ends a connection that is no good; an empty read alone means nothing.
	maxEmptyReads = 100
	maxClearText  = 1024 // of what a master says instead of a list
)

// link is one connection to the list master: it sends the request, decrypts and decodes. One goroutine reads from it.
type link struct {
	config    Config
	op        string
	track     *tracker
	conn      net.Conn
	challenge [8]byte
	noList    bool

	header   []byte // until the cipher is set up
	cipher   *gscrypt.EnctypeX
	flags    sbwire.BackendFlags
	decoder  *sbwire.Decoder
	buf      []byte
	received int64         // bytes
	empty    int           // reads without bytes in a row
	waited   time.Duration // in reads, for ListTimeout
	lastWait bool          // what is left of ListTimeout is being waited
	ended    error         // of the connection; Close of the decoder was called
}

// newTracker makes the State of the connection that is about to be opened and the one that State shows.
func (b *Browser) newTracker(op string) *tracker {
	t := &tracker{logger: b.config.Logger, op: op}
	b.mu.Lock()
	b.latest = t
	b.mu.Unlock()
	return t
}

// open connects to the master and sends a list request.
func (b *Browser) open(ctx context.Context, track *tracker, query Query, options sbwire.Options) (*link, error) {
	l := &link{config: b.config, op: track.op, track: track, noList: options&sbwire.OptionNoList != 0}
	request, err := b.request(query, options)
	if err != nil {
		return nil, l.fail(err, "")
	}
	l.challenge = request.Challenge
	message, err := request.Append(nil)
	if err != nil {
		return nil, l.fail(err, "")
	}
	if err := l.dial(ctx); err != nil {
		return nil, err
	}
	l.decoder = sbwire.NewDecoder(b.config.limits(), l.noList)
	l.buf = make([]byte, readBuffer)
	if _, err := l.write(ctx, message); err != nil {
		err = l.readError(ctx, err)
		l.conn.Close()
		return nil, err
	}
	track.step(StepRequested, "", nil)
	return l, nil
}

// dial resolves the master's name and connects to the first of its addresses that takes the connection.
func (l *link) dial(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, l.config.ConnectTimeout)
	defer cancel()
	l.track.step(StepResolving, "", nil)
	addrs, err := l.config.locator().Resolve(limited, l.config.service(), l.config.Game, l.config.Addr)
	if err != nil {
		if errors.Is(err, backend.ErrNotConfigured) {
			err = joined(ErrNotConfigured, err)
		}
		return l.fail(l.contextError(ctx, limited, err), "")
	}
	var failures []error
	for i, addr := range addrs {
		l.track.count(func(s *State) { s.Peer = addr.String() })
		l.track.step(StepConnecting, "", nil)
		if l.conn, err = l.dialOne(limited, addr.String(), len(addrs)-i); err == nil {
			return nil
		}
		failures = append(failures, err)
		if limited.Err() != nil {
			break
		}
	}
	return l.fail(l.contextError(ctx, limited, joined(failures...)), "")
}

// dialOne connects to one address. It has its share of the time that is left, so that one which swallows everything leaves
// some for the others.
func (l *link) dialOne(ctx context.Context, address string, candidates int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && candidates > 1 {
		share, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(candidates))
		defer cancel()
		ctx = share
	}
	return l.config.DialContext(ctx, "tcp", address)
}

// contextError makes the end of a context part of an error that came of it.
func (l *link) contextError(ctx, limited context.Context, err error) error {
	if ctx.Err() != nil {
		return joined(ctx.Err(), err)
	}
	if limited.Err() != nil {
		return joined(os.ErrDeadlineExceeded, err)
	}
	return err
}

// fail makes the error of the operation and records it.
func (l *link) fail(err error, reason string) error {
	state := l.track.get()
	e := &Error{Op: l.op, Step: state.Step, Peer: state.Peer, Reason: reason, Err: err}
	step := StepFailed
	switch {
	case errors.Is(err, ErrRefused):
		step = StepRefused
	case errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled):
		step = StepClosed
	}
	text := reason
	if text == "" && err != nil {
		text = err.Error()
	}
	l.track.step(step, text, e)
	return e
}

// write sends one message with one call. The end of ctx interrupts it; how much was written by then is in n.
func (l *link) write(ctx context.Context, b []byte) (n int, err error) {
	_ = l.conn.SetWriteDeadline(time.Now().Add(l.config.ReplyTimeout))
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = l.conn.SetWriteDeadline(time.Unix(1, 0))
	})
	n, err = l.conn.Write(b)
	if !stop() {
		<-interrupted // else it might hit the next message
	}
	l.track.count(func(s *State) { s.BytesSent += int64(n) })
	if l.config.Logger.Enabled(context.Background(), slog.LevelDebug) {
		l.config.Logger.Debug("sent to list master", "op", l.op, "peer", l.conn.RemoteAddr().String(), "bytes", n)
	}
	return n, err
}

// next waits for the next element, at most patience for each read; 0 waits for ever.
func (l *link) next(ctx context.Context, e *sbwire.Element, patience time.Duration) error {
	for {
		more, err := l.decoder.Next(e)
		if err != nil {
			return l.decoderError(err)
		}
		if more {
			return l.account(e)
		}
		if l.ended != nil {
			return l.atEnd(ctx, e)
		}
		if err := l.read(patience); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() || ctx.Err() != nil || errors.Is(err, errNoCipher) {
				return l.readError(ctx, err)
			}
			l.ended = err
			if l.cipher == nil {
				return l.atEnd(ctx, e)
			}
		}
	}
}

// nextOfList is next while the master owes a list.
func (l *link) nextOfList(ctx context.Context, e *sbwire.Element) error {
	left := l.config.ListTimeout - l.waited
	l.lastWait = left <= l.config.ReplyTimeout
	defer func() { l.lastWait = false }()
	return l.next(ctx, e, max(min(left, l.config.ReplyTimeout), time.Nanosecond))
}

// account counts an element and turns the master's error text into an error.
func (l *link) account(e *sbwire.Element) error {
	switch e.Kind {
	case sbwire.KindHead:
		l.track.count(func(s *State) { s.Public, s.DefaultPort = e.Client, e.DefaultPort })
		if l.noList && !e.Refused {
			l.track.step(StepConnected, "", nil)
		}
	case sbwire.KindServer:
		l.track.count(func(s *State) { s.Servers++ })
	case sbwire.KindEnd:
		l.track.step(StepConnected, "", nil)
	case sbwire.KindBadMessage:
		l.track.count(func(s *State) { s.Malformed++ })
		l.config.Logger.Info("list master sent a message that cannot be read", "op", l.op, "error", e.Err.Error())
	case sbwire.KindError:
		return l.fail(ErrRefused, "the master says "+strconv.Quote(e.Text))
	}
	return nil
}

var errNoCipher = errors.New("no cipher")

// read takes what has arrived, decrypts it and gives it to the decoder.
func (l *link) read(patience time.Duration) error {
	deadline := time.Time{}
	start := time.Now()
	if patience > 0 {
		deadline = start.Add(patience)
	}
	_ = l.conn.SetReadDeadline(deadline) // the pipe of a master that has closed refuses it; Read tells what happened
	n, err := l.conn.Read(l.buf)
	l.waited += time.Since(start)
	if n == 0 {
		if l.empty++; err == nil && l.empty > maxEmptyReads {
			err = io.ErrNoProgress
		}
		return err
	}
	l.empty = 0
	l.received += int64(n)
	l.track.count(func(s *State) { s.BytesReceived += int64(n) })
	if l.config.Logger.Enabled(context.Background(), slog.LevelDebug) {
		l.config.Logger.Debug("received from list master", "op", l.op, "peer", l.conn.RemoteAddr().String(), "bytes", n)
	}
	b := l.buf[:n]
	if l.cipher == nil {
		return l.readHeader(b)
	}
	l.cipher.Decrypt(b, b)
	l.decoder.Push(b)
	return nil
}

// readHeader gathers the clear header and sets the cipher up.
func (l *link) readHeader(b []byte) error {
	l.header = append(l.header, b...)
	header, n := sbwire.ParseCryptHeader(l.header)
	if sbwire.ClearText(l.header) {
		n = 0 // with enough of it, text looks like a header
		if len(l.header) > maxClearText {
			l.header = l.header[:maxClearText]
			return io.EOF // what it says is known by now
		}
	}
	if n == 0 {
		return nil
	}
	cipher, err := gscrypt.NewEnctypeX(l.challenge, header.Challenge, l.config.Secret)
	if err != nil {
		return joined(errNoCipher, err)
	}
	l.cipher, l.flags = cipher, header.Flags
	rest := l.header[n:]
	l.header = nil
	l.cipher.Decrypt(rest, rest)
	l.decoder.Push(rest)
	l.track.step(StepReceiving, "", nil)
	return nil
}

// atEnd makes sense of a connection that the master has closed.
func (l *link) atEnd(ctx context.Context, e *sbwire.Element) error {
	if ctx.Err() != nil || errors.Is(l.ended, net.ErrClosed) || errors.Is(l.ended, io.ErrClosedPipe) && l.track.get().Step == StepClosed {
		return l.readError(ctx, l.ended)
	}
	if l.cipher == nil {
		switch {
		case l.received == 0:
			return l.fail(joined(ErrRefused, l.ended), "the master closed the connection without a byte: usually the game is unknown to it")
		case sbwire.ClearText(l.header):
			return l.fail(ErrRefused, "the master says "+strconv.Quote(string(l.header)))
		}
		return l.fail(joined(ErrIncomplete, l.ended), "the master closed the connection in front of the list")
	}
	more, err := l.decoder.Close(e)
	if more {
		return l.account(e)
	}
	if errors.Is(err, io.EOF) {
		return l.fail(joined(io.EOF, l.ended), "the master closed the connection")
	}
	return l.fail(joined(ErrIncomplete, err, l.ended), "")
}

func (l *link) decoderError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return l.fail(joined(ErrIncomplete, err), "")
	}
	for limit, field := range map[error]string{
		sbwire.ErrElement: "MaxElementBytes", sbwire.ErrPopular: "MaxPopularBytes", sbwire.ErrServers: "MaxServers",
	} {
		if errors.Is(err, limit) {
			reason := "more than Config." + field + " allows"
			if hint := l.suspicion(); hint != "" {
				reason += "; " + hint
			}
			return l.fail(joined(ErrMalformed, err), reason)
		}
	}
	return l.fail(joined(ErrMalformed, err), l.suspicion())
}

// readError makes sense of a read or write that failed for a reason other than the master's closing.
func (l *link) readError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return l.fail(context.Cause(ctx), "")
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe) && l.track.get().Step == StepClosed:
		return l.fail(net.ErrClosed, "")
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		return l.fail(err, "the master closed the connection, or the way to it broke")
	}
	switch {
	case sbwire.ClearText(l.header):
		return l.fail(joined(ErrRefused, ErrSilence), "the master says "+strconv.Quote(string(l.header)))
	case l.received == 0:
		return l.fail(errMute, silenceHint)
	case l.lastWait:
		return l.fail(ErrSilence, "the list takes longer than "+l.config.ListTimeout.String())
	case l.cipher == nil:
		return l.fail(ErrSilence, "the master stopped in front of the list")
	}
	reason := "the master stopped; expected next: " + l.decoder.Step()
	if hint := l.suspicion(); hint != "" {
		reason += "; " + hint
	}
	return l.fail(ErrSilence, reason)
}

// suspicion names what garbage in place of a list usually means: with a wrong secret it decrypts to nonsense.
func (l *link) suspicion() string {
	if l.cipher == nil || l.track.get().Servers > 0 {
		return ""
	}
	return "is the Secret of the game right?"
}

// close ends the connection.
func (l *link) close() {
	l.track.step(StepClosed, "", nil)
	l.conn.Close()
}
