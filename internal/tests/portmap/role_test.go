package portmap_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/relight-sdk/relight/natneg/portmap"
)

// The variables that tell this test's binary to be a program on a host instead.
const (
	roleVariable     = "RELIGHT_PORTMAP_ROLE"     // "server", or "send" for the other side
	protocolVariable = "RELIGHT_PORTMAP_PROTOCOL" // number of the only protocol of the server; 0: all
	leaseVariable    = "RELIGHT_PORTMAP_LEASE"    // of the server, in seconds
	portVariable     = "RELIGHT_PORTMAP_PORT"     // of the server
	targetVariable   = "RELIGHT_PORTMAP_TARGET"   // whom to send to
)

// report is a line of what the server tells: that its mapping has changed, a datagram that came, or why it failed.
type report struct {
	Step     portmap.Step
	Protocol portmap.Protocol
	External string
	Router   string
	Renewed  uint64
	Restored uint64
	Got      string
	Err      string
	Kind     string
	Millis   int64 // since the start
}

func play(role string) error {
	if role == "send" {
		conn, err := net.Dial("udp4", os.Getenv(targetVariable))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte("knock"))
		return err
	}
	return serve()
}

// serve is a game server: it opens its port until its input ends.
func serve() error {
	protocol, err := strconv.Atoi(os.Getenv(protocolVariable))
	if err != nil {
		return err
	}
	lease, err := strconv.Atoi(os.Getenv(leaseVariable))
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(os.Getenv(portVariable), 10, 16)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port)})
	if err != nil {
		return err
	}
	start := time.Now()
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	tell := func(line report) {
		mu.Lock()
		defer mu.Unlock()
		line.Millis = time.Since(start).Milliseconds()
		_ = out.Encode(line)
	}
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			tell(report{Got: fmt.Sprintf("%s from %s", buf[:n], from.Addr())})
		}
	}()
	config := portmap.Config{
		Name:          "relight-test",
		Lease:         time.Duration(lease) * time.Second,
		CheckInterval: 300 * time.Millisecond,
		SearchTimeout: 10 * time.Second, // a busy machine may be slow
		Progress: func(s portmap.State) {
			line := report{Step: s.Step, Protocol: s.Protocol, External: s.External.String(), Router: s.Router.String(), Renewed: s.Counters.Renewals, Restored: s.Counters.Recoveries}
			if s.Err != nil {
				line.Err = s.Err.Error()
			}
			tell(line)
		},
	}
	if protocol != 0 {
		config.Protocols = []portmap.Protocol{portmap.Protocol(protocol)}
	}
	mapping, err := portmap.Open(context.Background(), uint16(port), config)
	if err != nil {
		line := report{Err: err.Error()}
		for name, kind := range map[string]error{"double NAT": portmap.ErrDoubleNAT, "not connected": portmap.ErrNotConnected, "refused": portmap.ErrRefused} {
			if errors.Is(err, kind) {
				line.Kind += name + " "
			}
		}
		tell(line)
		return nil
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
	return mapping.Close()
}
