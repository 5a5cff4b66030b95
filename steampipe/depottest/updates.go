package depottest

import (
	"archive/zip"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
	"github.com/relight-sdk/relight/internal/wire/keyvalues"
)

// UpdatePackage is a package of the Steam client, made up.
type UpdatePackage struct {
	Name         string
	Files        []UpdateFile
	Compressed   bool // offer it as VZ (LZMA) too
	Bootstrapper bool
	SHA1Only     bool // as in 2013: no SHA-256
}

// UpdateFile is a file of a package. Names are taken as they are, hostile ones too.
type UpdateFile struct {
	Name       string // with backslashes, as the real ones have; one at the end makes a folder
	Data       []byte
	Executable bool
	Link       string // target, if it is a link
}

// UpdateConfig says what an update server serves.
type UpdateConfig struct {
	Product  string // "steam_cmd_linux" if empty
	Version  uint64 // 1785787271 if 0
	Packages []UpdatePackage
	// Redirect answers the first request for the manifest with 302 and the version as query, as in the founding capture.
	Redirect bool
}

// UpdateFault is how an update server misbehaves.
type UpdateFault int

// The faults of [UpdateServer.Fail].
const (
	NoFault         UpdateFault = iota
	CaptivePortal               // a web page with status 200 to everything
	UpdateMissing               // 404 to everything
	UpdateBroken                // 503 to everything
	RedirectLoop                // redirects to itself
	RedirectNowhere             // a redirect without Location
	ManifestCut                 // the manifest ends early
	ManifestHuge                // a manifest of 2 MiB
	StaleTag                    // an ETag of another version
	PackageDamaged              // a byte of each package is wrong
	PackageCut                  // packages end early
	PackageStalls               // packages stop in the middle until the server is closed
)

// UpdateServer is a host of client updates on loopback (spec steampipe.md §8): manifests with ETag, packages, and on request the
// redirect of the founding capture. It is safe for concurrent use. Close it when done.
type UpdateServer struct {
	listener net.Listener
	server   http.Server
	serving  sync.WaitGroup
	config   UpdateConfig
	manifest []byte
	files    map[string][]byte
	closing  chan struct{}
	once     sync.Once

	mu    sync.Mutex
	fault UpdateFault
	log   []Request
}

