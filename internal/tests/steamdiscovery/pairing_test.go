package steamdiscovery_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/pairing"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// ticketKey is the key of the hosts of these tests.
var ticketKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var hostAddr = netip.MustParseAddrPort("192.0.2.1:27036")

// pairingLAN is a host at 192.0.2.1, and what a device at 192.0.2.2 needs.
func pairingLAN(t testing.TB, config pairing.HostConfig) (*steamdiscoverytest.LAN, *pairing.Host, pairing.Config) {
	t.Helper()
	lan := steamdiscoverytest.NewLAN()
	host := pairing.NewHost(config)
	_, stop := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{
		ClientID: 5, InstanceID: 6, Targets: []string{"192.0.2.200"}, Requests: host,
	})
	t.Cleanup(stop)
	return lan, host, pairing.Config{
		Device: pairing.NewDevice(), Name: "tablet", PublicKey: &ticketKey().PublicKey, ListenPacket: lan.Host("192.0.2.2").ListenPacket,
	}
}

// The whole way, with a third of the packets lost: the user mistypes the PIN once, the device is paired, saved, loaded, and
// gets a stream.
func TestPairAndStream(t *testing.T) {
	key := ticketKey()
	synctest.Test(t, func(t *testing.T) {
		var host *pairing.Host
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		var typed []error
		lan, host, config := pairingLAN(t, pairing.HostConfig{
			TicketKey: key, SteamID: 76561197960265729, Logger: logger,
			Waiting: func(waiting pairing.WaitingDevice) {
				go func() {
					for _, pin := range []string{"4711", "0042"} {
						time.Sleep(3 * time.Second)
						_, err := host.Authorize(waiting.From, pin)
						typed = append(typed, err)
					}
				}()
			},
			Stream: func(device pairing.PairedDevice, wanted pairing.StreamRequest) pairing.StreamOffer {
				require.Equal(t, "tablet", device.Name)
				require.Equal(t, int32(1920), wanted.Width)
				require.Equal(t, []pairing.Transport{pairing.TransportUDP}, wanted.Transports)
				return pairing.StreamOffer{Port: 27031, SessionKey: []byte("thirty-two bytes of a secret key")}
			},
		})
		dropped := 0
		lan.Drop(func(_, _ netip.AddrPort, _ []byte) bool {
			dropped++
			return dropped%3 == 1
		})
		var progress []string
		config.Progress = func(p pairing.Progress) { progress = append(progress, p.Text) }
		config.Logger = logger
		paired, err := pairing.Pair(t.Context(), config, hostAddr, "0042")
		synctest.Wait() // for the user
		require.NoError(t, err)
		require.Equal(t, uint64(76561197960265729), paired.SteamID)
		require.Len(t, typed, 2)
		require.ErrorIs(t, typed[0], pairing.ErrWrongPIN)
		require.NoError(t, typed[1])
		require.Contains(t, progress, "in progress")
		require.Len(t, host.Devices(), 1)
		require.Equal(t, config.Device.ID(), host.Devices()[0].Device.ID())

		saved := config.Device.Save()
		config.Device, err = pairing.LoadDevice(saved)
		require.NoError(t, err)
		stream, err := pairing.RequestStream(t.Context(), config, hostAddr, pairing.StreamRequest{HostID: 5, Width: 1920, Height: 1080})
		require.NoError(t, err)
		require.Equal(t, netip.MustParseAddrPort("192.0.2.1:27031"), stream.Addr)
		require.Equal(t, pairing.TransportUDP, stream.Transport)
		require.Equal(t, "thirty-two bytes of a secret key", string(stream.SessionKey()))
		require.Contains(t, progress, "proof asked for")

		// Nothing that is printed shows a secret.
		var text strings.Builder
		text.WriteString(log.String())
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			fmt.Fprintf(&text, verb, stream)
		}
		for _, secret := range []string{string(saved[8:]), fmt.Sprintf("%x", saved[8:]), fmt.Sprint(saved[8:]), "thirty-two", fmt.Sprint([]byte("thirty-two"))[1:20], "0042"} {
			require.NotContains(t, text.String(), secret)
		}
		require.Contains(t, fmt.Sprint(config), config.Device.String())

		host.Forget(config.Device.ID())
		_, err = pairing.RequestStream(t.Context(), config, hostAddr, pairing.StreamRequest{HostID: 5})
		require.ErrorIs(t, err, pairing.StreamingUnauthorized)
	})
}

