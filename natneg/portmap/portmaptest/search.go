package portmaptest

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// serveSearch answers M-SEARCH (spec portmap.md §2).
func (r *Router) serveSearch() {
	buf := make([]byte, 2048)
	for {
		n, from, err := r.search.ReadFromUDPAddrPort(buf)
		if err != nil {
			if isClosed(r.closed) {
				return
			}
			continue
		}
		ask, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(buf[:n])))
		if err != nil || ask.Method != "M-SEARCH" || r.options.NoUPnP {
			continue
		}
		target := ask.Header.Get("ST")
		if target != "ssdp:all" && !strings.Contains(r.description(Faults{}), ">"+target+"<") && target != r.urn("device:InternetGatewayDevice", 1) {
			continue
		}
		r.working.Go(func() { r.answerSearch(from, target) })
	}
}

func (r *Router) answerSearch(to netip.AddrPort, target string) {
	faults := r.count("search")
	if !r.delay(faults) {
		return
	}
	location := faults.Location
	if location == "" {
		location = "http://" + r.listener.Addr().String() + "/rootDesc.xml"
	}
	_, _ = r.search.WriteToUDPAddrPort(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: %s\r\nUSN: uuid:%s::%s\r\nEXT:\r\nSERVER: test UPnP/1.1\r\nLOCATION: %s\r\n\r\n",
		target, uuid, target, location), to)
}
