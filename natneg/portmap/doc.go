// Package portmap opens a port on the home router while a program runs, and closes it again: by PCP, NAT-PMP and UPnP
// (spec portmap.md).
//
// What a player gets is a server that friends can join though nobody has ever seen the router's settings:
//
//	conn, _ := net.ListenPacket("udp4", ":7777") // the game's own socket
//	mapping, err := portmap.Open(ctx, 7777, portmap.Config{Name: "mygame"})
//	if errors.Is(err, portmap.ErrDisabled) {
//		return errors.New("please allow this computer to open ports in the router's settings")
//	} else if err != nil {
//		return err // says which router refused what, and what to do; the game can go on without, by NatNeg
//	}
//	defer mapping.Close() // closes the port
//	fmt.Println("friends connect to", mapping.External())
//
// The three protocols are tried at the same moment, and the best that works is used: PCP before NAT-PMP before UPnP. A
// router that speaks one of the first two has the port open after a few milliseconds. The router may give another port than
// the wished one: [Mapping.External] is what to tell others, in heartbeats, too. A mapped port is as good as a full cone
// NAT: package natneg joins everybody then.
//
// # While the program runs, and no longer
//
// The mapping has a lease of half an hour, renewed at half time: a program that crashes leaves the port open for at most
// that long. [Mapping.Close], or the end of the context that was given to [Open], deletes it at once. Between renewals it is
// looked for once a minute, so that a router that has restarted (seen by its clock in PCP and NAT-PMP, by its list in UPnP)
// gets the mapping anew, and one that has another address is noticed. Where UPnP routers know no leases, the mapping is
// deleted by Close, and after a crash by the next run: it deletes what carries the program's name and this machine's
// address, and leads to a port at which nobody listens. Config.StateFile does the same for PCP and NAT-PMP, whose lists
// nobody can read.
//
// # When it does not work
//
// Errors are [*Error] and match [ErrNoGateway], [ErrDisabled], [ErrRefused], [ErrConflict], [ErrDoubleNAT] and
// [ErrNotConnected]. A router whose own outside address is private or the provider's (100.64.0.0/10) opens its port to
// nobody: that is ErrDoubleNAT, unless Config.AllowDoubleNAT says to keep it. [Diagnose] goes through everything step by step
// and says in words what works.
//
// FRITZ!Box: the permission is per device and off at first: Internet, Freigaben, Portfreigaben, the device, "Selbstständige
// Portfreigaben für dieses Gerät erlauben" (older: Heimnetz, Netzwerk, the device, "Portfreigaben per PCP oder UPnP"). It is
// one switch for PCP and UPnP; NAT-PMP is not spoken. Without it the answer is [ErrDisabled], and one that comes while a
// mapping is kept is asked again after an hour only. Lines with DS-Lite have no IPv4 address of their own, and then no port
// can be opened ([ErrNotConnected] or [ErrDoubleNAT]).
//
// # Trust
//
// Whatever answers on the network is not believed more than it must be: descriptions and services are asked for at the
// machine alone that answered, by address, without redirects or proxies, and up to a size; its words come short and printable
// in errors; PCP's answers must carry our nonce. Others' mappings are neither replaced nor deleted, even if the router would
// allow it, and neither is a port that the router shows to be open for this machine under another name, such as one that was
// opened by hand: it is used as it is.
//
// # Dependencies
//
// UPnP's descriptions and actions are those of github.com/huin/goupnp, NAT-PMP is github.com/jackpal/go-nat-pmp; PCP, for
// which there is no library, and the search of UPnP are this package's own. Package natneg does not import this one: who
// does not use it links nothing of these.
//
// # What it does not do
//
// It opens ports for IPv4 only, no pinholes for IPv6, and on one router only, the first that works. It does not test from
// outside whether packets arrive. The default route is known on Linux and Windows; elsewhere, as on macOS, PCP and NAT-PMP
// ask the first address of the network, unless Config.Gateway names another; UPnP finds the router by itself. AVM's TR-064,
// which would need the router's password, is not used.
package portmap
