package sb_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// typed checks that an error is one of ours, and of a class that programs know.
func typed(t *testing.T, err error, classes ...error) {
	t.Helper()
	_, ok := errors.AsType[*sb.Error](err)
	require.True(t, ok, "%v", err)
	for _, class := range classes {
		if errors.Is(err, class) {
			return
		}
	}
	t.Fatalf("%v is none of %v", err, classes)
}

// Faults at every byte of a reply: a typed error in time, whatever came before is good, and nothing is left behind.
func TestFaultsAtEveryByte(t *testing.T) {
	length := 0
	synctest.Test(t, func(t *testing.T) {
		master := newMaster(t, sbtest.Config{NoListen: true})
		defer master.Close()
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
		_, err := collect(t.Context(), browser, sb.Query{})
		require.NoError(t, err)
		length = int(browser.State().BytesReceived)
	})
	require.Greater(t, length, 150)
	for name, fault := range map[string]sbtest.Fault{"stall": sbtest.Stall, "close": sbtest.Close, "garbage": sbtest.Garbage} {
		t.Run(name, func(t *testing.T) {
			for at := range length {
				synctest.Test(t, func(t *testing.T) {
					master := newMaster(t, sbtest.Config{NoListen: true, Faults: sbtest.Faults{Fault: fault, At: at}})
					defer master.Close()
					browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
					start := time.Now()
					servers, err := collect(t.Context(), browser, sb.Query{})
					require.LessOrEqual(t, time.Since(start), 10*time.Second, "at %d", at)
					switch fault {
					case sbtest.Stall:
						typed(t, err, sb.ErrSilence)
					case sbtest.Close:
						typed(t, err, sb.ErrIncomplete, sb.ErrRefused)
					case sbtest.Garbage:
						if err != nil {
							typed(t, err, sb.ErrSilence, sb.ErrMalformed, sb.ErrRefused, sb.ErrIncomplete)
						}
						return
					}
					require.Error(t, err, "at %d", at)
					for i, server := range servers {
						require.Equal(t, someServers()[i].Addr, server.Addr)
						require.Equal(t, someServers()[i].Fields[0].Value, server.Name())
					}
				})
			}
		})
	}
}

// script is a master of a test's own: it reads the list request, sends a header and then whatever the test likes.
func script(send func(write func(plain []byte) bool)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			_, write, err := accept(server)
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, server) }()
			send(write)
		}()
		return client, nil
	}
}

// accept reads a list request from a client and sends the header; write encrypts and sends.
func accept(server net.Conn) (request sbwire.ListRequest, write func(plain []byte) bool, err error) {
	message, err := readRequest(server)
	if err != nil {
		return request, nil, err
	}
	if request, err = sbwire.ParseListRequest(message); err != nil {
		return request, nil, err
	}
	challenge := make([]byte, 25)
	_, _ = rand.Read(challenge)
	b, err := sbwire.CryptHeader{Random: make([]byte, 10), Challenge: challenge}.Append(nil)
	if err != nil {
		return request, nil, err
	}
	cipher, err := gscrypt.NewEnctypeX(request.Challenge, challenge, secret)
	if err != nil {
		return request, nil, err
	}
	_, err = server.Write(b)
	return request, func(plain []byte) bool {
		b := make([]byte, len(plain))
		cipher.Encrypt(b, plain)
		_, err := server.Write(b)
		return err == nil
	}, err
}

