package steamdiscoverytest

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// Config says what a [Peer] is and how it behaves. The zero value is a well-behaved client on a free port of 127.0.0.1.
type Config struct {
	ClientID   uint64 // zero is 1001
	InstanceID uint64 // zero is left out, as some clients do
	Hostname   string
	Services   uint32 // enabled ones; bits as in steamdiscovery.Services
	OS         int32
	SteamIDs   []uint64 // users logged in

	// Body replaces the status message by these bytes of protobuf, which may be nonsense. Nil does not.
	Body []byte
	// Datagram replaces the whole answer. Nil does not.
	Datagram []byte
	// Silent does not answer.
	Silent bool
	// Answers is how many packets answer each question. Zero is one.
	Answers int
	// OmitOfflineLength sends Offline without the length of the body that it does not have, as some do.
	OmitOfflineLength bool

	// Addr is where it listens; empty means "127.0.0.1:0", or "0.0.0.0:27036" with ListenPacket.
	Addr string
	// ListenPacket opens the socket; nil means net.ListenPacket.
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error)
}

// Peer behaves like a Steam client on the network. It is safe for concurrent use.
type Peer struct {
	conn net.PacketConn
	done chan struct{}

	mu        sync.Mutex
	config    Config
	questions []Question
}

// Question is a search that a peer has heard.
type Question struct {
	From     netip.AddrPort
	ClientID uint64
	Number   uint32 // the sequence number of the search
	Time     time.Time
}

// questionsKept bounds what a peer remembers.
const questionsKept = 1024

// NewPeer starts a peer. Close it.
func NewPeer(config Config) (*Peer, error) {
	if config.ClientID == 0 {
		config.ClientID = 1001
	}
	listen, address := config.ListenPacket, "0.0.0.0:27036"
	if listen == nil {
		listen, address = new(net.ListenConfig).ListenPacket, "127.0.0.1:0"
	}
	if config.Addr != "" {
		address = config.Addr
	}
	conn, err := listen(context.Background(), "udp4", address)
	if err != nil {
		return nil, err
	}
	p := &Peer{conn: conn, config: config, done: make(chan struct{})}
	go p.serve()
	return p, nil
}

// Addr is where the peer listens.
func (p *Peer) Addr() netip.AddrPort {
	if addr, ok := p.conn.LocalAddr().(*net.UDPAddr); ok {
		return netip.AddrPortFrom(addr.AddrPort().Addr().Unmap(), addr.AddrPort().Port())
	}
	return netip.AddrPort{}
}

// Change changes the configuration of the running peer: its name, its behaviour, its ids. Addr and ListenPacket have no
// effect any more.
func (p *Peer) Change(change func(*Config)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.config)
}

// Questions are the searches heard so far, the last 1024 at most.
func (p *Peer) Questions() []Question {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Question(nil), p.questions...)
}

// Broadcast sends the status, unasked, to an address.
func (p *Peer) Broadcast(to netip.AddrPort) error {
	p.mu.Lock()
	packet, err := p.config.status()
	p.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = p.conn.WriteTo(packet, net.UDPAddrFromAddrPort(to))
	return err
}

// Offline says to an address that this client is going. It goes on answering all the same.
func (p *Peer) Offline(to netip.AddrPort) error {
	p.mu.Lock()
	config := p.config
	p.mu.Unlock()
	offline := steamdiscoverywire.New(config.ClientID, config.InstanceID, steampb.ERemoteClientBroadcastMsg_MSG_OFFLINE, nil)
	offline.OmitBodyLength = config.OmitOfflineLength
	packet, err := offline.Append(nil)
	if err != nil {
		return err
	}
	_, err = p.conn.WriteTo(packet, net.UDPAddrFromAddrPort(to))
	return err
}

// Close stops the peer without a word, as when a cable is pulled.
func (p *Peer) Close() error {
	err := p.conn.Close()
	<-p.done
	return err
}

func (p *Peer) serve() {
	defer close(p.done)
	buffer := make([]byte, steamdiscoverywire.MaxDatagram+1)
	for {
		n, from, err := p.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		for range p.heard(buffer[:n], from) {
			p.mu.Lock()
			packet, err := p.config.status()
			p.mu.Unlock()
			if err == nil {
				_, _ = p.conn.WriteTo(packet, from)
			}
		}
	}
}

// heard notes a question and tells how often to answer it.
func (p *Peer) heard(b []byte, from net.Addr) int {
	packet, err := steamdiscoverywire.Parse(b)
	if err != nil {
		return 0
	}
	question, ok := packet.Body.(*steampb.CMsgRemoteClientBroadcastDiscovery)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !ok || packet.Header.GetClientId() == p.config.ClientID {
		return 0
	}
	addr, _ := netip.ParseAddrPort(from.String())
	if len(p.questions) == questionsKept {
		p.questions = p.questions[1:]
	}
	p.questions = append(p.questions, Question{
		From: addr, ClientID: packet.Header.GetClientId(), Number: question.GetSeqNum(), Time: time.Now(),
	})
	if p.config.Silent {
		return 0
	}
	return max(p.config.Answers, 1)
}

// status is the datagram that answers a question.
func (c *Config) status() ([]byte, error) {
	if c.Datagram != nil {
		return c.Datagram, nil
	}
	packet := steamdiscoverywire.New(c.ClientID, c.InstanceID, steampb.ERemoteClientBroadcastMsg_MSG_STATUS, nil)
	if c.Body != nil {
		packet.Raw = c.Body
		return packet.Append(nil)
	}
	body := &steampb.CMsgRemoteClientBroadcastStatus{
		Version: proto.Int32(8), MinVersion: proto.Int32(6), ConnectPort: proto.Uint32(27036),
		Hostname: new(c.Hostname), EnabledServices: new(c.Services), Ostype: new(c.OS),
		Euniverse: proto.Int32(1), Timestamp: new(uint32(time.Now().Unix())),
	}
	for _, id := range c.SteamIDs {
		body.Users = append(body.Users, &steampb.CMsgRemoteClientBroadcastStatus_User{Steamid: new(id)})
	}
	packet.Body = body
	return packet.Append(nil)
}
