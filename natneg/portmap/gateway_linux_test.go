package portmap

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestParseRoutes(t *testing.T) {
	hex := func(addr string) string {
		b := netip.MustParseAddr(addr).As4()
		return fmt.Sprintf("%08X", binary.NativeEndian.Uint32(b[:]))
	}
	table := "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"tun0\t00000000\t" + hex("10.8.0.1") + "\t0003\t0\t0\t600\t00000000\t0\t0\t0\n" +
		"eth0\t00000000\t" + hex("192.168.178.1") + "\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" +
		"eth1\t00000000\t" + hex("192.168.9.1") + "\t0002\t0\t0\t0\t00000000\t0\t0\t0\n" + // down
		"tun0\t00000000\t" + hex("10.9.0.1") + "\t0003\t0\t0\t0\t00000080\t0\t0\t0\n" + // 0.0.0.0/1
		"eth0\t" + hex("192.168.178.0") + "\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
	if got, err := parseRoutes(strings.NewReader(table)); err != nil || got != netip.MustParseAddr("192.168.178.1") {
		t.Error(got, err)
	}
	for _, text := range []string{"", "x", "eth0 00000000 zz 0003 0 0 0 00000000", strings.Repeat("x", 1<<17)} {
		if got, err := parseRoutes(strings.NewReader(text)); err == nil {
			t.Errorf("%.20q gives %v", text, got)
		}
	}
}