func TestHostileMasters(t *testing.T) {
	head := []byte{1, 2, 3, 4, 0x19, 0x64}
	forever := func(begin, again []byte) func(write func([]byte) bool) {
		return func(write func([]byte) bool) {
			for ok := write(append(bytes.Clone(head), begin...)); ok; {
				ok = write(again)
			}
		}
	}
	once := func(body ...byte) func(write func([]byte) bool) {
		return func(write func([]byte) bool) { write(append(bytes.Clone(head), body...)) }
	}
	server := []byte{1, 10, 0, 0, 1}
	many := bytes.Repeat(server, 1000)
	huge := bytes.Repeat([]byte{'x'}, 8192)
	values := bytes.Repeat(append(bytes.Repeat([]byte{'v'}, 8000), 0), 4)
	for _, test := range []struct {
		name string
		send func(write func([]byte) bool)
		is   error
		text string
	}{
		{"a list that never ends", forever([]byte{0, 0}, many), sb.ErrMalformed, "servers"},
		{"a key name that never ends", forever([]byte{1, 0}, huge), sb.ErrMalformed, "keys"},
		{"255 popular values of 8 kB", forever([]byte{0, 255}, values), sb.ErrMalformed, "popular values"},
		{"a popular value that never ends", forever([]byte{0, 255}, huge), sb.ErrMalformed, "popular values"},
		{"a value that never ends", forever([]byte{1, 0, 'k', 0, 0, 0x40, 1, 1, 1, 1, 0xFF}, huge), sb.ErrMalformed, "servers"},
		{"rules that never end", forever([]byte{0, 0, 0x80, 1, 1, 1, 1}, []byte("key\x00value\x00")), sb.ErrMalformed, "servers"},
		{"an error text that never ends", func(write func([]byte) bool) {
			for ok := write([]byte{1, 2, 3, 4, 0xFF, 0xFF}); ok; {
				ok = write(huge)
			}
		}, sb.ErrMalformed, "error text"},
		{"a popular value that is not there", once(1, 0, 'k', 0, 2, 'a', 0, 'b', 0, 0x40, 1, 1, 1, 1, 2), sb.ErrMalformed, "popular value 2 of 2"},
		{"fewer keys than counted", once(5, 0, 'k', 0), sb.ErrIncomplete, "keys"},
		{"a list without end that closes", once(append([]byte{0, 0}, server...)...), sb.ErrIncomplete, "servers"},
		{"an error text without end", func(write func([]byte) bool) {
			write(append([]byte{1, 2, 3, 4, 0xFF, 0xFF}, "no such game"...))
		}, sb.ErrRefused, "no such game"},
		{"one byte at a time, slowly", func(write func([]byte) bool) {
			for ok := write(head) && write([]byte{0, 0}); ok; {
				time.Sleep(4 * time.Second)
				ok = write(server)
			}
		}, sb.ErrSilence, "longer than 1m0s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: script(test.send), MaxServers: 20_000})
				start := time.Now()
				_, err := collect(t.Context(), browser, sb.Query{})
				typed(t, err, test.is)
				require.ErrorContains(t, err, test.text)
				require.Less(t, time.Since(start), 65*time.Second)
				time.Sleep(5 * time.Second) // the script is asleep, too
			})
		})
	}
}

func TestHostileMessages(t *testing.T) {
	list := []byte{1, 2, 3, 4, 0x19, 0x64, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}
	for _, test := range []struct {
		name string
		send func(write func([]byte) bool)
		is   error
	}{
		{"a length of nothing", func(write func([]byte) bool) { write([]byte{0, 0, 1}) }, sb.ErrMalformed},
		{"a length of too much", func(write func([]byte) bool) { write([]byte{0xFF, 0xFF, 1}) }, sb.ErrMalformed},
		{"more pushes than the limit", func(write func([]byte) bool) {
			for i := 0; write([]byte{0, 10, 2, 17, 10, 0, byte(i >> 16), byte(i >> 8), byte(i), 1}); i++ {
			}
		}, sb.ErrMalformed},
		{"a late refusal", func(write func([]byte) bool) { write([]byte("Query Error: go away")) }, sb.ErrRefused},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", MaxServers: 1000, DialContext: script(func(write func([]byte) bool) {
					if write(list) {
						test.send(write)
					}
				})})
				subscription, err := browser.Subscribe(t.Context(), sb.Query{})
				require.NoError(t, err)
				defer subscription.Close()
				var last error
				for _, err := range subscription.Events(t.Context()) {
					last = err
				}
				typed(t, last, test.is)
			})
		})
	}
	t.Run("messages that cannot be read are skipped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: script(func(write func([]byte) bool) {
				write(append(bytes.Clone(list), 0, 4, 2, 0xFF, 0, 5, 77, 1, 2, 0, 3, 4))
				for i := range 3 { // added and removed, over and over, by many addresses
					for j := range 5000 {
						write([]byte{0, 10, 2, 17, 10, byte(i), 0, byte(j >> 8), byte(j), 1})
						write([]byte{0, 9, 4, 10, byte(i), 0, byte(j >> 8), byte(j), 1})
					}
				}
			})})
			subscription, err := browser.Subscribe(t.Context(), sb.Query{})
			require.NoError(t, err)
			defer subscription.Close()
			synctest.Wait()
			state := subscription.State()
			require.Equal(t, 2, state.Malformed)
			require.Equal(t, 1, state.Ignored)
			require.Equal(t, 30_000, state.Pushes)
			require.Equal(t, []string{"complete 0"}, drain(subscription))
		})
	})
}

