package portmap_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg/portmap"
	"github.com/relight-sdk/relight/natneg/portmap/portmaptest"
)

func itoa(port uint16) string { return strconv.Itoa(int(port)) }

// bind has a port of this machine.
func bind(t *testing.T) uint16 {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// What a router says is a typed error.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options portmaptest.Options
		faults  portmaptest.Faults
		want    map[portmap.Protocol]error
	}{
		{"switched off", portmaptest.Options{}, portmaptest.Faults{Unauthorized: true}, map[portmap.Protocol]error{
			portmap.PCP: portmap.ErrDisabled, portmap.NATPMP: portmap.ErrDisabled, portmap.UPnP: portmap.ErrDisabled, 0: portmap.ErrDisabled}},
		{"full", portmaptest.Options{}, portmaptest.Faults{NoRoom: true}, map[portmap.Protocol]error{
			portmap.PCP: portmap.ErrRefused, portmap.NATPMP: portmap.ErrRefused, portmap.UPnP: portmap.ErrRefused}},
		{"line is down", portmaptest.Options{}, portmaptest.Faults{Disconnected: true}, map[portmap.Protocol]error{
			portmap.PCP: portmap.ErrNotConnected, portmap.NATPMP: portmap.ErrNotConnected, portmap.UPnP: portmap.ErrNotConnected, 0: portmap.ErrNotConnected}},
		{"carrier-grade NAT", portmaptest.Options{External: netip.MustParseAddr("100.64.3.4")}, portmaptest.Faults{}, map[portmap.Protocol]error{
			portmap.PCP: portmap.ErrDoubleNAT, portmap.NATPMP: portmap.ErrDoubleNAT, portmap.UPnP: portmap.ErrDoubleNAT, 0: portmap.ErrDoubleNAT}},
		{"second router", portmaptest.Options{External: netip.MustParseAddr("192.168.178.2")}, portmaptest.Faults{}, map[portmap.Protocol]error{0: portmap.ErrDoubleNAT}},
		{"silent", portmaptest.Options{}, portmaptest.Faults{Silent: true}, map[portmap.Protocol]error{
			portmap.PCP: portmap.ErrNoGateway, portmap.NATPMP: portmap.ErrNoGateway, portmap.UPnP: portmap.ErrNoGateway, 0: portmap.ErrNoGateway}},
		{"cut answers", portmaptest.Options{NoUPnP: true}, portmaptest.Faults{Cut: 3}, map[portmap.Protocol]error{0: portmap.ErrNoGateway}},
		{"description elsewhere", portmaptest.Options{}, portmaptest.Faults{Location: "http://192.0.2.1/root.xml"}, map[portmap.Protocol]error{portmap.UPnP: portmap.ErrNoGateway}},
		{"control elsewhere", portmaptest.Options{}, portmaptest.Faults{ControlURL: "http://192.0.2.1/ctl"}, map[portmap.Protocol]error{portmap.UPnP: portmap.ErrHostile}},
		{"redirect", portmaptest.Options{}, portmaptest.Faults{Redirect: "/other.xml"}, map[portmap.Protocol]error{portmap.UPnP: portmap.ErrHostile}},
		{"endless", portmaptest.Options{}, portmaptest.Faults{Endless: true}, map[portmap.Protocol]error{portmap.UPnP: portmap.ErrHostile}},
	} {
		for protocol, want := range test.want {
			t.Run(test.name+" "+protocol.String(), func(t *testing.T) {
				t.Parallel()
				router, config := routerOf(t, test.options)
				router.SetFaults(test.faults)
				switch {
				case want == portmap.ErrNoGateway:
					config.SearchTimeout = 200 * time.Millisecond
				case want == portmap.ErrHostile, test.faults.Disconnected:
					config.SearchTimeout = 1500 * time.Millisecond // there might be another router, and all of it is waited for
				}
				if protocol != 0 {
					config.Protocols = []portmap.Protocol{protocol}
				}
				_, err := portmap.Open(t.Context(), 6500, config)
				require.ErrorIs(t, err, want)
				typed, ok := errors.AsType[*portmap.Error](err)
				require.True(t, ok)
				require.NotEmpty(t, typed.Reason)
				require.Less(t, len(err.Error()), 2000)
				require.Equal(t, want == portmap.ErrNoGateway, typed.Timeout(), err)
				router.SetFaults(portmaptest.Faults{})
				require.Empty(t, router.Mappings())
			})
		}
	}
}