func TestPairRefused(t *testing.T) {
	key := ticketKey()
	for name, c := range map[string]struct {
		key    *rsa.PrivateKey
		device func(*pairing.Config)
		user   func(*pairing.Host, netip.AddrPort) error
		typed  error
		want   error
	}{
		"the user refuses": {
			key: key, user: (*pairing.Host).Deny, want: pairing.AuthorizationDenied,
		},
		"three wrong PINs": {
			key: key, want: pairing.AuthorizationDenied, typed: pairing.ErrWrongPIN,
			user: func(host *pairing.Host, from netip.AddrPort) error {
				_, first := host.Authorize(from, "1")
				_, second := host.Authorize(from, "2")
				_, third := host.Authorize(from, "3")
				if _, fourth := host.Authorize(from, "0042"); !errors.Is(fourth, pairing.ErrNotPending) {
					return fourth
				}
				return errors.Join(first, second, third)
			},
		},
		"a device that seals for Steam": {
			key: key, device: func(config *pairing.Config) { config.PublicKey = nil }, want: pairing.AuthorizationFailed, typed: pairing.ErrForeignTicket,
		},
		"a host without a key": {
			want: pairing.AuthorizationFailed, typed: pairing.ErrForeignTicket,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var host *pairing.Host
				var typed error
				user := c.user
				if user == nil {
					user = func(host *pairing.Host, from netip.AddrPort) error {
						_, err := host.Authorize(from, "0042")
						return err
					}
				}
				_, host, config := pairingLAN(t, pairing.HostConfig{TicketKey: c.key, Waiting: func(waiting pairing.WaitingDevice) {
					time.AfterFunc(time.Second/2, func() { typed = user(host, waiting.From) })
				}})
				if c.device != nil {
					c.device(&config)
				}
				_, err := pairing.Pair(t.Context(), config, hostAddr, "0042")
				synctest.Wait() // for the user
				require.ErrorIs(t, err, c.want)
				require.ErrorContains(t, err, "pairing: pair 192.0.2.1:27036: ")
				if c.typed == nil {
					require.NoError(t, typed)
				} else {
					require.ErrorIs(t, typed, c.typed)
				}
				require.Empty(t, host.Devices())
				require.Empty(t, host.Waiting())
			})
		})
	}
}

// More devices than a host keeps waiting hear that it is busy, until others have given up.
func TestPairingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := pairing.NewHost(pairing.HostConfig{})
		ask := func(n int) pairing.AuthorizationResult {
			packet := encode(t, steamdiscoverywire.New(9, 0, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_REQUEST,
				&steampb.CMsgRemoteDeviceAuthorizationRequest{DeviceToken: []byte("token"), EncryptedRequest: []byte("ticket"), DeviceName: new("a\nb")}))
			answers := host.HandleRequest(steamdiscovery.Request{
				From: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 5000), Packet: packet, Time: time.Now(), ClientID: 5,
			})
			require.Len(t, answers, 1)
			require.Less(t, len(answers[0]), len(packet))
			answer, err := steamdiscoverywire.Parse(answers[0])
			require.NoError(t, err)
			return pairing.AuthorizationResult(answer.Body.(*steampb.CMsgRemoteDeviceAuthorizationResponse).GetResult())
		}
		for n := range 16 {
			require.Equal(t, pairing.AuthorizationInProgress, ask(n))
		}
		require.Equal(t, pairing.AuthorizationBusy, ask(16))
		require.Len(t, host.Waiting(), 16)
		require.Equal(t, "a\ufffdb", host.Waiting()[0].Name)
		time.Sleep(31 * time.Second)
		require.Equal(t, pairing.AuthorizationInProgress, ask(16))
		require.Len(t, host.Waiting(), 1)
	})
}

