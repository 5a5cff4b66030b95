// Package fleet gives the examples game servers to look at: they are listed at test masters, answer queries as late as if they
// were somewhere in the world, and things happen on them.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

const (
	// Max is the largest fleet. Each server has a socket.
	Max    = 2000
	maxLAN = 40

	tick        = 50 * time.Millisecond
	changeEvery = 60               // ticks after which every server has changed once, on average
	leaveEvery  = 40               // ticks after which one server leaves and another one comes
	silentEach  = 50               // one of so many does not answer
	natEach     = 3                // one of so many is joined through NAT negotiation
	maxWait     = 30 * time.Second // for all to be listed
)

// Names says how the servers of a fleet are called.
type Names int

// How servers are called.
const (
	Odd   Names = iota // the first ones have what a browser has to cope with: languages, encodings, tricks on terminals
	Plain              // nothing that a bitmap font cannot show
)

// Fleet is a few hundred game servers on which nobody plays.
type Fleet struct {
	config qr2.Config
	names  Names
	master *qr2test.Master // nil on the LAN
	random *rand.Rand      // of the goroutine that moves them; the same in every run

	first   []*fake // those that wait waits for
	servers []*fake
	silent  []net.PacketConn // sockets that nobody reads
	made    int
	done    chan struct{}
	moving  sync.WaitGroup
}

// fake is one of them.
type fake struct {
	host     *qr2.Host
	conn     net.PacketConn
	running  sync.WaitGroup
	stop     context.CancelFunc
	listed   chan struct{} // closed when it is, or when it leaves before
	name     string
	mapName  string
	gameType string
	slots    int
	players  []qr2.Fields
}

// Start starts servers that register with a master, and lists some that never answer.
func Start(count int, names Names, config qr2.Config, master *qr2test.Master) (*Fleet, error) {
	f := newFleet(names, config, master)
	for i := range count {
		var err error
		if i%silentEach == silentEach-1 {
			err = f.addSilent()
		} else {
			err = f.add(0)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	f.first = slices.Clone(f.servers)
	f.moving.Go(f.move)
	return f, nil
}

// StartLAN starts servers, 40 at most, where LAN searches look for them: ports 6500 and those that follow, as far as they are
// free.
func StartLAN(count int, names Names, config qr2.Config) (*Fleet, error) {
	f := newFleet(names, config, nil)
	var err error
	for port := 6500; port <= 6600 && len(f.servers) < min(count, maxLAN); port++ {
		err = f.add(port)
	}
	if len(f.servers) == 0 {
		return nil, err
	}
	f.moving.Go(f.move)
	return f, nil
}

func newFleet(names Names, config qr2.Config, master *qr2test.Master) *Fleet {
	return &Fleet{config: config, names: names, master: master, random: rand.New(rand.NewPCG(1, 2)), done: make(chan struct{})}
}

// Wait returns when all are listed.
func (f *Fleet) Wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	for _, server := range f.first {
		select {
		case <-server.listed:
		case <-ctx.Done():
			return fmt.Errorf("the test servers are not listed: %w", ctx.Err())
		}
	}
	return nil
}

// Close says goodbye for all of them, at the same time.
func (f *Fleet) Close() error {
	close(f.done)
	f.moving.Wait()
	var closing sync.WaitGroup
	for _, server := range f.servers {
		closing.Go(server.close)
	}
	closing.Wait()
	for _, conn := range f.silent {
		conn.Close()
	}
	return nil
}

// add opens a server, at a port of the system's choice if it is 0.
func (f *Fleet) add(port int) error {
	inner, err := openSocket(port)
	if err != nil {
		return err
	}
	f.made++
	conn := &distant{PacketConn: inner, closing: make(chan struct{}), delay: time.Duration(5+f.random.ExpFloat64()*50) * time.Millisecond}
	if f.master != nil && f.made%natEach == 0 {
		conn.deafTo = f.master.ProbeAddr()
	}
	host, err := qr2.NewHost(conn, f.config)
	if err != nil {
		return errors.Join(err, inner.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	server := &fake{
		host: host, conn: conn, stop: stop, listed: make(chan struct{}),
		name: f.name(), gameType: pick(f.random, gameTypes), mapName: pick(f.random, mapNames), slots: 8 << f.random.IntN(3),
	}
	for range max(0, f.random.IntN(server.slots*2)-server.slots) {
		server.join(f.random)
	}
	if err := server.publish(); err != nil {
		stop()
		return errors.Join(err, host.Close(), inner.Close())
	}
	server.running.Go(func() { _ = host.Run(ctx) }) // says goodbye when it is stopped
	server.running.Go(func() {
		defer close(server.listed)
		for event := range host.Events(ctx) {
			if changed, ok := event.(*qr2.MasterChanged); ok && changed.Step == qr2.StepListed {
				return
			}
		}
	})
	f.servers = append(f.servers, server)
	return nil
}

// addSilent lists a server that is gone, as masters do for minutes.
func (f *Fleet) addSilent() error {
	conn, err := openSocket(0)
	if err != nil {
		return err
	}
	f.made++
	f.silent = append(f.silent, conn)
	f.master.Registry().Put(qr2test.GameServer{
		Game: f.config.Game, Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), NatNeg: true, Reachable: true, Updated: time.Now(),
		Fields: []qr2test.Field{
			{Key: "hostname", Value: f.name()}, {Key: "mapname", Value: pick(f.random, mapNames)}, {Key: "gametype", Value: pick(f.random, gameTypes)},
			{Key: "numplayers", Value: "0"}, {Key: "maxplayers", Value: "16"},
		},
	})
	return nil
}

// move lets things happen until the fleet is closed.
func (f *Fleet) move() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-f.done:
			return
		case <-ticker.C:
		}
		for range max(1, len(f.servers)/changeEvery) {
			server := f.servers[f.random.IntN(len(f.servers))]
			server.change(f.random)
			_ = server.publish() // what is published fits
		}
		if n%leaveEvery != 0 || f.master == nil || len(f.servers) < 2 {
			continue
		}
		place := f.random.IntN(len(f.servers))
		f.servers[place].close()
		f.servers = slices.Delete(f.servers, place, place+1)
		_ = f.add(0) // there was a socket a moment ago
	}
}

