package depottest

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
	"github.com/relight-sdk/relight/internal/wire/keyvalues"
)

// maxLog bounds the list of requests that a server keeps.
const maxLog = 100_000

// Config says what a server serves. The zero value serves nothing, to one host name.
type Config struct {
	// Depots are what is served; several versions of one depot have the same ID, and each its ManifestID.
	Depots []*Depot
	// Patches serves delta patches between the versions of a depot, made by [NewPatch] when they are first asked for. False
	// answers 404, as most servers do.
	Patches bool
	// Hosts are the names that the server answers to, each an entry of the server list with this server's address as host
	// and the name as vhost. Nil means "cache1.example.net".
	Hosts []string
	// AnyHost answers whatever the Host header says; otherwise a name that is not in Hosts gets 421.
	AnyHost bool
	// Type is the type in the server list. Empty means "SteamCache".
	Type string
	// Peers are addresses (host:port) of other servers, added to the server list under the names of Hosts.
	Peers []string
	// RequestCode must end the path of a manifest. 0 means that there is none, as in private caches.
	RequestCode uint64
	// Token must be the query of requests for chunks, without "?". Empty means none.
	Token string
	// InMemory opens no socket: connections are made with Dial, through net.Pipe. That works in a synctest bubble.
	InMemory bool
}

// Server is a content server. It is safe for concurrent use.
type Server struct {
	config   Config
	listener net.Listener
	http     http.Server
	serving  sync.WaitGroup
	closing  chan struct{}
	once     sync.Once

	mu       sync.Mutex
	depots   map[uint32][]*Depot
	patches  map[string][]byte
	faults   []*Fault
	log      []Request
	total    int
	hijacked map[net.Conn]bool // that a fault cuts; true if Close waits for them
	open     map[net.Conn]bool
}

// Request is one that the server got.
type Request struct {
	Host      string // the Host header
	Path      string
	Query     string
	UserAgent string
	Encoding  string // Accept-Encoding
	Fault     FaultKind
}

// New starts a server on a free port of 127.0.0.1. Close it when done.
func New(config Config) (*Server, error) {
	if config.Hosts == nil {
		config.Hosts = []string{"cache1.example.net"}
	}
	if config.Type == "" {
		config.Type = "SteamCache"
	}
	s := &Server{config: config, closing: make(chan struct{}), depots: map[uint32][]*Depot{}, patches: map[string][]byte{}, hijacked: map[net.Conn]bool{}, open: map[net.Conn]bool{}}
	for _, depot := range config.Depots {
		s.depots[depot.ID] = append(s.depots[depot.ID], depot)
	}
	if config.InMemory {
		s.listener = newPipeListener()
	} else {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("depottest: %w", err)
		}
		s.listener = listener
	}
	s.http = http.Server{Handler: s, ReadHeaderTimeout: time.Minute, ConnState: s.connState}
	s.serving.Go(func() { _ = s.http.Serve(s.listener) })
	return s, nil
}

// Close closes all connections and returns when the goroutines are gone.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.closing)
		_ = s.http.Close()
		s.mu.Lock()
		for conn := range s.hijacked {
			_ = conn.Close()
		}
		s.mu.Unlock()
	})
	s.serving.Wait()
}

// Addr is the server's address, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is the base of the server's addresses, such as "http://127.0.0.1:41234".
func (s *Server) URL() string { return "http://" + s.Addr() }

// Dial connects to the server whatever the address is, which is the only way in for one that is in memory.
func (s *Server) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	if pipes, ok := s.listener.(*pipeListener); ok {
		return pipes.dial(ctx)
	}
	return (&net.Dialer{}).DialContext(ctx, network, s.Addr())
}

// OpenConns is how many connections clients hold open.
func (s *Server) OpenConns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open) + len(s.hijacked)
}

// Requests returns the requests so far, oldest first, at most the first 100,000.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.log...)
}

// Count is how many requests had the text in their path.
func (s *Server) Count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if path == "" {
		return s.total
	}
	n := 0
	for _, r := range s.log {
		if strings.Contains(r.Path, path) {
			n++
		}
	}
	return n
}

// Forget empties the list of requests.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.total = nil, 0
}