// Nobody answers: the device gives up when it should, says so to the host, and the error is a time-out.
func TestPairWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		ear := listenAt(t, lan.Host("192.0.2.1"), "27036")
		defer ear.close()
		begin := time.Now()
		_, err := pairing.Pair(t.Context(), pairing.Config{Device: pairing.NewDevice(), ListenPacket: lan.Host("192.0.2.2").ListenPacket}, hostAddr, pairing.NewPIN())
		require.Equal(t, 15*time.Second, time.Since(begin))
		require.ErrorIs(t, err, pairing.ErrNoAnswer)
		timeout, ok := errors.AsType[net.Error](err)
		require.True(t, ok)
		require.True(t, timeout.Timeout())
		synctest.Wait()
		requests := ear.all(steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_REQUEST)
		require.GreaterOrEqual(t, len(requests), 15)
		first, second := requests[0].packet.Body.(*steampb.CMsgRemoteDeviceAuthorizationRequest), requests[1].packet.Body.(*steampb.CMsgRemoteDeviceAuthorizationRequest)
		require.Len(t, first.GetEncryptedRequest(), 256)
		require.Len(t, first.GetDeviceToken(), 32)
		require.NotEqual(t, first.GetEncryptedRequest(), second.GetEncryptedRequest(), "each is encrypted afresh")
		require.Len(t, ear.all(steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_CANCEL_REQUEST), 1)
	})
}

// The caller gives up: the host hears it, and the error says why.
func TestPairCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, host, config := pairingLAN(t, pairing.HostConfig{})
		errImpatient := errors.New("the player has left the menu")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() {
			if len(host.Waiting()) == 1 {
				cancel(errImpatient)
			}
		})
		begin := time.Now()
		_, err := pairing.Pair(ctx, config, hostAddr, "0042")
		require.Equal(t, 5*time.Second, time.Since(begin))
		require.ErrorIs(t, err, errImpatient)
		require.ErrorIs(t, err, context.Canceled)
		synctest.Wait()
		require.Empty(t, host.Waiting())
	})
}

// forger is somebody who answers in the place of a host, as the test says.
func forger(t *testing.T, lan *steamdiscoverytest.LAN, from netip.AddrPort, answer func(*steamdiscoverywire.Packet) []*steamdiscoverywire.Packet) {
	t.Helper()
	conn, err := lan.Host(hostAddr.Addr().String()).ListenPacket(t.Context(), "udp4", hostAddr.String())
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		b := make([]byte, 65536)
		for {
			n, to, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			packet, err := steamdiscoverywire.Parse(b[:n])
			if err != nil {
				t.Error(err)
				return
			}
			for _, reply := range answer(packet) {
				encoded, err := reply.Append(nil)
				if err != nil {
					t.Error(err)
					return
				}
				lan.Send(encoded, from, netip.MustParseAddrPort(to.String()))
			}
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		serving.Wait()
	})
}

// Answers that are no answers change nothing: from elsewhere, without a result, for other requests, of another host.
func TestForgedAnswers(t *testing.T) {
	stranger := netip.MustParseAddrPort("192.0.2.66:27036")
	response := func(client uint64, result steampb.ERemoteDeviceAuthorizationResult) *steamdiscoverywire.Packet {
		return steamdiscoverywire.New(client, 0, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_RESPONSE,
			&steampb.CMsgRemoteDeviceAuthorizationResponse{Result: result.Enum()})
	}
	for name, c := range map[string]struct {
		from   netip.AddrPort
		answer func() *steamdiscoverywire.Packet
	}{
		"from another machine": {stranger, func() *steamdiscoverywire.Packet { return response(5, 0) }},
		"from another port":    {netip.AddrPortFrom(hostAddr.Addr(), 1), func() *steamdiscoverywire.Packet { return response(5, 0) }},
		"of a type of no concern": {hostAddr, func() *steamdiscoverywire.Packet {
			return steamdiscoverywire.New(5, 0, statusType, &steampb.CMsgRemoteClientBroadcastStatus{})
		}},
		"with nothing in the body": {hostAddr, func() *steamdiscoverywire.Packet { return &steamdiscoverywire.Packet{Header: response(5, 0).Header} }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lan := steamdiscoverytest.NewLAN()
				forger(t, lan, c.from, func(*steamdiscoverywire.Packet) []*steamdiscoverywire.Packet {
					return []*steamdiscoverywire.Packet{c.answer()}
				})
				_, err := pairing.Pair(t.Context(), pairing.Config{Device: pairing.NewDevice(), ListenPacket: lan.Host("192.0.2.2").ListenPacket}, hostAddr, "0042")
				require.ErrorIs(t, err, pairing.ErrNoAnswer)
			})
		})
	}
}

