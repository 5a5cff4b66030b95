package sb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"math/bits"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/kv"
	"github.com/relight-sdk/relight/internal/wire/sb1wire"
)

// oldLink is a connection to a master of the older protocol, see sb1wire: its greeting, two messages of ours, the list, the
// end. Of link it uses what has to do with connecting and with errors.
type oldLink struct {
	*link
	challenge string
	unended   bool   // the greeting came without \final\, which may still follow
	head      []byte // of the list, while it is not clear how to read it
	decrypt   func([]byte) error
	left      int // bytes of the list, of encryption type 1; -1 if that is not known
	decoder   *sb1wire.Decoder
}

// oldList is List for Config.Protocol QR1.
func (b *Browser) oldList(ctx context.Context, query Query) iter.Seq2[Server, error] {
	return func(yield func(Server, error) bool) {
		err := b.askOld(ctx, b.newTracker("list"), query, yield)
		if err != nil && !errors.Is(err, errStop) {
			yield(Server{}, err)
		}
	}
}

func (b *Browser) askOld(ctx context.Context, track *tracker, query Query, yield func(Server, error) bool) error {
	l := &oldLink{left: -1, link: &link{config: b.config, op: track.op, track: track, buf: make([]byte, readBuffer)}}
	return l.list(ctx, query, yield)
}

func (l *oldLink) list(ctx context.Context, query Query, yield func(Server, error) bool) error {
	form, filter, err := l.config.oldRequest(query)
	if err != nil {
		return l.fail(err, "")
	}
	if err := l.dial(ctx); err != nil {
		return err
	}
	defer l.close()
	defer context.AfterFunc(ctx, func() { l.conn.Close() })()
	if err := l.greeting(ctx); err != nil {
		return err
	}
	if err := l.request(ctx, form, filter); err != nil {
		return err
	}
	l.decoder = sb1wire.NewDecoder(form, sb1wire.Limits{Element: l.config.MaxElementBytes, Servers: l.config.MaxServers})
	for count := 0; ; {
		var server sb1wire.Server
		ok, err := l.next(ctx, &server)
		if err != nil {
			return err
		}
		if !ok {
			l.track.step(StepConnected, "", nil)
			return nil
		}
		l.track.count(func(s *State) { s.Servers++ })
		listed := oldServer(server)
		if count++; !yield(listed, nil) || count == query.Limit {
			return errStop
		}
	}
}

func oldServer(server sb1wire.Server) Server {
	listed := Server{Addr: server.Addr, Protocol: QR1, Flags: FlagDirect} // in those days there was no other way
	for _, field := range server.Fields {
		listed.rules = append(listed.rules, Field(field))
	}
	// openspy-core swaps the bytes of the port in lists with fields. Which way round is right, only the server's own words
	// can tell.
	swapped := bits.ReverseBytes16(server.Addr.Port())
	for _, key := range [...]string{"localport", "hostport"} {
		switch port, _ := listed.Int(key); port {
		case int(server.Addr.Port()):
			return listed
		case int(swapped):
			listed.Addr = netip.AddrPortFrom(server.Addr.Addr(), swapped)
			return listed
		}
	}
	return listed
}

// oldRequest is what is asked of the master. Without fields the compact form is enough, which every master knows.
func (c Config) oldRequest(query Query) (form sb1wire.Form, filter string, err error) {
	if c.Game == "" || c.Secret == "" {
		return "", "", joined(ErrNotConfigured, errors.New("the name of the game or its secret is missing"))
	}
	if c.Enctype < 0 || c.Enctype > 2 {
		return "", "", joined(ErrNotConfigured, errors.New("there is no Enctype "+strconv.Itoa(c.Enctype)))
	}
	switch filter, err = query.filter(); {
	case err != nil:
		return "", "", joined(ErrNotConfigured, err)
	case query.Groups:
		form = sb1wire.Groups
	case query.Text:
		form = sb1wire.Addresses
	case len(query.Fields) > 0 && !query.Plain:
		form = sb1wire.Info
	default:
		form = sb1wire.Compact
	}
	return form, filter, nil
}

// greeting waits for the master's challenge.
func (l *oldLink) greeting(ctx context.Context) error {
	var said []byte
	for {
		b, err := l.receive()
		if len(b) == 0 && err != nil {
			return l.received(ctx, err, said, "an older list master greets; is this one?")
		}
		said = append(said, b...)
		challenge, ok, err := sb1wire.ParseGreeting(said)
		if err != nil {
			return l.fail(joined(ErrMalformed, err), "the greeting is not that of an older list master")
		}
		if ok {
			l.challenge, l.unended = challenge, !bytes.HasSuffix(said, []byte(kv.Terminator))
			return nil
		}
	}
}

// request sends both messages with one call: 333networks' masters want them in one segment.
func (l *oldLink) request(ctx context.Context, form sb1wire.Form, filter string) error {
	login := sb1wire.Login{Game: l.config.From, Enctype: l.config.Enctype,
		Validate: gscrypt.Validate(l.challenge, l.config.Secret, l.config.Enctype)}
	message, err := login.Append(nil)
	if err == nil {
		message, err = sb1wire.List{Form: form, Game: l.config.Game, Filter: filter}.Append(message)
	}
	if err != nil {
		return l.fail(joined(ErrNotConfigured, err), "")
	}
	l.link.received = 0 // the greeting
	if _, err := l.write(ctx, message); err != nil {
		return l.readError(ctx, err)
	}
	l.track.step(StepRequested, "", nil)
	return nil
}

