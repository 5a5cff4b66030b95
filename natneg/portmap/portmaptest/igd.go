package portmaptest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	uuid       = "00000000-0000-4000-8000-000000000001"
	maxRequest = 64 << 10
)

func (r *Router) urn(kind string, version int) string {
	return fmt.Sprintf("urn:schemas-upnp-org:%s:%d", kind, version)
}

func (r *Router) service() string { return r.urn("service:WANIPConnection", r.options.IGD) }

// description is a root device with its WANDevice, its WANConnectionDevice and the service.
func (r *Router) description(faults Faults) string {
	control := faults.ControlURL
	if control == "" {
		control = "/ctl/IPConn"
	}
	return fmt.Sprintf(`<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>
<device><deviceType>%s</deviceType><friendlyName>test router</friendlyName><manufacturer>Relight</manufacturer><modelName>portmaptest</modelName><UDN>uuid:%s</UDN>
<deviceList><device><deviceType>%s</deviceType><friendlyName>WAN</friendlyName><manufacturer>Relight</manufacturer><modelName>portmaptest</modelName><UDN>uuid:%s</UDN>
<deviceList><device><deviceType>%s</deviceType><friendlyName>connection</friendlyName><manufacturer>Relight</manufacturer><modelName>portmaptest</modelName><UDN>uuid:%s</UDN>
<serviceList><service><serviceType>%s</serviceType><serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><SCPDURL>/WANIPCn.xml</SCPDURL><controlURL>%s</controlURL><eventSubURL>/evt/IPConn</eventSubURL></service></serviceList>
</device></deviceList></device></deviceList></device></root>`,
		r.urn("device:InternetGatewayDevice", r.options.IGD), uuid, r.urn("device:WANDevice", r.options.IGD), uuid, r.urn("device:WANConnectionDevice", r.options.IGD), uuid, r.service(), control)
}

func (r *Router) serveHTTP() { _ = r.server.Serve(r.listener) }

func (r *Router) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rootDesc.xml", func(w http.ResponseWriter, request *http.Request) {
		faults := r.count("description")
		if !r.delay(faults) {
			<-request.Context().Done()
			return
		}
		switch {
		case faults.Redirect != "":
			w.Header().Set("Location", faults.Redirect)
			w.WriteHeader(http.StatusFound)
		case faults.Endless:
			endless(w)
		default:
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, r.description(faults))
		}
	})
	mux.HandleFunc("POST /ctl/IPConn", r.serveSOAP)
	return mux
}

// endless writes well-formed XML until the client has had enough.
func endless(w io.Writer) {
	_, err := io.WriteString(w, "<root>")
	for line := bytes.Repeat([]byte("<a></a>"), 1000); err == nil; {
		_, err = w.Write(line)
	}
}

// fault is an error of UPnP.
type fault struct {
	code int
	text string
}

func (f *fault) Error() string { return f.text }

// argument is one element, in or out.
type argument struct{ name, value string }

func (r *Router) serveSOAP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxRequest))
	if err != nil {
		return
	}
	action, arguments, err := parseSOAP(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	faults := r.count("UPnP " + action)
	if !r.delay(faults) {
		<-request.Context().Done()
		return
	}
	if faults.Endless {
		endless(w)
		return
	}
	if faults.Answer != "" {
		_, _ = io.WriteString(w, faults.Answer)
		return
	}
	from, err := netip.ParseAddrPort(request.RemoteAddr)
	if err != nil {
		return
	}
	out, err := r.perform(action, arguments, from.Addr().Unmap(), faults)
	w.Header().Set("Content-Type", `text/xml; charset="utf-8"`)
	var b bytes.Buffer
	b.WriteString(xml.Header + `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>`)
	if f, ok := errors.AsType[*fault](err); ok {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(&b, `<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>%d</errorCode><errorDescription>%s</errorDescription></UPnPError></detail></s:Fault>`, f.code, f.text)
	} else {
		fmt.Fprintf(&b, `<u:%sResponse xmlns:u="%s">`, action, r.service())
		for _, a := range out {
			fmt.Fprintf(&b, "<%s>", a.name)
			_ = xml.EscapeText(&b, []byte(a.value))
			fmt.Fprintf(&b, "</%s>", a.name)
		}
		fmt.Fprintf(&b, "</u:%sResponse>", action)
	}
	b.WriteString("</s:Body></s:Envelope>")
	_, _ = w.Write(b.Bytes())
}

// parseSOAP gives the action and its arguments.
func parseSOAP(body []byte) (action string, arguments map[string]string, err error) {
	var envelope struct {
		Body struct {
			Action struct {
				XMLName   xml.Name
				Arguments []struct {
					XMLName xml.Name
					Value   string `xml:",chardata"`
				} `xml:",any"`
			} `xml:",any"`
		} `xml:"Body"`
	}
	if err := xml.Unmarshal(body, &envelope); err != nil {
		return "", nil, err
	}
	arguments = make(map[string]string)
	for _, a := range envelope.Body.Action.Arguments {
		arguments[a.XMLName.Local] = a.Value
	}
	return envelope.Body.Action.XMLName.Local, arguments, nil
}

