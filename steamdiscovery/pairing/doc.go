// Package pairing lets a device pair with a Steam host and ask it to stream, and lets a program be such a host: what
// travels beside discovery on the same port, up to the point where the stream begins.
//
// A player types a PIN once, and from then on the host knows the device:
//
//	device := pairing.NewDevice() // once; keep device.Save()
//	config := pairing.Config{Device: device, Name: "Ann's tablet"}
//	pin := pairing.NewPIN()
//	fmt.Println("type", pin, "at the host")
//	_, err := pairing.Pair(ctx, config, host.ConnectAddr(), pin)
//	...
//	stream, err := pairing.RequestStream(ctx, config, host.ConnectAddr(), pairing.StreamRequest{HostID: host.ClientID})
//	fmt.Println("the stream is at", stream.Addr)
//
// # What needs Valve
//
// A device seals its ticket (its key and the PIN) under the public key of the host's universe; these keys are public, see
// [UniverseKey]. The private halves are Valve's alone: a Steam host sends the ticket on to Steam, which opens it. So
//
//   - [Pair] and [RequestStream] have all that a real Steam host asks for;
//   - a [Host] can pair with devices that were given a key of its own ([HostConfig].TicketKey, [Config].PublicKey), and with
//     nobody else's: those that seal for Steam get [ErrForeignTicket]. It can stream to any device whose key it was given,
//     in [HostConfig].Devices;
//   - proofs that change the key of a device (update_secret), tickets that name a provisioned device, and the account's key
//     for the control connection on TCP are out of reach.
//
// # How much it proves
//
// The device proves to the host that it has the key. The host proves nothing: whoever can answer in its place, from its
// address, can say "success" to [Pair], and can have the device seal what they choose as a challenge, a session key too. The
// encryption is Steam's (AES-256-CBC under a random vector, without a code of authenticity), and is as strong as that.
//
// # What it does not do
//
// The stream itself, wake-on-LAN, and Steam's control connection.
package pairing