// next waits for the next server; ok is false behind the last one.
func (l *oldLink) next(ctx context.Context, server *sb1wire.Server) (ok bool, err error) {
	for {
		ok, err := l.decoder.Next(server)
		switch {
		case ok:
			return true, nil
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, l.fail(joined(ErrMalformed, err), l.oldSuspicion())
		}
		b, err := l.receive()
		if len(b) == 0 && err != nil {
			whole := errors.Is(err, io.EOF) || bytes.HasSuffix(l.head, []byte(kv.Terminator)) && ctx.Err() == nil
			if whole && l.decrypt == nil && len(l.head) > 0 {
				if err := l.begin(true); err != nil {
					return false, err
				}
				if l.decrypt != nil {
					continue
				}
			}
			return false, l.received(ctx, err, l.head, l.oldSuspicion())
		}
		if err := l.take(b); err != nil {
			return false, err
		}
	}
}

// take gives what has arrived to the decoder.
func (l *oldLink) take(b []byte) error {
	if l.decrypt == nil {
		l.head = append(l.head, b...)
		return l.begin(false)
	}
	return l.decode(b)
}

func (l *oldLink) decode(b []byte) error {
	if l.left >= 0 {
		b = b[:min(l.left, len(b))] // the rest is filling
		l.left -= len(b)
	}
	if err := l.decrypt(b); err != nil {
		return l.fail(joined(ErrMalformed, err), "")
	}
	l.decoder.Push(b)
	return nil
}

// begin finds out what the beginning of the answer is: a refusal, a list in clear, or an encrypted one. last says that no
// more bytes will come.
func (l *oldLink) begin(last bool) (err error) {
	if l.unended && !last {
		// Most greetings have no \final\. If what follows is one, it is the end of an empty list only if nothing comes behind it.
		if bytes.HasPrefix([]byte(kv.Terminator), l.head) {
			return nil
		}
		l.unended = false
		l.head = bytes.TrimPrefix(l.head, []byte(kv.Terminator))
	}
	refused, maybe := sb1wire.Refused(l.head)
	if refused {
		if !last && len(l.head) < maxClearText {
			return nil // its end is that of the connection
		}
		return l.fail(ErrRefused, "the master says "+strconv.Quote(sb1wire.Refusal(l.head)))
	}
	clear := l.config.Enctype == 0
	if !clear {
		var open bool
		clear, open = sb1wire.InClear(l.head)
		maybe = maybe || open
	}
	n := 0
	switch {
	case maybe && !last:
		return nil
	case clear:
		l.decrypt = func([]byte) error { return nil }
	case l.config.Enctype == 1:
		var cipher *gscrypt.Enctype1
		switch cipher, n, err = gscrypt.NewEnctype1(l.head, l.challenge); {
		case n > 0:
			l.left = cipher.Len()
			l.decrypt = func(b []byte) error { cipher.Decrypt(b); return nil }
		case err != nil || last: // 333networks' masters do not know it and send a list in clear
			err = nil
			l.decrypt = func([]byte) error { return nil }
		}
	default:
		var cipher *gscrypt.Enctype2
		if cipher, n, err = gscrypt.NewEnctype2(l.head, l.config.Secret); n > 0 {
			l.decrypt = cipher.Crypt
		}
	}
	if err != nil {
		return l.fail(joined(ErrMalformed, err), l.oldSuspicion())
	}
	if l.decrypt == nil {
		return nil
	}
	l.track.step(StepReceiving, "", nil)
	rest := l.head[n:]
	l.head = nil
	return l.decode(rest)
}

// receive reads once, for as long as the master may be silent.
func (l *oldLink) receive() ([]byte, error) {
	left := l.config.ListTimeout - l.waited
	l.lastWait = left <= l.config.ReplyTimeout
	start := time.Now()
	// The pipe of a master that has closed refuses a deadline; Read tells what happened.
	_ = l.conn.SetReadDeadline(start.Add(max(min(left, l.config.ReplyTimeout), time.Nanosecond)))
	n, err := l.conn.Read(l.buf)
	l.waited += time.Since(start)
	l.link.received += int64(n)
	l.track.count(func(s *State) { s.BytesReceived += int64(n) })
	if n > 0 {
		l.empty = 0
		return l.buf[:n], nil
	}
	if l.empty++; err == nil && l.empty > maxEmptyReads {
		err = io.ErrNoProgress
	}
	return nil, err
}

// received makes sense of a connection that brings nothing more.
func (l *oldLink) received(ctx context.Context, err error, said []byte, hint string) error {
	if refused, _ := sb1wire.Refused(said); refused {
		return l.fail(joined(ErrRefused, err), "the master says "+strconv.Quote(sb1wire.Refusal(said)))
	}
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case ctx.Err() != nil:
		return l.readError(ctx, err)
	case isNet && timeout.Timeout() && l.link.received == 0:
		return l.fail(errMute, "the master says nothing; "+hint)
	case isNet && timeout.Timeout() && l.lastWait:
		return l.fail(ErrSilence, "the list takes longer than "+l.config.ListTimeout.String())
	case isNet && timeout.Timeout():
		return l.fail(ErrSilence, "the master stopped in the middle; "+hint)
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe) && l.track.get().Step == StepClosed:
		return l.fail(net.ErrClosed, "")
	case l.link.received == 0:
		return l.fail(joined(ErrRefused, err), "the master closed the connection without a word; "+hint)
	}
	return l.fail(joined(ErrIncomplete, err), hint)
}

// oldSuspicion is what the lack of a list usually means: the secret signs the request, and is a key of encryption type 2.
func (l *oldLink) oldSuspicion() string {
	if l.track.get().Servers > 0 {
		return ""
	}
	return "are the name and the Secret of the game right?"
}