func (r *Router) perform(action string, in map[string]string, from netip.Addr, faults Faults) ([]argument, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expireLocked()
	switch action {
	case "GetStatusInfo":
		status := "Connected"
		if faults.Disconnected {
			status = "Disconnected"
		}
		return []argument{{"NewConnectionStatus", status}, {"NewLastConnectionError", "ERROR_NONE"}, {"NewUptime", strconv.Itoa(int(time.Since(r.started) / time.Second))}}, nil
	case "GetExternalIPAddress":
		if faults.Disconnected {
			return nil, &fault{501, "Action Failed"}
		}
		return []argument{{"NewExternalIPAddress", r.external.String()}}, nil
	case "AddPortMapping":
		return nil, r.addLocked(in, from, faults)
	case "AddAnyPortMapping":
		if r.options.IGD < 2 {
			return nil, &fault{401, "Invalid Action"}
		}
		for range 100 {
			err := r.addLocked(in, from, faults)
			if f, ok := errors.AsType[*fault](err); !ok || f.code != 718 {
				return []argument{{"NewReservedPort", in["NewExternalPort"]}}, err
			}
			port, _ := strconv.Atoi(in["NewExternalPort"])
			in["NewExternalPort"] = strconv.Itoa(port + 1)
		}
		return nil, &fault{728, "NoPortMapsAvailable"}
	case "DeletePortMapping":
		i, err := r.entryLocked(in)
		if err != nil {
			return nil, err
		}
		if r.mappings[i].Internal.Addr() != from {
			return nil, &fault{606, "Action not authorized"}
		}
		r.mappings = slices.Delete(r.mappings, i, i+1)
		return nil, nil
	case "GetSpecificPortMappingEntry":
		i, err := r.entryLocked(in)
		if err != nil {
			return nil, err
		}
		return entry(r.mappings[i]), nil
	case "GetGenericPortMappingEntry":
		index, err := strconv.Atoi(in["NewPortMappingIndex"])
		if err != nil || index < 0 || index >= len(r.mappings) {
			return nil, &fault{713, "SpecifiedArrayIndexInvalid"}
		}
		m := r.mappings[index]
		return append([]argument{{"NewRemoteHost", ""}, {"NewExternalPort", strconv.Itoa(int(m.External))}, {"NewProtocol", m.Transport}}, entry(m)...), nil
	}
	return nil, &fault{401, "Invalid Action"}
}

func (r *Router) entryLocked(in map[string]string) (int, error) {
	port, err := strconv.ParseUint(in["NewExternalPort"], 10, 16)
	if err != nil {
		return 0, &fault{402, "Invalid Args"}
	}
	if i := r.findLocked(in["NewProtocol"], uint16(port)); i >= 0 {
		return i, nil
	}
	return 0, &fault{714, "NoSuchEntryInArray"}
}

func entry(m Mapping) []argument {
	lease := 0
	if !m.Expires.IsZero() {
		lease = int(time.Until(m.Expires).Seconds())
	}
	return []argument{{"NewInternalPort", strconv.Itoa(int(m.Internal.Port()))}, {"NewInternalClient", m.Internal.Addr().String()}, {"NewEnabled", "1"}, {"NewPortMappingDescription", m.Description}, {"NewLeaseDuration", strconv.Itoa(lease)}}
}

// addLocked is AddPortMapping in secure mode: each host opens its own ports only.
func (r *Router) addLocked(in map[string]string, from netip.Addr, faults Faults) error {
	external, err1 := strconv.ParseUint(in["NewExternalPort"], 10, 16)
	internal, err2 := strconv.ParseUint(in["NewInternalPort"], 10, 16)
	lease, err3 := strconv.ParseUint(in["NewLeaseDuration"], 10, 32)
	client, err4 := netip.ParseAddr(in["NewInternalClient"])
	switch {
	case errors.Join(err1, err2, err3, err4) != nil || external == 0 || internal == 0 || !strings.Contains(" UDP TCP ", " "+in["NewProtocol"]+" "):
		return &fault{402, "Invalid Args"}
	case faults.Unauthorized:
		return &fault{606, "Action not authorized"}
	case faults.NoRoom, faults.Disconnected:
		return &fault{501, "Action Failed"}
	case client != from:
		return &fault{718, "ConflictInMappingEntry"}
	case r.options.Permanent && lease != 0:
		return &fault{725, "OnlyPermanentLeasesSupported"}
	}
	m := Mapping{Transport: in["NewProtocol"], External: uint16(external), Internal: netip.AddrPortFrom(client, uint16(internal)), Description: in["NewPortMappingDescription"], Protocol: "UPnP"}
	if !r.options.Permanent {
		if lease == 0 {
			lease = uint64(r.options.MaxLease / time.Second)
		}
		m.Expires = time.Now().Add(r.lease(uint32(lease)))
	}
	i := r.findLocked(m.Transport, m.External)
	switch {
	case i < 0:
		r.mappings = append(r.mappings, m)
	case r.mappings[i].Internal.Addr() != from:
		return &fault{718, "ConflictInMappingEntry"}
	default:
		r.mappings[i] = m
	}
	return nil
}
