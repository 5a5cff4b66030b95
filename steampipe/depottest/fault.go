package depottest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// FaultKind is a way of misbehaving.
type FaultKind int

// The faults.
const (
	// FaultStatus answers with Fault.Status and, if set, Fault.RetryAfter.
	FaultStatus FaultKind = iota + 1
	// FaultSlow waits Fault.Delay before it answers as it should.
	FaultSlow
	// FaultStall sends Fault.At bytes of the answer, headers included, then nothing until the client leaves.
	FaultStall
	// FaultTruncate sends Fault.At bytes of the answer, headers included, then closes the connection.
	FaultTruncate
	// FaultReset is FaultTruncate with a TCP reset instead of a close.
	FaultReset
	// FaultShort leaves the last bytes of the body out and says so in Content-Length.
	FaultShort
	// FaultEmpty answers 200 with nothing in it, as seen behind LAN caches.
	FaultEmpty
	// FaultCorrupt flips a bit in the middle of the body.
	FaultCorrupt
	// FaultWrongChunk sends another chunk of the depot, cut or filled up to the right length.
	FaultWrongChunk
	// FaultBadCRC sends a body with an X-Content-Crc that does not fit.
	FaultBadCRC
	// FaultRedirectLoop redirects to the same address for ever.
	FaultRedirectLoop
	// FaultHTML answers 200 with a page of HTML, as captive portals do.
	FaultHTML
	// FaultGarbage sends bytes that are no HTTP.
	FaultGarbage
)

// Fault is an order to misbehave. Each request takes the first fault that fits and is not used up.
type Fault struct {
	Kind       FaultKind
	Path       string        // part of the path that it is for, such as "/chunk/"; empty for all
	Host       string        // Host header that it is for; empty for all
	Skip       int           // requests that fit but are answered as they should be, before it begins
	Times      int           // requests that it spoils; 0 means all from then on
	Status     int           // of FaultStatus
	RetryAfter time.Duration // of FaultStatus; 0 sends none
	Delay      time.Duration // of FaultSlow
	At         int           // of FaultStall, FaultTruncate and FaultReset; 0 means in the middle of the body
}

// Fail orders a fault.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range faults {
		s.faults = append(s.faults, &fault)
	}
}

// Heal takes all faults back.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault finds what to do wrong with a request.
func (s *Server) fault(r *http.Request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, fault := range s.faults {
		if !strings.Contains(r.URL.Path, fault.Path) || fault.Host != "" && !strings.EqualFold(fault.Host, r.Host) {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		found := *fault
		if fault.Times > 0 {
			if fault.Times--; fault.Times == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return found, true
	}
	return Fault{}, false
}

// spoil answers a request wrongly. It tells whether it did; if not, the body is to be sent, as it then is.
func (s *Server) spoil(w http.ResponseWriter, r *http.Request, fault Fault, body []byte) ([]byte, bool) {
	switch fault.Kind {
	case FaultStatus:
		if fault.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((fault.RetryAfter+time.Second-1)/time.Second)))
		}
		http.Error(w, "<html><body>"+http.StatusText(fault.Status)+"</body></html>", fault.Status)
		return nil, true
	case FaultSlow:
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		case <-s.closing:
		}
		return body, false
	case FaultStall, FaultTruncate, FaultReset, FaultGarbage:
		s.cut(w, r, fault, body)
		return nil, true
	case FaultShort:
		return body[:len(body)-min(len(body), 7)], false
	case FaultEmpty:
		return nil, false
	case FaultCorrupt:
		spoiled := append([]byte(nil), body...)
		if len(spoiled) > 0 {
			spoiled[len(spoiled)/2] ^= 0x10
		}
		return spoiled, false
	case FaultWrongChunk:
		return s.otherChunk(r, body), false
	case FaultBadCRC:
		w.Header().Set("X-Content-Crc", "12345")
		return body, false
	case FaultRedirectLoop:
		w.Header().Set("Location", r.URL.Path)
		w.WriteHeader(http.StatusFound)
		return nil, true
	case FaultHTML:
		w.Header().Del("X-Content-Crc")
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!DOCTYPE html><html><body>Please log in to the hotel's network.</body></html>"))
		return nil, true
	}
	return body, false
}

// cut writes an answer by hand and ends it early.
func (s *Server) cut(w http.ResponseWriter, r *http.Request, fault Fault, body []byte) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler) // no connection to cut: the nearest thing
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.track(conn, true)
	defer s.track(conn, false)
	defer conn.Close()
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/x-steam-chunk\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	answer := append([]byte(head), body...)
	if fault.Kind == FaultGarbage {
		answer = []byte("\x00\xFFthis is no HTTP\r\n\r\n")
		fault.At = len(answer)
	}
	at := fault.At
	if at <= 0 {
		at = len(head) + len(body)/2
	}
	if _, err := conn.Write(answer[:min(at, len(answer))]); err != nil {
		return
	}
	switch fault.Kind {
	case FaultStall:
		// Until the client leaves or the server closes, which closes the connection.
		_, _ = conn.Read(make([]byte, 1))
	case FaultReset:
		if tcp, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
			_ = tcp.SetLinger(0)
		}
	}
}
