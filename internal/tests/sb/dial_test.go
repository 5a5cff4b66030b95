package sb_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// A connection that takes nothing, such as one through a proxy that hangs: cancelling ends the write, too.
func TestCancellingAWriteIsPrompt(t *testing.T) {
	for name, use := range map[string]func(context.Context, *sb.Browser) error{
		"list": func(ctx context.Context, browser *sb.Browser) error {
			_, err := collect(ctx, browser, sb.Query{})
			return err
		},
		"subscribe": func(ctx context.Context, browser *sb.Browser) error {
			_, err := browser.Subscribe(ctx, sb.Query{})
			return err
		},
		"message": func(ctx context.Context, browser *sb.Browser) error {
			return browser.SendMessage(ctx, netip.MustParseAddrPort("10.0.0.1:1"), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: func(context.Context, string, string) (net.Conn, error) {
					client, _ := net.Pipe()
					return client, nil
				}})
				defer browser.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				typed(t, use(ctx, browser), context.DeadlineExceeded)
				require.Equal(t, time.Second, time.Since(start))
			})
		})
	}
}

// The master takes the request and then reads nothing more: sending a message ends with its context, and a connection
// on which nothing was written goes on.
func TestCancellingAMessageIsPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deaf := make(chan struct{})
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				serveHead(server)
				<-deaf
				_, _ = io.Copy(io.Discard, server)
			}()
			return client, nil
		}})
		defer browser.Close()
		results := make(chan time.Duration, 3)
		start := time.Now()
		for range 3 { // one writes, the others wait for their turn
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := browser.SendMessage(ctx, netip.MustParseAddrPort("10.0.0.1:1"), nil)
				typed(t, err, context.DeadlineExceeded)
				results <- time.Since(start)
			}()
		}
		for range 3 {
			require.Equal(t, time.Second, <-results)
		}
		close(deaf)
		require.NoError(t, browser.SendMessage(t.Context(), netip.MustParseAddrPort("10.0.0.1:1"), nil))
	})
}

// serveHead reads a list request and answers as a master without a list does.
func serveHead(server net.Conn) {
	_, write, err := accept(server)
	if err == nil {
		write([]byte{1, 2, 3, 4, 0x19, 0x64})
	}
}

// One of the master's addresses swallows everything: there is time for the next one.
func TestDeadAddressesLeaveTimeForLivingOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newMaster(t, sbtest.Config{NoListen: true})
		defer master.Close()
		dial := piped(master)
		browser := newBrowser(t, sb.Config{Domain: "example.net",
			Resolver: lookup(func(string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")}, nil
			}),
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if !strings.HasPrefix(address, "192.0.2.3") {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return dial(ctx, network, address)
			}})
		start := time.Now()
		servers, err := collect(t.Context(), browser, sb.Query{})
		require.NoError(t, err)
		require.Len(t, servers, 3)
		require.Less(t, time.Since(start), 5*time.Second)
	})
}

// Clear text that is long enough to be taken for a header is still text.
func TestLongClearText(t *testing.T) {
	for _, ends := range []bool{true, false} {
		for _, size := range []int{5, 100, 400, 100_000} {
			t.Run(fmt.Sprint(size, ends), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: func(context.Context, string, string) (net.Conn, error) {
						client, server := net.Pipe()
						go func() {
							defer server.Close()
							if _, err := readRequest(server); err != nil {
								return
							}
							_, _ = server.Write([]byte("Go away! " + strings.Repeat("no ", size/3)))
							if !ends {
								_, _ = io.Copy(io.Discard, server)
							}
						}()
						return client, nil
					}})
					_, err := collect(t.Context(), browser, sb.Query{})
					typed(t, err, sb.ErrRefused)
					require.ErrorContains(t, err, "Go away!")
					require.Less(t, len(err.Error()), 2000)
				})
			})
		}
	}
}

// portConn is a connection whose client has a port of the test's choice.
type portConn struct {
	net.Conn
	port uint16
}

func (c portConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(c.port)}
}

// Some masters put the client's TCP port into the head of the list, and 65535 there announces an error text. It must not
// be taken for one (spec servers.md §4.1, sb.md A.4).
func TestClientOnPort65535(t *testing.T) {
	for _, family := range []quirks.Family{quirks.WFC, quirks.DWC, quirks.Crymp} {
		for _, segment := range []int{0, 1} {
			t.Run(fmt.Sprint(family, segment), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					master := newMaster(t, sbtest.Config{NoListen: true, Family: family, Faults: sbtest.Faults{Segment: segment}})
					defer master.Close()
					browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: func(context.Context, string, string) (net.Conn, error) {
						client, server := net.Pipe()
						go master.ServeConn(portConn{server, 65535})
						return client, nil
					}})
					defer browser.Close()
					servers, err := collect(t.Context(), browser, sb.Query{Filter: "numplayers >= 0"})
					require.NoError(t, err)
					require.Len(t, servers, 3)
					require.NoError(t, browser.SendMessage(t.Context(), servers[0].Addr, []byte("x")))
					synctest.Wait()
					require.Equal(t, sb.StepConnected, browser.State().Step)
				})
			})
		}
	}
}

// readRequest reads one message of the client.
func readRequest(conn net.Conn) ([]byte, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, err
	}
	rest := make([]byte, int(binary.BigEndian.Uint16(head))-2)
	_, err := io.ReadFull(conn, rest)
	return append(head, rest...), err
}
