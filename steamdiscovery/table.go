package steamdiscovery

import (
	"bytes"
	"hash/maphash"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

const (
	maxMissed     = 3
	maxHostAddrs  = 8
	maxStatusBody = 8192 // a status with many addresses stays below 1200 (spec steamdiscovery.md §2)

	// Who invents hosts fills a part of the table only, unless they also forge addresses. Machines have a few clients at
	// most: Steam itself, and programs such as this.
	maxHostsPerAddr = 64
	// News of one host, each of which is an event and a line in the log: so many at once, and one more after each pause.
	newsBurst  = 8
	newsRefill = 250 * time.Millisecond
	// Who comes and goes all the time makes as much noise: so many new hosts from one address at once, and one more after
	// each pause.
	arrivalBurst = 2 * maxHostsPerAddr
	arrivalSlots = 1024 // addresses are hashed into these: memory that does not grow
)

// table is who is there. It decides, without sockets or a clock of its own.
type table struct {
	limit    int           // of hosts
	interval time.Duration // of polls, once the search has settled
	hosts    map[ClientID]*entry
	origins  map[netip.Addr]int // hosts by the address where they were heard first
	round    uint64             // polls sent

	seed     maphash.Seed
	arrivals [arrivalSlots]allowance // of new hosts, by the address where they are heard
}

// allowance is how much of something there may be, in memory of its own size.
type allowance struct {
	spent time.Time // when it is full again
}

// take takes one from a burst that is refilled one by one; false if there is none left.
func (a *allowance) take(now time.Time, burst int, refill time.Duration) bool {
	spent := now
	if a.spent.After(now) {
		spent = a.spent
	}
	if spent.Sub(now) > time.Duration(burst-1)*refill {
		return false
	}
	a.spent = spent.Add(refill)
	return true
}

// arrives decides whether there may be a new host at an address now.
func (t *table) arrives(from netip.Addr, now time.Time) bool {
	return t.arrivals[maphash.Comparable(t.seed, from)%arrivalSlots].take(now, arrivalBurst, newsRefill)
}

type entry struct {
	host     Host
	heard    []heardAt // one for each of host.Addrs
	round    uint64    // when it was heard last
	previous InstanceID
	origin   netip.Addr
	news     allowance
}

// tells decides whether there may be news of a host now.
func (e *entry) tells(now time.Time) bool { return e.news.take(now, newsBurst, newsRefill) }

type heardAt struct {
	addr  netip.AddrPort
	round uint64
}

// outcome is what became of a packet.
type outcome int

const (
	accepted outcome = iota
	malformed
	tooLarge
	tableFull
	tooOften
	notFromHost
	conflict
)

// status takes a status packet.
func (t *table) status(envelope *steamdiscoverywire.Envelope, from netip.AddrPort, now time.Time) (outcome, []Event) {
	if len(envelope.Body) > maxStatusBody {
		return tooLarge, nil
	}
	client, instance := ClientID(envelope.ClientID), InstanceID(envelope.InstanceID)
	known := t.hosts[client]
	var events []Event
	switch {
	case known == nil:
		if len(t.hosts) >= t.limit || t.origins[from.Addr()] >= maxHostsPerAddr {
			return tableFull, nil
		}
		if !t.arrives(from.Addr(), now) {
			return tooOften, nil
		}
	case instance != 0 && instance == known.previous:
		// Either a late packet of the instance before the restart, or two machines with one client id that would
		// otherwise restart each other for ever.
		return conflict, nil
	case instance != 0 && known.host.InstanceID != 0 && instance != known.host.InstanceID:
		if !known.tells(now) {
			return tooOften, nil
		}
		events = append(events, Event{Kind: Gone, Time: now, Host: known.host.clone(), Reason: WasRestarted})
	case bytes.Equal(envelope.Body, known.host.Raw):
		return t.hear(known, instance, nil, from, now)
	}

	var message steampb.CMsgRemoteClientBroadcastStatus
	if err := envelope.ParseBody(&message); err != nil {
		return malformed, nil
	}
	said := Host{Status: received(&message), RawHostname: message.GetHostname(), Raw: bytes.Clone(envelope.Body)}
	if known != nil && events == nil {
		return t.hear(known, instance, &said, from, now)
	}

	fresh := &entry{round: t.round, heard: []heardAt{{from, t.round}}, origin: from.Addr()}
	if known != nil {
		fresh.previous, fresh.news = known.host.InstanceID, known.news
		t.remove(known)
	}
	fresh.host = said
	fresh.host.ClientID, fresh.host.InstanceID = client, instance
	fresh.host.Addr, fresh.host.Addrs = from, []netip.AddrPort{from}
	fresh.host.FirstSeen, fresh.host.LastSeen = now, now
	t.hosts[client] = fresh
	if t.origins == nil {
		t.origins = make(map[netip.Addr]int)
	}
	t.origins[fresh.origin]++
	return accepted, append(events, Event{Kind: Appeared, Time: now, Host: fresh.host.clone()})
}

// remove forgets a host.
func (t *table) remove(known *entry) {
	delete(t.hosts, known.host.ClientID)
	if t.origins[known.origin]--; t.origins[known.origin] <= 0 {
		delete(t.origins, known.origin)
	}
}

// hear notes that a known host was heard, and what it said; nil is the same as before. Of a host that changes too often it
// notes only that it is there: what it said last is in its next answer.
func (t *table) hear(known *entry, instance InstanceID, said *Host, from netip.AddrPort, now time.Time) (outcome, []Event) {
	host := &known.host
	address := t.address(known, from)
	news := address != host.Addr || said != nil && !said.Status.sameAs(host.Status)
	result := accepted
	if news && !known.tells(now) {
		address, said, news, result = host.Addr, nil, false, tooOften
	}
	var before Host
	if news {
		before = host.clone()
	}
	host.Addr = address
	host.Addrs = host.Addrs[:0] // nobody else has this list: what leaves the table is cloned
	for _, heard := range known.heard {
		host.Addrs = append(host.Addrs, heard.addr)
	}
	if said != nil {
		host.Status, host.RawHostname, host.Raw = said.Status, said.RawHostname, said.Raw
	}
	host.InstanceID = orElse(instance, host.InstanceID)
	host.LastSeen, host.Missed = now, 0
	known.round = t.round
	if !news {
		return result, nil
	}
	return result, []Event{{Kind: Changed, Time: now, Host: host.clone(), Previous: before}}
}

// address notes where a host was heard, and picks its address: the first one for as long as it is heard there, so that a
// machine on two networks does not change its address with each packet.
func (t *table) address(known *entry, from netip.AddrPort) netip.AddrPort {
	primary := known.host.Addr
	current := slices.IndexFunc(known.heard, func(h heardAt) bool { return h.addr == from })
	if current < 0 {
		if len(known.heard) == maxHostAddrs {
			oldest := 0
			for i, heard := range known.heard {
				if heard.addr != primary && (known.heard[oldest].addr == primary || heard.round < known.heard[oldest].round) {
					oldest = i
				}
			}
			known.heard = slices.Delete(known.heard, oldest, oldest+1)
		}
		known.heard = append(known.heard, heardAt{addr: from})
		current = len(known.heard) - 1
	}
	known.heard[current].round = t.round
	// What was not heard for as many polls as make a host gone is no address any more.
	known.heard = slices.DeleteFunc(known.heard, func(h heardAt) bool { return t.round-h.round >= maxMissed })
	for _, heard := range known.heard {
		if heard.addr == primary && t.round-heard.round < 2 {
			return primary
		}
	}
	return from
}

// offline takes an Offline packet. It counts only from an address where the host was heard: that is little proof, but
// keeps out machines on other networks.
func (t *table) offline(envelope *steamdiscoverywire.Envelope, from netip.AddrPort, now time.Time) (outcome, []Event) {
	client, instance := ClientID(envelope.ClientID), InstanceID(envelope.InstanceID)
	known := t.hosts[client]
	if known == nil {
		return accepted, nil // it was never here, or is gone already
	}
	if instance != 0 && known.host.InstanceID != 0 && instance != known.host.InstanceID {
		return conflict, nil // a late packet of the instance before
	}
	if !slices.ContainsFunc(known.heard, func(h heardAt) bool { return h.addr.Addr() == from.Addr() }) {
		return notFromHost, nil
	}
	t.remove(known)
	known.host.LastSeen = now
	return accepted, []Event{{Kind: Gone, Time: now, Host: known.host.clone(), Reason: SaidOffline}}
}

// poll notes that a question was sent to everyone.
func (t *table) poll() { t.round++ }

// expire removes hosts that did not answer: to be called when there was time enough to answer the last poll. The polls at
// the start of a search follow each other quickly; a host is given a whole interval all the same.
func (t *table) expire(now time.Time) []Event {
	var events []Event
	for _, known := range t.hosts {
		missed := t.round - known.round
		known.host.Missed = int(min(missed, maxMissed))
		if missed >= maxMissed && now.Sub(known.host.LastSeen) >= t.interval {
			t.remove(known)
			events = append(events, Event{Kind: Gone, Time: now, Host: known.host.clone(), Reason: FellSilent})
		}
	}
	slices.SortFunc(events, func(a, b Event) int { return a.Host.compare(b.Host) })
	return events
}

// snapshot lists the hosts, in order of appearance.
func (t *table) snapshot() []Host {
	hosts := make([]Host, 0, len(t.hosts))
	for known := range maps.Values(t.hosts) {
		hosts = append(hosts, known.host.clone())
	}
	slices.SortFunc(hosts, Host.compare)
	return hosts
}

func (h Host) compare(other Host) int {
	if order := h.FirstSeen.Compare(other.FirstSeen); order != 0 {
		return order
	}
	return h.Addr.Compare(other.Addr)
}
