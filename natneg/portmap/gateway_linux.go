package portmap

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// defaultGateway reads the kernel's routes.
func defaultGateway() (netip.Addr, error) {
	file, err := os.Open("/proc/net/route")
	if err != nil {
		return netip.Addr{}, err
	}
	defer file.Close()
	return parseRoutes(file)
}

// maxRoutes bounds the reading: some routers' machines have the whole internet in there.
const maxRoutes = 1 << 20

// parseRoutes gives the gateway of the default route with the smallest metric. A line is: interface, destination, gateway,
// flags, references, use, metric, mask and more; addresses are hexadecimal in the machine's byte order.
func parseRoutes(r io.Reader) (netip.Addr, error) {
	const up, viaGateway = 1, 2
	var best netip.Addr
	var bestMetric uint64
	lines := bufio.NewScanner(io.LimitReader(r, maxRoutes))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || fields[1] != "00000000" || fields[7] != "00000000" {
			continue
		}
		flags, err := strconv.ParseUint(fields[3], 16, 32)
		if err != nil || flags&(up|viaGateway) != up|viaGateway {
			continue
		}
		b, err := hex.DecodeString(fields[2])
		if err != nil || len(b) != 4 {
			continue
		}
		metric, err := strconv.ParseUint(fields[6], 10, 64)
		if err != nil {
			continue
		}
		var addr [4]byte
		binary.NativeEndian.PutUint32(addr[:], binary.BigEndian.Uint32(b))
		if !best.IsValid() || metric < bestMetric {
			best, bestMetric = netip.AddrFrom4(addr), metric
		}
	}
	if err := lines.Err(); err != nil {
		return netip.Addr{}, err
	}
	if !best.IsValid() {
		return netip.Addr{}, errNoRoute
	}
	return best, nil
}