func TestCancellationIsPrompt(t *testing.T) {
	for at := range 60 {
		synctest.Test(t, func(t *testing.T) {
			master := newMaster(t, sbtest.Config{NoListen: true, Faults: sbtest.Faults{Fault: sbtest.Stall, At: at}})
			defer master.Close()
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			_, err := collect(ctx, browser, sb.Query{})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			typed(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Second, time.Since(start))

			err = browser.SendMessage(ctx, netip.MustParseAddrPort("1.2.3.4:5"), []byte("x"))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NoError(t, browser.Close())
		})
	}
}

func TestNobodyListens(t *testing.T) {
	browser := newBrowser(t, sb.Config{Addr: "127.0.0.1:1"})
	_, err := collect(t.Context(), browser, sb.Query{})
	typed(t, err, err)
	failure, _ := errors.AsType[*sb.Error](err)
	require.Equal(t, sb.StepConnecting, failure.Step)
	require.Equal(t, sb.StepFailed, browser.State().Step)

	browser = newBrowser(t, sb.Config{Domain: "example.net", Resolver: lookup(func(host string) ([]netip.Addr, error) {
		require.Equal(t, "gmtest.ms8.example.net", host)
		return nil, fmt.Errorf("no such host")
	})})
	_, err = collect(t.Context(), browser, sb.Query{})
	failure, _ = errors.AsType[*sb.Error](err)
	require.Equal(t, sb.StepResolving, failure.Step)
	require.ErrorContains(t, err, "gmtest.ms8.example.net")
}

type lookup func(host string) ([]netip.Addr, error)

func (l lookup) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) { return l(host) }

// A dialer that never comes back, and a name server that does not: the time limit ends both.
func TestConnectTimeout(t *testing.T) {
	for name, config := range map[string]sb.Config{
		"dial": {Addr: "192.0.2.1", DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
		"resolve": {Domain: "example.net", Resolver: slowLookup{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				browser := newBrowser(t, config)
				start := time.Now()
				_, err := collect(t.Context(), browser, sb.Query{})
				typed(t, err, context.DeadlineExceeded)
				require.Equal(t, 5*time.Second, time.Since(start))
				var timeout net.Error
				require.ErrorAs(t, err, &timeout)
				require.True(t, timeout.Timeout())
				require.NotContains(t, err.Error(), "\n")
			})
		})
	}
}

type slowLookup struct{}

func (slowLookup) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// The same faults under a subscription: its events end with a typed error in time.
func TestFaultsUnderASubscription(t *testing.T) {
	for name, fault := range map[string]sbtest.Fault{"stall": sbtest.Stall, "close": sbtest.Close, "garbage": sbtest.Garbage} {
		t.Run(name, func(t *testing.T) {
			for at := range 240 {
				synctest.Test(t, func(t *testing.T) {
					master := newMaster(t, sbtest.Config{NoListen: true, Faults: sbtest.Faults{Fault: fault, At: at}})
					defer master.Close()
					browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
					defer cancel()
					start := time.Now()
					subscription, err := browser.Subscribe(ctx, sb.Query{})
					if err == nil {
						for _, failure := range subscription.Events(ctx) {
							err = failure
						}
						require.NoError(t, subscription.Close())
					}
					typed(t, err, sb.ErrSilence, sb.ErrIncomplete, sb.ErrRefused, sb.ErrMalformed, io.EOF)
					require.Less(t, time.Since(start), 3*time.Minute)
				})
			}
		})
	}
}