// Another nonce is another one's answer; the delay of a slow router is waited for.
func TestWrongNonceAndDelay(t *testing.T) {
	t.Parallel()
	router, config := routerOf(t, portmaptest.Options{NoUPnP: true, NoNATPMP: true})
	router.SetFaults(portmaptest.Faults{WrongNonce: true})
	config.SearchTimeout = 300 * time.Millisecond
	_, err := portmap.Open(t.Context(), 6500, config)
	require.Error(t, err)
	router.SetFaults(portmaptest.Faults{Delay: 400 * time.Millisecond})
	config.SearchTimeout = 20 * time.Second
	open(t, 6500, config)
}

// What a router says may end up on somebody's terminal: it comes short and without control characters.
func TestWordsOfStrangers(t *testing.T) {
	t.Parallel()
	const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`
	for _, answer := range []string{
		envelope + strings.Repeat("no action ", 5000) + "</s:Body></s:Envelope>",
		"<" + strings.Repeat("long", 5000) + "/>",
		envelope + "<u:GetStatusInfoResponse xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:2\"><NewConnectionStatus>" +
			strings.Repeat("\u0085\u202e", 5000) + "</NewConnectionStatus><NewLastConnectionError></NewLastConnectionError><NewUptime>1</NewUptime></u:GetStatusInfoResponse></s:Body></s:Envelope>",
	} {
		router, config := routerOf(t, portmaptest.Options{NoPCP: true, NoNATPMP: true})
		router.SetFaults(portmaptest.Faults{Answer: answer})
		config.SearchTimeout = 300 * time.Millisecond
		_, err := portmap.Open(t.Context(), 6500, config)
		require.Error(t, err)
		require.Less(t, len(err.Error()), 1500)
		for _, r := range err.Error() {
			require.True(t, r == '\n' || unicode.IsPrint(r), "%q", err)
		}
	}
}

// A router must not make us ask a third party, whatever it names.
func TestNoForgedRequests(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	victim := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer victim.Close()
	for _, faults := range []portmaptest.Faults{
		{Location: victim.URL + "/"},
		{Location: strings.Replace(victim.URL, "127.0.0.1", "localhost", 1) + "/"},
		{ControlURL: victim.URL + "/"},
		{Redirect: victim.URL + "/"},
	} {
		router, config := routerOf(t, portmaptest.Options{NoPCP: true, NoNATPMP: true})
		router.SetFaults(faults)
		config.SearchTimeout = 100 * time.Millisecond
		_, err := portmap.Open(t.Context(), 6500, config)
		require.Error(t, err)
	}
	require.Zero(t, asked.Load())
}

// A private outside address may be wanted.
func TestAllowDoubleNAT(t *testing.T) {
	_, config := routerOf(t, portmaptest.Options{External: netip.MustParseAddr("10.1.2.3")})
	config.AllowDoubleNAT = true
	mapping := open(t, 6500, config)
	require.True(t, mapping.State().DoubleNAT)
	require.Equal(t, netip.MustParseAddrPort("10.1.2.3:6500"), mapping.External())
}

// Cancelling returns soon, and leaves nothing behind (see TestMain).
func TestCancel(t *testing.T) {
	t.Parallel()
	router, config := routerOf(t, portmaptest.Options{})
	router.SetFaults(portmaptest.Faults{Silent: true})
	config.SearchTimeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := portmap.Open(ctx, 6500, config)
	require.ErrorIs(t, err, context.Canceled)
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = portmap.Open(ctx, 6500, config)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// A router that has gone does not hold up Close for longer than it may.
func TestCloseWithoutRouter(t *testing.T) {
	t.Parallel()
	for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		t.Run(protocol.String(), func(t *testing.T) {
			t.Parallel()
			router, config := routerOf(t, portmaptest.Options{})
			config.Protocols, config.CloseTimeout = []portmap.Protocol{protocol}, 100*time.Millisecond
			mapping := open(t, 6500, config)
			router.SetFaults(portmaptest.Faults{Silent: true})
			err := mapping.Close()
			typed, ok := errors.AsType[*portmap.Error](err)
			require.True(t, ok, err)
			require.Equal(t, portmap.StepClose, typed.Step)
			require.ErrorIs(t, mapping.State().Err, err)
		})
	}
}

func TestBadConfig(t *testing.T) {
	for _, config := range []portmap.Config{
		{Lease: time.Millisecond}, {Lease: 365 * 24 * time.Hour}, {Name: "a\nb"}, {Name: strings.Repeat("x", 49)}, {Network: 7},
		{Gateway: netip.MustParseAddr("fe80::1")}, {Protocols: []portmap.Protocol{9}},
	} {
		_, err := portmap.Open(t.Context(), 6500, config)
		require.Error(t, err)
	}
	_, err := portmap.Open(t.Context(), 0, portmap.Config{})
	require.Error(t, err)
}
