package udpmux

import "net/netip"

// Packet is one datagram of several.
type Packet struct {
	// Data is what is sent. When reading, its capacity is the space for a datagram, and its length becomes the datagram's.
	Data []byte
	// Addr is where it goes or comes from. IPv4 addresses are never IPv4-mapped.
	Addr netip.AddrPort
	// Err is why it was not sent, when writing; nil if it was.
	Err error
}

// source reads datagrams off a connection, several at a time where the system can. Who holds the lead uses it.
type source interface {
	// read waits for datagrams and says how many there are. Their data is valid until the next call.
	read() (int, error)
	// datagram is one of them.
	datagram(i int) ([]byte, netip.AddrPort)
}

// sink writes datagrams, several at a time where the system can. It is safe for concurrent use.
type sink interface {
	// write tries all of them, sets their Err, and says how many failed.
	write(packets []Packet) (failed int)
}

// oneByOne is the source and sink of connections that cannot do better.
type oneByOne struct {
	mux  *Mux
	buf  []byte
	n    int
	from netip.AddrPort
}

func (o *oneByOne) read() (n int, err error) {
	if o.buf == nil {
		o.buf = make([]byte, o.mux.size)
	}
	o.n, o.from, err = o.mux.readOnce(o.buf)
	if err != nil && o.n > 0 && o.n == len(o.buf) {
		// Windows: the datagram is longer than the buffer.
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}

func (o *oneByOne) datagram(int) ([]byte, netip.AddrPort) { return o.buf[:o.n], o.from }

func (o *oneByOne) write(packets []Packet) (failed int) {
	for i := range packets {
		p := &packets[i]
		if p.Err = o.mux.WriteTo(p.Data, p.Addr); p.Err != nil {
			failed++
		}
	}
	return failed
}