func (s *fake) close() {
	s.stop()
	s.running.Wait()
	_ = s.host.Close()
	_ = s.conn.Close()
}

// change is one of the things that happen on game servers.
func (s *fake) change(random *rand.Rand) {
	switch n := random.IntN(10); {
	case n == 0:
		s.mapName = pick(random, mapNames)
	case n < 3 && len(s.players) < s.slots:
		s.join(random)
	case n < 5 && len(s.players) > 0:
		leaver := random.IntN(len(s.players))
		s.players = slices.Delete(s.players, leaver, leaver+1)
	case len(s.players) > 0:
		player := s.players[random.IntN(len(s.players))]
		score, _ := strconv.Atoi(player[1].Value)
		player[1].Value = strconv.Itoa(score + 1 + random.IntN(3))
	}
}

func (s *fake) join(random *rand.Rand) {
	s.players = append(s.players, qr2.Fields{
		{Key: "player_", Value: pick(random, nicks)}, {Key: "score_", Value: strconv.Itoa(random.IntN(20))},
		{Key: "ping_", Value: strconv.Itoa(10 + random.IntN(120))}, {Key: "team_", Value: strconv.Itoa(random.IntN(2))},
	})
}

func (s *fake) publish() error {
	return s.host.Update(qr2.Snapshot{
		Server: qr2.Fields{
			{Key: "hostname", Value: s.name},
			{Key: "gamever", Value: "1.0"},
			{Key: "hostport", Value: strconv.Itoa(s.conn.LocalAddr().(*net.UDPAddr).Port)},
			{Key: "mapname", Value: s.mapName},
			{Key: "gametype", Value: s.gameType},
			{Key: "gamemode", Value: "openplaying"},
			{Key: "numplayers", Value: strconv.Itoa(len(s.players))},
			{Key: "maxplayers", Value: strconv.Itoa(s.slots)},
			{Key: "password", Value: "0"},
		},
		Players: s.players,
	})
}

// distant is a socket whose datagrams are on their way for a while.
type distant struct {
	net.PacketConn
	delay   time.Duration
	onWay   sync.WaitGroup
	closing chan struct{}
	deafTo  string // nothing arrives from there: where a master tries whether strangers can come in
}

// ReadFrom implements net.PacketConn.
func (d *distant) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := d.PacketConn.ReadFrom(b)
		if err != nil || d.deafTo == "" || from.String() != d.deafTo {
			return n, from, err
		}
	}
}

// WriteTo implements net.PacketConn. It does not tell whether that works, as networks do not.
func (d *distant) WriteTo(b []byte, to net.Addr) (int, error) {
	b = slices.Clone(b)
	d.onWay.Go(func() {
		late := time.NewTimer(d.delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-d.closing:
		}
		_, _ = d.PacketConn.WriteTo(b, to)
	})
	return len(b), nil
}

// Close lets what is on its way, such as a goodbye, arrive at once. Nothing must be written any more.
func (d *distant) Close() error {
	close(d.closing)
	d.onWay.Wait()
	return d.PacketConn.Close()
}

var (
	mapNames  = []string{"dm_bay", "dm_harbour", "dm_quarry", "ctf_canyon", "ctf_twins", "as_refinery", "br_stadium"}
	gameTypes = []string{"dm", "tdm", "ctf", "coop"}
	nicks     = []string{"ann", "bob", "[RLT]carol", "Dave_1987", "eve", "frank", "Grzegorz", "heidi", "ivan", "Müller", "~nova~", "オスカー"}
	moods     = []string{"Friday", "Rookie", "Iron", "Frozen", "Silent", "Golden", "Midnight", "Old", "Red", "Northern"}
	places    = []string{"Harbour", "Fortress", "Arena", "Garage", "Lounge", "Outpost", "Academy", "Tavern", "Yard", "Republic"}
	// oddNames are what a browser has to cope with: languages, encodings, and tricks on terminals.
	oddNames = []string{"Кафе «Север» 24/7", "Caf\xe9 Libert\xe9", "週末の戦い", "\x1b[2J\x1b]0;mine now\aScreen wiper \x9b31m", "a\u202egnp.reviled"}
)

// openSocket opens a socket that nobody outside of this machine reaches.
func openSocket(port int) (net.PacketConn, error) {
	return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
}

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

// name gives every server another one.
func (f *Fleet) name() string {
	if f.names == Odd && f.made <= len(oddNames) {
		return oddNames[f.made-1]
	}
	return fmt.Sprintf("%s %s %d", pick(f.random, moods), pick(f.random, places), f.made)
}
