package pairing_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/pairing"
)

// A device and a host of one's own, with a key of their own: the device is paired, and is told where the stream is. Against
// a Steam host only the device's half is needed, and no key.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}

	pin := "0042" // pairing.NewPIN(), shown by the device; the host's user types it
	var host *pairing.Host
	host = pairing.NewHost(pairing.HostConfig{
		TicketKey: key,
		Waiting: func(device pairing.WaitingDevice) {
			go func() { // as a user would: not at once
				if _, err := host.Authorize(device.From, pin); err != nil {
					log.Print(err)
				}
			}()
		},
		Stream: func(device pairing.PairedDevice, _ pairing.StreamRequest) pairing.StreamOffer {
			fmt.Println(device.Name, "may stream")
			return pairing.StreamOffer{Port: 27031, SessionKey: make([]byte, 32)}
		},
	})
	announcer, err := steamdiscovery.NewAnnouncer(ctx, steamdiscovery.AnnounceConfig{Addr: "127.0.0.1:0", Silent: true, Requests: host})
	if err != nil {
		log.Fatal(err)
	}
	go announcer.Run(ctx)
	defer announcer.Close()

	config := pairing.Config{Device: pairing.NewDevice(), Name: "tablet", PublicKey: &key.PublicKey, Interval: 200 * time.Millisecond}
	if _, err := pairing.Pair(ctx, config, announcer.Addr(), pin); err != nil {
		log.Fatal(err)
	}
	stream, err := pairing.RequestStream(ctx, config, announcer.Addr(), pairing.StreamRequest{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("on port", stream.Addr.Port(), "with a key of", len(stream.SessionKey()), "bytes")
	// Output:
	// tablet may stream
	// on port 27031 with a key of 32 bytes
}
