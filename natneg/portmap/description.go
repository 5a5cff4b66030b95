package portmap

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/huin/goupnp"
	"github.com/huin/goupnp/dcps/internetgateway2"
)

const (
	maxDescription = 256 << 10 // bytes of a router's description; miniupnpd's has 4 KiB, FRITZ!Box's 10
	maxSOAP        = 64 << 10  // bytes of an answer
	httpTimeout    = 3 * time.Second
	maxServices    = 8
)

// routerHTTP is a client for one machine only: no redirects, no proxy, no other address, no answer without end.
func routerHTTP(config *Config, machine netip.Addr) *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			to, err := netip.ParseAddrPort(address)
			if err != nil || to.Addr().Unmap() != machine {
				return nil, fmt.Errorf("%w: it leads to %s", ErrHostile, address)
			}
			return config.Dial(ctx, "tcp4", to.String())
		},
		DisableKeepAlives:      true, // nothing is to stay behind a Close, and routers have few connections
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
	}
	return &http.Client{
		Transport:     &boundedTransport{transport},
		Timeout:       httpTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return fmt.Errorf("%w: it redirects", ErrHostile) },
	}
}

// boundedTransport cuts answers that are too long, for goupnp reads them whole.
type boundedTransport struct{ inner http.RoundTripper }

func (t *boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	limit := int64(maxSOAP)
	if r.Method == http.MethodGet {
		limit = maxDescription
	}
	answer.Body = &boundedBody{ReadCloser: answer.Body, left: limit}
	return answer, nil
}

// boundedBody gives an error where io.LimitReader would pretend that the answer ends.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: it is too long", ErrHostile)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// wanService is what WANIPConnection:1, :2 and WANPPPConnection:1 have in common; goupnp's clients implement it.
type wanService interface {
	AddPortMappingCtx(ctx context.Context, remoteHost string, externalPort uint16, protocol string, internalPort uint16, internalClient string, enabled bool, description string, leaseDuration uint32) error
	DeletePortMappingCtx(ctx context.Context, remoteHost string, externalPort uint16, protocol string) error
	GetExternalIPAddressCtx(ctx context.Context) (string, error)
	GetGenericPortMappingEntryCtx(ctx context.Context, index uint16) (remoteHost string, externalPort uint16, protocol string, internalPort uint16, internalClient string, enabled bool, description string, leaseDuration uint32, err error)
	GetSpecificPortMappingEntryCtx(ctx context.Context, remoteHost string, externalPort uint16, protocol string) (internalPort uint16, internalClient string, enabled bool, description string, leaseDuration uint32, err error)
	GetStatusInfoCtx(ctx context.Context) (status, lastError string, uptime uint32, err error)
}

// anyPort is what only WANIPConnection:2 can: choose another port itself.
type anyPort interface {
	AddAnyPortMappingCtx(ctx context.Context, remoteHost string, externalPort uint16, protocol string, internalPort uint16, internalClient string, enabled bool, description string, leaseDuration uint32) (reservedPort uint16, err error)
}

// describe fetches a description and gives the services in it that open ports.
func describe(ctx context.Context, config *Config, place location) ([]wanService, error) {
	client := routerHTTP(config, place.from)
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, place.url.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(ask)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the description is answered with %q", shorten(answer.Status))
	}
	var root goupnp.RootDevice
	decoder := xml.NewDecoder(answer.Body)
	decoder.DefaultSpace = goupnp.DeviceXMLNamespace
	if err := decoder.Decode(&root); err != nil {
		return nil, fmt.Errorf("the description cannot be read: %w", err)
	}
	base := place.url
	if root.URLBaseStr != "" {
		if base, err = url.Parse(root.URLBaseStr); err != nil {
			return nil, fmt.Errorf("the description has a wrong URLBase: %w", err)
		}
	}
	root.SetURLBase(base)

	var services []wanService
	var elsewhere error
	root.Device.VisitServices(func(service *goupnp.Service) {
		control := &service.ControlURL
		if len(services) == maxServices {
			return
		}
		client := goupnp.ServiceClient{SOAPClient: service.NewSOAPClient(), RootDevice: &root, Location: place.url, Service: service}
		client.SOAPClient.HTTPClient = *routerHTTP(config, place.from)
		var found wanService
		switch service.ServiceType {
		case internetgateway2.URN_WANIPConnection_2:
			found = &internetgateway2.WANIPConnection2{ServiceClient: client}
		case internetgateway2.URN_WANIPConnection_1:
			found = &internetgateway2.WANIPConnection1{ServiceClient: client}
		case internetgateway2.URN_WANPPPConnection_1:
			found = &internetgateway2.WANPPPConnection1{ServiceClient: client}
		default:
			return
		}
		if !control.Ok || !isOn(&control.URL, place.from) {
			elsewhere = fmt.Errorf("%w: its service is at %q", ErrHostile, shorten(control.Str))
			return
		}
		services = append(services, found)
	})
	if len(services) == 0 {
		if elsewhere != nil {
			return nil, elsewhere
		}
		return nil, errNoService
	}
	return services, nil
}

// errNoService is what a media server's description gives.
var errNoService = errors.New("the device opens no ports")

// shorten makes text of a router fit for an error: short, and without what steers a terminal.
func shorten(text string) string {
	const limit = 200
	if len(text) > limit {
		text = text[:limit] + "..."
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// strangersError is an error with words of a router in it: what goupnp could not read, it prints byte by byte.
type strangersError struct{ error }

// strangers makes an error of goupnp fit to be shown; nil stays nil.
func strangers(err error) error {
	if err == nil {
		return nil
	}
	return strangersError{err}
}

func (e strangersError) Error() string { return shorten(e.error.Error()) }
func (e strangersError) Unwrap() error { return e.error }