// The host's side of a stream, badly played.
func TestStreamFromABadHost(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(request *steampb.CMsgRemoteDeviceStreamingRequest) *steampb.CMsgRemoteDeviceStreamingResponse
		client uint64
		want   error
		text   string
	}{
		"a key for somebody else": {
			answer: func(r *steampb.CMsgRemoteDeviceStreamingRequest) *steampb.CMsgRemoteDeviceStreamingResponse {
				return &steampb.CMsgRemoteDeviceStreamingResponse{RequestId: r.RequestId, Result: new(steampb.ERemoteDeviceStreamingResult), Port: new(uint32(1)), EncryptedSessionKey: []byte("short")}
			}, want: pairing.ErrBadKey,
		},
		"no port": {
			answer: func(r *steampb.CMsgRemoteDeviceStreamingRequest) *steampb.CMsgRemoteDeviceStreamingResponse {
				return &steampb.CMsgRemoteDeviceStreamingResponse{RequestId: r.RequestId, Result: new(steampb.ERemoteDeviceStreamingResult)}
			}, text: "the host streams on port 0",
		},
		"another request": {
			answer: func(r *steampb.CMsgRemoteDeviceStreamingRequest) *steampb.CMsgRemoteDeviceStreamingResponse {
				return &steampb.CMsgRemoteDeviceStreamingResponse{RequestId: new(r.GetRequestId() + 1), Result: steampb.ERemoteDeviceStreamingResult_STREAMING_FAILED.Enum()}
			}, want: pairing.ErrNoAnswer,
		},
		"another host": {
			client: 6, answer: func(r *steampb.CMsgRemoteDeviceStreamingRequest) *steampb.CMsgRemoteDeviceStreamingResponse {
				return &steampb.CMsgRemoteDeviceStreamingResponse{RequestId: r.RequestId, Result: steampb.ERemoteDeviceStreamingResult_STREAMING_FAILED.Enum()}
			}, want: pairing.ErrNoAnswer,
		},
		"a result that nobody knows": {
			answer: func(r *steampb.CMsgRemoteDeviceStreamingRequest) *steampb.CMsgRemoteDeviceStreamingResponse {
				return &steampb.CMsgRemoteDeviceStreamingResponse{RequestId: r.RequestId, Result: steampb.ERemoteDeviceStreamingResult(99).Enum()}
			}, want: pairing.StreamingResult(99), text: "streaming result 99",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lan := steamdiscoverytest.NewLAN()
				client := uint64(5)
				if c.client != 0 {
					client = c.client
				}
				proofs := 0
				forger(t, lan, hostAddr, func(packet *steamdiscoverywire.Packet) []*steamdiscoverywire.Packet {
					if packet.Type() == steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_RESPONSE {
						proofs++
					}
					request, ok := packet.Body.(*steampb.CMsgRemoteDeviceStreamingRequest)
					if !ok {
						return nil
					}
					challenge := func(id *uint32, length int) *steamdiscoverywire.Packet {
						return steamdiscoverywire.New(client, 0, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_REQUEST,
							&steampb.CMsgRemoteDeviceProofRequest{RequestId: id, Challenge: make([]byte, length)})
					}
					return []*steamdiscoverywire.Packet{
						challenge(nil, 16), challenge(new(request.GetRequestId()+1), 16), challenge(request.RequestId, 0), challenge(request.RequestId, 257),
						steamdiscoverywire.New(client, 0, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_RESPONSE, c.answer(request)),
					}
				})
				_, err := pairing.RequestStream(t.Context(), pairing.Config{Device: pairing.NewDevice(), ListenPacket: lan.Host("192.0.2.2").ListenPacket},
					hostAddr, pairing.StreamRequest{HostID: 5})
				if c.want != nil {
					require.ErrorIs(t, err, c.want)
				}
				require.ErrorContains(t, err, c.text)
				synctest.Wait()
				require.Zero(t, proofs, "a stranger's challenges are not answered")
			})
		})
	}
}

