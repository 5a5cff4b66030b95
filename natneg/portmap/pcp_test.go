package portmap

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relight-sdk/relight/internal/wire/pcpwire"
)

// pipeRouter is a PCP server at the other end of pipes: answer gives what it sends for a request, number n.
func pipeRouter(t *testing.T, answer func(n int, ask pcpwire.Request) [][]byte) (dial func(context.Context, string, string) (net.Conn, error), asked func() []time.Duration) {
	start := time.Now()
	var times []time.Duration
	return func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				buf := make([]byte, pcpwire.MaxSize)
				for {
					n, err := server.Read(buf)
					if err != nil {
						return
					}
					times = append(times, time.Since(start))
					ask, err := pcpwire.ParseRequest(buf[:n])
					if err != nil {
						t.Error(err)
						return
					}
					for _, b := range answer(len(times), ask) {
						if _, err := server.Write(b); err != nil {
							return
						}
					}
				}
			}()
			return client, nil
		}, func() []time.Duration {
			synctest.Wait()
			return times
		}
}

func answerTo(t *testing.T, ask pcpwire.Request, change func(*pcpwire.Response)) []byte {
	t.Helper()
	answer := pcpwire.Response{Opcode: ask.Opcode, Lifetime: ask.Lifetime, Epoch: 100, Mapping: ask.Mapping}
	answer.Mapping.External = netip.MustParseAddrPort("20.20.20.11:6501")
	if change != nil {
		change(&answer)
	}
	b, err := answer.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pcpOver(t *testing.T, dial func(context.Context, string, string) (net.Conn, error)) *pcpClient {
	t.Helper()
	config, err := Config{Dial: dial}.withDefaults(6500)
	if err != nil {
		t.Fatal(err)
	}
	return &pcpClient{config: &config, gateway: netip.MustParseAddr("192.168.1.1"), nonce: newNonce()}
}

func TestPCPAsksFourTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, asked := pipeRouter(t, func(int, pcpwire.Request) [][]byte { return nil })
		began := time.Now()
		_, err := pcpOver(t, dial).add(t.Context(), request{internal: 6500, external: 6500, lease: time.Hour})
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.Timeout() || time.Since(began) != 3750*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if want := []time.Duration{0, 250 * time.Millisecond, 750 * time.Millisecond, 1750 * time.Millisecond}; !slices.Equal(asked(), want) {
			t.Error(asked())
		}
	})
}

// What is late, forged, cut or another's is passed over; the answer behind it counts.
func TestPCPTakesItsAnswerOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, asked := pipeRouter(t, func(n int, ask pcpwire.Request) [][]byte {
			if n == 1 {
				return nil
			}
			return [][]byte{
				{2, 0x81},
				answerTo(t, ask, func(r *pcpwire.Response) { r.Mapping.Nonce[3]++ }),
				answerTo(t, ask, func(r *pcpwire.Response) { r.Mapping.Internal++ }),
				answerTo(t, ask, func(r *pcpwire.Response) { r.Mapping.Transport = pcpwire.TCP }),
				answerTo(t, ask, func(r *pcpwire.Response) { r.Opcode = pcpwire.Announce }),
				answerTo(t, ask, nil),
			}
		})
		g, err := pcpOver(t, dial).add(t.Context(), request{internal: 6500, external: 6500, lease: time.Hour})
		if err != nil || g.external != netip.MustParseAddrPort("20.20.20.11:6501") || g.lease != time.Hour {
			t.Errorf("%v, %+v", err, g)
		}
		if len(asked()) != 2 {
			t.Error(asked())
		}
	})
}

func TestPCPCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, _ := pipeRouter(t, func(int, pcpwire.Request) [][]byte { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := pcpOver(t, dial).remove(ctx, grant{internal: netip.MustParseAddrPort("192.168.1.2:6500")})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestPCPResults(t *testing.T) {
	for result, want := range map[pcpwire.Result]error{
		pcpwire.NotAuthorized: ErrDisabled, pcpwire.UnsupportedOpcode: ErrDisabled, pcpwire.NetworkFailure: ErrNotConnected,
		pcpwire.CannotProvideExternal: ErrConflict, pcpwire.AddressMismatch: ErrDoubleNAT, pcpwire.NoResources: ErrRefused, pcpwire.UserExceededQuota: ErrRefused, 99: ErrRefused,
	} {
		synctest.Test(t, func(t *testing.T) {
			dial, _ := pipeRouter(t, func(_ int, ask pcpwire.Request) [][]byte {
				return [][]byte{answerTo(t, ask, func(r *pcpwire.Response) { r.Result = result })}
			})
			if _, err := pcpOver(t, dial).add(t.Context(), request{internal: 6500, external: 6500, lease: time.Hour}); !errors.Is(err, want) {
				t.Errorf("%v: %v", result, err)
			}
		})
	}
}