func (s *Server) connState(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open[conn] = true
		s.serving.Add(1) // by the goroutine that accepts, so before Close can have waited
	case http.StateHijacked:
		delete(s.open, conn)
		s.hijacked[conn] = true // until track lets go of it
	case http.StateClosed:
		delete(s.open, conn)
		s.serving.Done()
	}
}

// track remembers connections that net/http has let go of: our own, and those of another server that we answer through, which
// waits for them or does not.
func (s *Server) track(conn net.Conn, add bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !add {
		if s.hijacked[conn] {
			s.serving.Done()
		}
		delete(s.hijacked, conn)
		return
	}
	if _, ours := s.hijacked[conn]; !ours {
		s.hijacked[conn] = false
	}
	select {
	case <-s.closing:
		_ = conn.Close()
	default:
	}
}

// ServeHTTP answers one request, as the server does: the way to put another server, one with TLS, in front. Close ends what a
// fault holds up there too, and does not wait for it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault, spoiled := s.fault(r)
	s.mu.Lock()
	s.total++
	if len(s.log) < maxLog {
		s.log = append(s.log, Request{Host: r.Host, Path: r.URL.Path, Query: r.URL.RawQuery, UserAgent: r.UserAgent(),
			Encoding: r.Header.Get("Accept-Encoding"), Fault: fault.Kind})
	}
	s.mu.Unlock()
	status, body := s.answer(r)
	if status != http.StatusOK && !spoiled {
		http.Error(w, "<html><body>"+http.StatusText(status)+"</body></html>", status)
		return
	}
	w.Header().Set("Content-Type", "application/x-steam-chunk")
	w.Header().Set("X-Content-Crc", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	if spoiled {
		whole := body
		var done bool
		if body, done = s.spoil(w, r, fault, body); done {
			return
		}
		if len(body) != len(whole) || fault.Kind == FaultCorrupt || fault.Kind == FaultWrongChunk {
			w.Header().Del("X-Content-Crc") // damage that only the manifest can show
		}
		if status != http.StatusOK {
			http.Error(w, http.StatusText(status), status)
			return
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// answer finds what is asked for.
func (s *Server) answer(r *http.Request) (status int, body []byte) {
	if r.Method != http.MethodGet {
		return http.StatusMethodNotAllowed, nil
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) == 3 && parts[0] == "serverlist":
		// Asked by address, before any vhost is known.
		return http.StatusOK, s.serverList(parts[1], parts[2])
	case len(parts) == 3 && parts[0] == "IContentServerDirectoryService":
		return http.StatusOK, s.directory()
	}
	if !s.knows(r.Host) {
		return http.StatusMisdirectedRequest, nil
	}
	if len(parts) < 4 || parts[0] != "depot" {
		return http.StatusNotFound, nil
	}
	id, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil {
		return http.StatusNotFound, nil
	}
	versions := s.depots[uint32(id)]
	if len(versions) == 0 {
		return http.StatusForbidden, nil // as servers do with depots that they do not carry
	}
	switch parts[2] {
	case "manifest":
		return s.manifest(versions, parts[3:])
	case "patch":
		if s.config.Token != "" && r.URL.RawQuery != s.config.Token {
			return http.StatusForbidden, nil
		}
		return s.patch(versions, parts[3:])
	case "chunk":
		if s.config.Token != "" && r.URL.RawQuery != s.config.Token {
			return http.StatusForbidden, nil
		}
		chunk, err := depotwire.ParseChunkID(parts[3])
		if err != nil {
			return http.StatusNotFound, nil
		}
		for _, depot := range versions {
			if stored, ok := depot.Chunk(chunk); ok {
				return http.StatusOK, stored
			}
		}
	}
	return http.StatusNotFound, nil
}

// knows says whether a Host header names this server.
func (s *Server) knows(host string) bool {
	if s.config.AnyHost {
		return true
	}
	for _, name := range s.config.Hosts {
		if strings.EqualFold(name, host) {
			return true
		}
	}
	return false
}

// manifest answers /manifest/<id>/5 or /manifest/<id>/5/<code>.
func (s *Server) manifest(versions []*Depot, parts []string) (int, []byte) {
	depot := version(versions, parts[0])
	if depot == nil || len(parts) < 2 || parts[1] != "5" {
		return http.StatusNotFound, nil
	}
	if s.config.RequestCode != 0 && (len(parts) < 3 || parts[2] != strconv.FormatUint(s.config.RequestCode, 10)) {
		return http.StatusUnauthorized, nil
	}
	stored, err := depot.Stored()
	if err != nil {
		return http.StatusInternalServerError, nil
	}
	return http.StatusOK, stored
}

// version finds the version with a manifest's number; nil if there is none.
func version(versions []*Depot, number string) *Depot {
	for _, depot := range versions {
		if number == strconv.FormatUint(depot.ManifestID, 10) {
			return depot
		}
	}
	return nil
}

// patch answers /patch/<from>/<to>.
func (s *Server) patch(versions []*Depot, parts []string) (int, []byte) {
	if len(parts) != 2 {
		return http.StatusNotFound, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := parts[0] + "/" + parts[1]
	if b, ok := s.patches[name]; ok {
		return http.StatusOK, b
	}
	from, to := version(versions, parts[0]), version(versions, parts[1])
	if !s.config.Patches || from == nil || to == nil {
		return http.StatusNotFound, nil
	}
	b, err := NewPatch(from, to, to.ManifestID%2 == 1)
	if err != nil {
		return http.StatusInternalServerError, nil
	}
	s.patches[name] = b
	return http.StatusOK, b
}

// SetPatch puts bytes in the place of a patch, right or wrong.
func (s *Server) SetPatch(from, to uint64, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patches[strconv.FormatUint(from, 10)+"/"+strconv.FormatUint(to, 10)] = b
}

// entries are the server list: this server under each of its names, then the peers.
func (s *Server) entries() (entries []struct{ host, vhost string }) {
	for _, address := range append([]string{s.Addr()}, s.config.Peers...) {
		for _, name := range s.config.Hosts {
			entries = append(entries, struct{ host, vhost string }{address, name})
		}
	}
	return entries
}

// serverList is the text of /serverlist/<cell>/<max>/.
func (s *Server) serverList(cell, most string) []byte {
	limit, err := strconv.Atoi(most)
	if err != nil {
		limit = 20
	}
	text := func(key, value string) keyvalues.Node { return keyvalues.Node{Key: key, Value: value} }
	list := keyvalues.Node{Key: "serverlist", Children: []keyvalues.Node{}}
	for i, entry := range s.entries() {
		if i == limit {
			break
		}
		list.Children = append(list.Children, keyvalues.Node{Key: strconv.Itoa(i), Children: []keyvalues.Node{
			text("type", s.config.Type), text("sourceid", strconv.Itoa(100+i)), text("cell", cell), text("load", "10"),
			text("weightedload", strconv.Itoa(40+10*i)), text("numentriesinclientlist", "1"), text("host", entry.host),
			text("vhost", entry.vhost), text("https_support", "none"),
		}})
	}
	return keyvalues.Node{Children: []keyvalues.Node{list}}.Append(nil)
}

// directory is the JSON of GetServersForSteamPipe.
func (s *Server) directory() []byte {
	var b strings.Builder
	b.WriteString(`{"response":{"servers":[`)
	for i, entry := range s.entries() {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":%q,"source_id":%d,"cell_id":1,"load":10,"weighted_load":%d.5,"num_entries_in_client_list":1,"host":%q,"vhost":%q,"https_support":"none"}`,
			s.config.Type, 100+i, 40+10*i, entry.host, entry.vhost)
	}
	b.WriteString("]}}")
	return []byte(b.String())
}

// otherChunk is a chunk that was not asked for, with the length of the one that was.
func (s *Server) otherChunk(r *http.Request, body []byte) []byte {
	for _, depot := range s.config.Depots {
		for _, id := range depot.Chunks() {
			if strings.HasSuffix(r.URL.Path, id.String()) {
				continue
			}
			stored, _ := depot.Chunk(id)
			other := make([]byte, len(body))
			copy(other, stored)
			return other
		}
	}
	return make([]byte, len(body))
}

// pipeListener accepts connections that never leave the process.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, errors.New("depottest: server is closed")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "depottest.invalid:80" }
