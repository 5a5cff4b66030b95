package engine

import (
	"testing"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

func TestDiscovery(t *testing.T) {
	g := newGame(t)
	peer, err := steamdiscoverytest.NewPeer(steamdiscoverytest.Config{
		Hostname: "living-room", ClientID: 42, InstanceID: 1, OS: int32(steamdiscovery.OSLinux6), SteamIDs: []uint64{76561198000000001},
		Services: uint32(steamdiscovery.ServiceGameStreaming),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	config := DiscoverConfig{Targets: peer.Addr().String(), Interval: 500 * time.Millisecond, SearchTime: time.Second}
	d := get[*Discovery](g, g.add(g.library.NewDiscovery(config)))

	appeared := g.wait(EventLANAppeared, nil)
	if appeared.Name != "living-room" || appeared.ID != 42 || appeared.Number != 2 || appeared.Total != int64(steamdiscovery.OSLinux6) || appeared.Address == "" {
		t.Errorf("appeared: %+v", appeared)
	}
	fields := make(map[string]string)
	for _, field := range appeared.Fields {
		fields[field.Key] = field.Value
	}
	if fields["client_id"] != "42" || fields["instance_id"] != "1" || fields["steam_id"] != "76561198000000001" || fields["os"] == "" {
		t.Errorf("fields: %v", fields)
	}
	g.wait(EventLANState, status(int32(steamdiscovery.DiscovererTracking)))

	if err := d.Search(); err != nil {
		t.Error(err)
	}
	if done := g.done(d.Hosts()); done.Number != 1 || done.Type != EventDone {
		t.Errorf("hosts: %+v", done)
	}
	if host := g.wait(EventLANHost, nil); host.ID != 42 || host.Request == 0 {
		t.Errorf("host: %+v", host)
	}
	peer.Change(func(c *steamdiscoverytest.Config) { c.Hostname = "kitchen" })
	if changed := g.wait(EventLANChanged, nil); changed.Name != "kitchen" {
		t.Errorf("changed: %+v", changed)
	}
	if found := g.done(d.Diagnose()); found.Type != EventLANReport || found.Status != 1 {
		t.Errorf("diagnosis: %+v", found)
	}
	peer.Change(func(c *steamdiscoverytest.Config) { c.Silent = true })
	if gone := g.wait(EventLANGone, nil); gone.Status != int32(steamdiscovery.FellSilent) || gone.ID != 42 || gone.Text == "" {
		t.Errorf("gone: %+v", gone)
	}
}

func TestAnnouncement(t *testing.T) {
	g := newGame(t)
	a := get[*Announcement](g, g.add(g.library.NewAnnouncement(AnnounceConfig{
		ClientID: 1234, InstanceID: 5, Addr: "127.0.0.1:0", Flags: LANSilent,
		Status: LANStatus{Name: "lobby", OS: int32(steamdiscovery.OSLinux6), Enabled: 2, Flags: LANGamesRunning, SteamIDs: []uint64{76561198000000001}},
	})))
	step := g.wait(EventLANAnnounce, status(int32(steamdiscovery.AnnouncerAnnouncing)))
	if step.ID != 1234 || step.Number != 5 || step.Name != "lobby" || step.Address == "" {
		t.Errorf("announcing: %+v", step)
	}
	g.add(g.library.NewDiscovery(DiscoverConfig{Targets: step.Address, Interval: time.Second}))
	appeared := g.wait(EventLANAppeared, nil)
	if appeared.ID != 1234 || appeared.Name != "lobby" || appeared.Flags&LANGamesRunning == 0 || appeared.Number != 2 {
		t.Errorf("appeared: %+v", appeared)
	}
	if err := a.Update(LANStatus{Name: "arena"}); err != nil {
		t.Error(err)
	}
	if changed := g.wait(EventLANChanged, nil); changed.Name != "arena" || changed.Flags&LANGamesRunning != 0 {
		t.Errorf("changed: %+v", changed)
	}
	if err := a.Update(LANStatus{Name: "a\nb"}); codeFrom(err) != ErrInvalid {
		t.Errorf("a name with a line feed: %v", err)
	}
	if err := g.library.Close(a.Handle()); err != nil {
		t.Fatal(err)
	}
	if gone := g.wait(EventLANGone, nil); gone.Status != int32(steamdiscovery.SaidOffline) {
		t.Errorf("gone: %+v", gone)
	}
}

func TestLANEndsWithoutANetwork(t *testing.T) {
	g := newGame(t)
	d := g.add(g.library.NewDiscovery(DiscoverConfig{Interfaces: "nosuch0"}))
	if closed := g.wait(EventClosed, nil); closed.Code == OK || closed.Text == "" || closed.Handle != d {
		t.Errorf("discovery: %+v", closed)
	}
	if err := get[*Discovery](g, d).Search(); codeFrom(err) != ErrState {
		t.Errorf("search: %v", err)
	}
	a := g.add(g.library.NewAnnouncement(AnnounceConfig{Addr: "192.0.2.1:0", Flags: LANSilent}))
	if closed := g.wait(EventClosed, nil); closed.Code != ErrNetwork || closed.Handle != a {
		t.Errorf("announcement: %+v", closed)
	}
	for name, open := range map[string]func() (Handle, error){
		"port":           func() (Handle, error) { return g.library.NewDiscovery(DiscoverConfig{Port: 70000}) },
		"announced port": func() (Handle, error) { return g.library.NewAnnouncement(AnnounceConfig{Port: 70000}) },
		"connect port": func() (Handle, error) {
			return g.library.NewAnnouncement(AnnounceConfig{Status: LANStatus{ConnectPort: 70000}})
		},
	} {
		if _, err := open(); codeFrom(err) != ErrInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
