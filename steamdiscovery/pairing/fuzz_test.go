package pairing

import (
	"net/netip"
	"testing"
	"time"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
)

// FuzzHost: whatever devices send, the host neither panics nor remembers more than it should, and answers with two small
// packets at most.
func FuzzHost(f *testing.F) {
	device := NewDevice()
	config, err := Config{Device: device, Name: "one"}.checked()
	if err != nil {
		f.Fatal(err)
	}
	stream := &streamExchange{config: config, id: 7}
	pair := &pairingExchange{config: config, pin: "0042"}
	for _, e := range []exchange{pair, stream} {
		kind, body, err := e.request()
		if err != nil {
			f.Fatal(err)
		}
		request, err := steamdiscoverywire.New(1, 0, kind, body).Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		kind, body = e.cancel()
		cancel, err := steamdiscoverywire.New(1, 0, kind, body).Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(request, cancel)
		f.Add(request, request)
	}
	id := uint32(7)
	proof, err := steamdiscoverywire.New(1, 0, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_RESPONSE,
		&steampb.CMsgRemoteDeviceProofResponse{RequestId: &id, Response: make([]byte, 48)}).Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(proof, proof)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		host := NewHost(HostConfig{Devices: []PairedDevice{{Device: device}}})
		now := time.Unix(1700000000, 0)
		for i, packet := range [][]byte{first, second, first} {
			answers := host.HandleRequest(steamdiscovery.Request{
				From: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 5000), Packet: packet, Time: now, ClientID: 5,
			})
			size := 0
			for _, answer := range answers {
				size += len(answer)
			}
			if len(answers) > 2 || size > 256 {
				t.Fatalf("%d answers of %d bytes", len(answers), size)
			}
		}
		if len(host.Waiting()) > 3 || len(host.Devices()) != 1 {
			t.Fatal(host.Waiting(), host.Devices())
		}
	})
}

// FuzzDevice: whatever a host sends, the device does not panic, and seals nothing but challenges of bounded length.
func FuzzDevice(f *testing.F) {
	id, port := uint32(7), uint32(27031)
	device := NewDevice()
	for kind, body := range map[steamdiscoverywire.Type]*steampb.CMsgRemoteDeviceStreamingResponse{
		steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_RESPONSE: {
			RequestId: &id, Result: steampb.ERemoteDeviceStreamingResult_STREAMING_SUCCESS.Enum(), Port: &port, EncryptedSessionKey: device.seal([]byte("key")),
		},
	} {
		b, err := steamdiscoverywire.New(1, 0, kind, body).Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	b, err := steamdiscoverywire.New(1, 0, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_REQUEST,
		&steampb.CMsgRemoteDeviceProofRequest{RequestId: &id, Challenge: []byte("0123456789abcdef")}).Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\xff\xff\xff\xff\x21\x4c\x5f\xa0\x04\x00\x00\x00\x08\x05\x10\x04\x02\x00\x00\x00\x08\x00"))
	config, err := Config{Device: device}.checked()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		packet, err := steamdiscoverywire.Parse(b)
		if err != nil {
			return
		}
		for _, e := range []exchange{&pairingExchange{config: config, pin: "1"}, &streamExchange{config: config, id: 7, host: netip.IPv4Unspecified()}} {
			reply, ours, done, err := e.handle(packet)
			if !ours && (reply != nil || done || err != nil) || done && err != nil {
				t.Fatal(reply, ours, done, err)
			}
			if reply != nil && len(reply.Body.(*steampb.CMsgRemoteDeviceProofResponse).GetResponse()) > maxChallenge+32 {
				t.Fatal("a large secret")
			}
		}
	})
}