// Whoever replays a token has still to prove that they have the key; a proof counts once.
func TestHostWantsProof(t *testing.T) {
	device := pairing.NewDevice()
	var streams int
	host := pairing.NewHost(pairing.HostConfig{
		Devices: []pairing.PairedDevice{{Device: device, Name: "tablet"}},
		Stream: func(pairing.PairedDevice, pairing.StreamRequest) pairing.StreamOffer {
			streams++
			return pairing.StreamOffer{Result: pairing.StreamingGameLaunchFailed}
		},
	})
	key := [32]byte(device.Save()[8:])
	token := steamdiscoverywire.AppendSealed(nil, key, [16]byte{1}, device.Save()[:8])
	handle := func(kind steamdiscoverywire.Type, body func(*steamdiscoverywire.Packet)) []*steamdiscoverywire.Packet {
		packet := steamdiscoverywire.New(9, 0, kind, nil)
		body(packet)
		var answers []*steamdiscoverywire.Packet
		for _, b := range host.HandleRequest(steamdiscovery.Request{From: asker, Packet: encode(t, packet), Time: time.Now(), ClientID: 5, InstanceID: 6}) {
			answer, err := steamdiscoverywire.Parse(b)
			require.NoError(t, err)
			answers = append(answers, answer)
		}
		return answers
	}
	request := func() []*steamdiscoverywire.Packet {
		return handle(steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_REQUEST, func(p *steamdiscoverywire.Packet) {
			p.Body = &steampb.CMsgRemoteDeviceStreamingRequest{RequestId: new(uint32(7)), DeviceToken: token}
		})
	}
	proof := func(response []byte) []*steamdiscoverywire.Packet {
		return handle(steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_RESPONSE, func(p *steamdiscoverywire.Packet) {
			p.Body = &steampb.CMsgRemoteDeviceProofResponse{RequestId: new(uint32(7)), Response: response}
		})
	}
	result := func(p *steamdiscoverywire.Packet) pairing.StreamingResult {
		return pairing.StreamingResult(p.Body.(*steampb.CMsgRemoteDeviceStreamingResponse).GetResult())
	}
	challenge := func(p *steamdiscoverywire.Packet) []byte {
		return p.Body.(*steampb.CMsgRemoteDeviceProofRequest).GetChallenge()
	}

	require.Empty(t, proof(make([]byte, 48)), "nobody was asked")
	first := request()
	require.Len(t, first, 2)
	require.Equal(t, pairing.StreamingInProgress, result(first[0]))
	require.Equal(t, challenge(first[1]), challenge(request()[1]), "the same as long as it is not answered")
	wrong := proof(steamdiscoverywire.AppendSealed(nil, key, [16]byte{2}, make([]byte, 16)))
	require.Equal(t, pairing.StreamingUnauthorized, result(wrong[0]))
	require.Empty(t, proof(steamdiscoverywire.AppendSealed(nil, key, [16]byte{2}, challenge(first[1]))), "too late")
	second := request()
	require.NotEqual(t, challenge(first[1]), challenge(second[1]))
	require.Zero(t, streams)
	right := proof(steamdiscoverywire.AppendSealed(nil, key, [16]byte{2}, challenge(second[1])))
	require.Equal(t, pairing.StreamingGameLaunchFailed, result(right[0]))
	require.Equal(t, 1, streams)
	require.Empty(t, proof(steamdiscoverywire.AppendSealed(nil, key, [16]byte{2}, challenge(second[1]))))
	again := request()
	require.Len(t, again, 1)
	require.Equal(t, pairing.StreamingGameLaunchFailed, result(again[0]))
	require.Equal(t, 1, streams)
	handle(steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_CANCEL_REQUEST, func(p *steamdiscoverywire.Packet) {
		p.Body = &steampb.CMsgRemoteDeviceStreamingCancelRequest{RequestId: new(uint32(7))}
	})
	require.Len(t, request(), 2, "from the beginning")
}