// NewUpdates starts an update server on a free port of 127.0.0.1.
func NewUpdates(config UpdateConfig) (*UpdateServer, error) {
	if config.Product == "" {
		config.Product = "steam_cmd_linux"
	}
	if config.Version == 0 {
		config.Version = 1785787271
	}
	s := &UpdateServer{config: config, files: make(map[string][]byte), closing: make(chan struct{})}
	platform := keyvalues.Node{Key: config.Product[strings.LastIndexByte(config.Product, '_')+1:], Children: []keyvalues.Node{text("version", config.Version)}}
	for _, pack := range config.Packages {
		node, err := s.add(pack)
		if err != nil {
			return nil, err
		}
		platform.Children = append(platform.Children, node)
	}
	signature := keyvalues.Node{Key: "kvsign2", Children: []keyvalues.Node{text(platform.Key, strings.Repeat("00", 64))}}
	s.manifest = keyvalues.Node{Children: []keyvalues.Node{platform, signature}}.Append(nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.listener = listener
	s.server.Handler, s.server.ConnState = http.HandlerFunc(s.serve), s.connState
	s.serving.Go(func() { _ = s.server.Serve(listener) })
	return s, nil
}

func text(key string, value any) keyvalues.Node {
	return keyvalues.Node{Key: key, Value: fmt.Sprint(value)}
}

// add makes a package's files and its block of the manifest.
func (s *UpdateServer) add(pack UpdatePackage) (keyvalues.Node, error) {
	archive, err := zipOf(pack.Files)
	if err != nil {
		return keyvalues.Node{}, err
	}
	sum := sha1.Sum(archive)
	name := fmt.Sprintf("%s.zip.%x", pack.Name, sum)
	s.files[name] = archive
	node := keyvalues.Node{Key: pack.Name, Children: []keyvalues.Node{text("file", name), text("size", len(archive))}}
	if !pack.SHA1Only {
		node.Children = append(node.Children, text("sha2", fmt.Sprintf("%x", sha256.Sum256(archive))))
	}
	if pack.Compressed {
		packed, err := depotwire.EncodePackageVZ(nil, archive, uint32(s.config.Version), func(b []byte) ([5]byte, []byte, error) {
			properties, data := compressLZMA(b)
			return properties, data, nil
		})
		if err != nil {
			return keyvalues.Node{}, err
		}
		name := fmt.Sprintf("%s.zip.vz.%x_%d", pack.Name, sha1.Sum(packed), len(packed))
		s.files[name] = packed
		node.Children = append(node.Children, text("zipvz", name), text("sha2vz", fmt.Sprintf("%x", sha256.Sum256(packed))))
	}
	if pack.Bootstrapper {
		node.Children = append(node.Children, text("IsBootstrapperPackage", 1))
	}
	return node, nil
}

// zipOf makes an archive with Unix modes, as the real packages have them whatever their platform.
func zipOf(files []UpdateFile) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, file := range files {
		mode, data := uint32(0o100644), file.Data
		switch {
		case file.Link != "":
			mode, data = 0o120777, []byte(file.Link)
		case strings.HasSuffix(file.Name, `\`) || strings.HasSuffix(file.Name, "/"):
			mode, data = 0o040755, nil
		case file.Executable:
			mode = 0o100755
		}
		header := &zip.FileHeader{Name: file.Name, Method: zip.Deflate, Modified: time.Unix(1_700_000_000, 0).UTC(), ExternalAttrs: mode << 16}
		if len(data) == 0 {
			header.Method = zip.Store
		}
		entry, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// URL is the base address, with a slash at the end.
func (s *UpdateServer) URL() string { return "http://" + s.listener.Addr().String() + "/" }

// Manifest is the manifest's text.
func (s *UpdateServer) Manifest() []byte { return bytes.Clone(s.manifest) }

// Fail makes the server misbehave from now on; NoFault ends it.
func (s *UpdateServer) Fail(fault UpdateFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Requests are the requests so far, oldest first.
func (s *UpdateServer) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.log...)
}

// connState has Close wait for the connections.
func (s *UpdateServer) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.serving.Add(1) // by the goroutine that accepts, so before Close can have waited
	case http.StateClosed:
		s.serving.Done()
	}
}

// Close ends the server and its connections, and returns when their goroutines are gone.
func (s *UpdateServer) Close() error {
	s.once.Do(func() {
		close(s.closing)
		_ = s.server.Close()
		s.serving.Wait()
	})
	return nil
}

func (s *UpdateServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fault := s.fault
	if len(s.log) < maxLog {
		s.log = append(s.log, Request{Host: r.Host, Path: r.URL.Path, Query: r.URL.RawQuery, UserAgent: r.UserAgent(), Encoding: r.Header.Get("Accept-Encoding")})
	}
	s.mu.Unlock()
	switch fault {
	case CaptivePortal:
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><html><title>Welcome to the airport</title></html>")
		return
	case UpdateMissing:
		http.NotFound(w, r)
		return
	case UpdateBroken:
		http.Error(w, "overloaded", http.StatusServiceUnavailable)
		return
	case RedirectLoop:
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
		return
	case RedirectNowhere:
		w.WriteHeader(http.StatusFound)
		return
	}
	if r.URL.Path == "/"+s.config.Product {
		s.serveManifest(w, r, fault)
		return
	}
	body, ok := s.files[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	switch fault {
	case PackageDamaged:
		body = bytes.Clone(body)
		body[len(body)/2] ^= 1
	case PackageCut, PackageStalls:
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		if fault == PackageStalls {
			select {
			case <-s.closing:
			case <-r.Context().Done():
			}
		}
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

func (s *UpdateServer) serveManifest(w http.ResponseWriter, r *http.Request, fault UpdateFault) {
	version := strconv.FormatUint(s.config.Version, 10)
	if s.config.Redirect && r.URL.RawQuery == "" {
		w.Header().Set("Location", s.URL()+s.config.Product+"?"+version)
		w.WriteHeader(http.StatusFound)
		return
	}
	tag := strconv.Quote(version)
	body := s.manifest
	switch fault {
	case StaleTag:
		tag = `"1"`
	case ManifestCut:
		body = body[:len(body)/2]
	case ManifestHuge:
		body = append(bytes.Clone(body), bytes.Repeat([]byte("\n"), 2<<20)...)
	}
	w.Header().Set("ETag", tag)
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(body)
}
