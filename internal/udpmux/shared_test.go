package udpmux

import (
	"net"
	"testing"
)

func TestShared(t *testing.T) {
	type key struct{}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	first, release := Attach(conn)
	defer release()
	second, releaseSecond := Attach(first.Conn())
	defer releaseSecond()
	create := func() any { return new(int) }
	value := first.Shared(key{}, create)
	if second.Shared(key{}, create) != value || second.Shared(1, create) == value {
		t.Error("one value for each key of a connection")
	}
	first.Conn().Close()
}