// Games take their time, and hosts may want a PIN.
func TestStreamTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device := pairing.NewDevice()
		asked := 0
		_, _, config := pairingLAN(t, pairing.HostConfig{
			Devices: []pairing.PairedDevice{{Device: device}},
			Stream: func(_ pairing.PairedDevice, wanted pairing.StreamRequest) pairing.StreamOffer {
				if asked++; asked < 5 {
					return pairing.StreamOffer{Result: pairing.StreamingInProgress}
				}
				if wanted.PIN != "1234" {
					return pairing.StreamOffer{Result: pairing.StreamingPINRequired}
				}
				return pairing.StreamOffer{Port: 27031, SessionKey: []byte("key"), Certificate: "certificate"}
			},
		})
		config.Device = device
		_, err := pairing.RequestStream(t.Context(), config, hostAddr, pairing.StreamRequest{})
		require.ErrorIs(t, err, pairing.StreamingPINRequired)
		require.Equal(t, 5, asked)
		stream, err := pairing.RequestStream(t.Context(), config, hostAddr, pairing.StreamRequest{PIN: "1234"})
		require.NoError(t, err)
		require.Equal(t, "certificate", stream.Certificate)
	})
}

func TestPairingConfigIsChecked(t *testing.T) {
	device := pairing.NewDevice()
	for name, config := range map[string]pairing.Config{
		"no device":          {},
		"a name with a bell": {Device: device, Name: "a\a"},
		"a long name":        {Device: device, Name: strings.Repeat("x", 65)},
		"a long model":       {Device: device, Model: strings.Repeat("x", 33)},
		"no such universe":   {Device: device, Universe: 9},
	} {
		_, err := pairing.Pair(t.Context(), config, hostAddr, "0042")
		require.ErrorIs(t, err, pairing.ErrBadConfig, name)
	}
	for _, bits := range []int{1024, 4104} { // no room for a ticket; more than a host takes
		key := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), bits-1, 1), E: 65537}
		_, err := pairing.Pair(t.Context(), pairing.Config{Device: device, PublicKey: key}, hostAddr, "0042")
		require.ErrorIs(t, err, pairing.ErrBadConfig, bits)
	}
	_, err := pairing.Pair(t.Context(), pairing.Config{Device: device, PublicKey: new(rsa.PublicKey)}, hostAddr, "0042")
	require.ErrorIs(t, err, pairing.ErrBadConfig)
	for _, pin := range []string{"", "12a4", "12345678901234567"} {
		_, err := pairing.Pair(t.Context(), pairing.Config{Device: device}, hostAddr, pin)
		require.ErrorIs(t, err, pairing.ErrBadConfig)
	}
	_, err = pairing.Pair(t.Context(), pairing.Config{Device: device}, netip.MustParseAddrPort("[2001:db8::1]:1"), "0042")
	require.ErrorIs(t, err, pairing.ErrBadConfig)
	_, err = pairing.LoadDevice(make([]byte, 39))
	require.Error(t, err)
	_, err = pairing.LoadDevice(make([]byte, 40))
	require.Error(t, err)
	require.Len(t, pairing.NewPIN(), 4)
}

// No way of printing what a program has in hands shows a key or a PIN.
func TestSecretsAreNotPrinted(t *testing.T) {
	device, err := pairing.LoadDevice(append([]byte{1, 2, 3, 4, 5, 6, 7, 8}, bytes.Repeat([]byte("K"), 32)...))
	require.NoError(t, err)
	offer := pairing.StreamOffer{Result: pairing.StreamingSuccess, Port: 27031, SessionKey: []byte("KKKKKKKK"), Certificate: "c"}
	request := pairing.StreamRequest{PIN: "424242", Width: 1280}
	for _, value := range []any{
		device, &device, pairing.PairedDevice{Device: device, Name: "n"}, []pairing.PairedDevice{{Device: device}},
		pairing.Config{Device: device}, pairing.HostConfig{Devices: []pairing.PairedDevice{{Device: device}}},
		pairing.NewHost(pairing.HostConfig{Devices: []pairing.PairedDevice{{Device: device}}}),
		offer, &offer, request, &request, pairing.Stream{},
	} {
		var text bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			fmt.Fprintf(&text, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&text, nil)).Info("value", "value", value)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("value", "value", value)
		for _, secret := range []string{"KKKK", "75 75 75", "0x4b, 0x4b", "4b4b4b", "424242", base64.StdEncoding.EncodeToString([]byte("KKKKKKKK"))[:8]} {
			require.NotContains(t, text.String(), secret, "%T %s", value, secret)
		}
	}
}

// The longest names fit under the keys of all universes, and the largest ticket is 214 bytes.
func TestTicketsFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for universe := steamdiscovery.UniversePublic; universe <= steamdiscovery.UniverseDev; universe++ {
			key, err := pairing.UniverseKey(universe)
			require.NoError(t, err)
			require.Equal(t, 2048, key.N.BitLen())
			require.Equal(t, 17, key.E)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err = pairing.Pair(ctx, pairing.Config{
				Device: pairing.NewDevice(), Name: strings.Repeat("n", 64), Model: strings.Repeat("m", 32), Serial: strings.Repeat("s", 32),
				Universe: universe, ListenPacket: steamdiscoverytest.NewLAN().Host("192.0.2.2").ListenPacket,
			}, hostAddr, "1234567890123456")
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	})
}

// The tokens and proofs of ihslib, captured from it.
func TestTokenOfIhslib(t *testing.T) {
	saved := append([]byte{0x1a, 0xe6, 0xc5, 0x3d, 0x6a, 0x0a, 0, 0}, unhex(t, "0b2d0e13130801000b2d0e13130801000b2d0e13130801000b2d0e1313080100")...)
	device, err := pairing.LoadDevice(saved)
	require.NoError(t, err)
	require.Equal(t, uint64(11451419190810), device.ID())
	other := pairing.NewHost(pairing.HostConfig{Devices: []pairing.PairedDevice{{Device: pairing.NewDevice()}}})
	host := pairing.NewHost(pairing.HostConfig{Devices: []pairing.PairedDevice{{Device: device}}})
	packet := encode(t, steamdiscoverywire.New(9, 0, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_REQUEST, &steampb.CMsgRemoteDeviceStreamingRequest{
		RequestId: new(uint32(7)), DeviceToken: unhex(t, "ca6016a30595f6505e52c8ee433dec3cfe01ccc3c61ba4383ac142fcfce20273"),
	}))
	require.Len(t, host.HandleRequest(steamdiscovery.Request{From: asker, Packet: packet, ClientID: 5}), 2)
	require.Len(t, other.HandleRequest(steamdiscovery.Request{From: asker, Packet: packet, ClientID: 5}), 1)
}

// Ihslib, with the public key of a host of ours, was paired: played back, its ticket opens with the PIN that it shows, and
// the host answers the same bytes.
func TestTranscriptOfAPairing(t *testing.T) {
	file := transcript.Load(t, "testdata/transcripts/ihslib-pair.json")
	key, err := x509.ParsePKCS1PrivateKey(unhex(t, file.Meta["key"].(string)))
	require.NoError(t, err)
	host := pairing.NewHost(pairing.HostConfig{TicketKey: key, SteamID: 76561197960265729})
	var answers [][]byte
	for _, event := range file.Conn("device") {
		packet, err := steamdiscoverywire.Parse(event.Payload)
		require.NoError(t, err)
		if event.Dir == transcript.ServerToClient {
			if packet.Type() == steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_RESPONSE {
				require.Equal(t, event.Payload, answers[0])
				answers = answers[1:]
			}
			continue
		}
		if event.T > 3 && len(host.Devices()) == 0 { // the user typed then
			waiting := host.Waiting()
			require.Len(t, waiting, 1)
			require.Equal(t, "BABYLON STAGE34", waiting[0].Name)
			_, err := host.Authorize(waiting[0].From, "0042")
			require.ErrorIs(t, err, pairing.ErrWrongPIN)
			device, err := host.Authorize(waiting[0].From, "1919")
			require.NoError(t, err)
			require.Equal(t, uint64(11451419190810), device.Device.ID())
		}
		answers = append(answers, host.HandleRequest(steamdiscovery.Request{
			From: netip.MustParseAddrPort(event.Local), Packet: event.Payload, Time: time.Unix(0, int64(event.T*1e9)),
			ClientID: 7643102103932305409, InstanceID: 81985529216486895,
		})...)
	}
	require.Empty(t, answers)
	require.Len(t, host.Devices(), 1)
}
