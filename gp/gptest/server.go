package gptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// ProfileID numbers a profile.
type ProfileID = gpwire.ProfileID

// PartnerID numbers the company that accounts belong to.
type PartnerID = gpwire.PartnerID

// Status is what a player is doing.
type Status = gpwire.Status

// Config says what the server is like. The zero value is a server without accounts that behaves as the original.
type Config struct {
	// Family is the server to imitate: "openspy", "wfc", "dwc", "unispy", "kr4uzi", "section8" or "dumbspy". Empty is the
	// original, as its SDK expects it.
	Family Family
	// Accounts exist from the start.
	Accounts []Account
	// Addr and SearchAddr are where Start listens. Empty means 127.0.0.1 and a free port.
	Addr, SearchAddr string
	// KeepAlive is how often the server sends keep-alives. Zero means what the family does; negative means never.
	KeepAlive time.Duration
	// Challenge makes the server's challenges. Nil means what the family does.
	Challenge func() string
	// Faults are what the server does wrong. The zero value does nothing wrong.
	Faults Faults
	// Logger gets what the server receives and answers, at Debug. Nil is silent.
	Logger *slog.Logger
}

// Account is an account with one profile.
type Account struct {
	ProfileID  ProfileID // zero: the next free one, starting at 20001
	UserID     gpwire.UserID
	Email      string
	Nick       string // empty: the uniquenick
	UniqueNick string
	Password   string
	PartnerID  PartnerID

	// AuthToken logs in with PartnerChallenge in place of the password. Empty: this account has no token.
	AuthToken, PartnerChallenge string

	FirstName, LastName, CountryCode string
	Birthday                         gpwire.Birthday

	Buddies []ProfileID // profiles that this one has as buddies
	Blocked []ProfileID
}

// Format prints the account without its secrets.
func (a Account) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "account of profile %d, uniquenick %q, nick %q of %q", a.ProfileID, a.UniqueNick, a.Nick, a.Email)
}

// LogValue is what Format prints.
func (a Account) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// MarshalJSON writes what Format prints.
func (a Account) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(a)) }

// Server is a presence server. It is safe for concurrent use.
type Server struct {
	config Config
	log    *slog.Logger

	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
	conns     map[*conn]bool
	accounts  []*account
	profiles  map[ProfileID]*account
	nicks     map[string][]*account            // by uniquenick, in lower case
	followers map[ProfileID]map[ProfileID]bool // who has a profile as a buddy
	received  []string

	done sync.WaitGroup
}

// account is an account and what happened to it. Server.mu guards it.
type account struct {
	Account
	buddies  map[ProfileID]bool
	blocked  map[ProfileID]bool
	requests map[ProfileID]request // by who asks
	offline  []gpwire.BuddyMessage // waiting for the next login
	status   gpwire.BuddyStatus
	info     gpwire.StatusInfo
	ticket   string
	cdKey    string
	products []gpwire.ProductID // that it takes invitations for
	changes  map[string]string  // of updates, by key
	conns    []*conn            // logged in
}

// request is a buddy request that was not answered yet.
type request struct {
	reason, signature string
}

// New makes a server that listens nowhere: give it connections with [Server.ServeConn], or call [Server.Start].
func New(config Config) *Server {
	s := &Server{
		config: config, log: config.Logger, conns: make(map[*conn]bool), profiles: make(map[ProfileID]*account),
		nicks: make(map[string][]*account), followers: make(map[ProfileID]map[ProfileID]bool),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, account := range config.Accounts {
		s.Add(account)
	}
	return s
}

// Start makes a server that listens on loopback for both services.
func Start(config Config) (*Server, error) {
	s := New(config)
	if err := s.Start(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Start listens for both services.
func (s *Server) Start() error {
	for _, service := range []struct {
		addr  string
		serve func(net.Conn)
	}{{s.config.Addr, s.ServeConn}, {s.config.SearchAddr, s.ServeSearchConn}} {
		addr := service.addr
		if addr == "" {
			addr = "127.0.0.1:0"
		}
		listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
		if err != nil {
			return fmt.Errorf("gptest: %w", err)
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = listener.Close()
			return fmt.Errorf("gptest: %w", net.ErrClosed)
		}
		s.listeners = append(s.listeners, listener)
		s.mu.Unlock()
		s.done.Go(func() { accept(listener, service.serve) })
	}
	return nil
}

func accept(listener net.Listener, serve func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			serve(conn)
		default:
			time.Sleep(10 * time.Millisecond) // too many open files, say: it may pass
		}
	}
}

// Addr is where the connection manager listens; empty if it does not.
func (s *Server) Addr() string { return s.listener(0) }

// SearchAddr is where the search service listens; empty if it does not.
func (s *Server) SearchAddr() string { return s.listener(1) }

func (s *Server) listener(i int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.listeners) {
		return ""
	}
	return s.listeners[i].Addr().String()
}

// ServeConn serves the connection manager on a connection, such as one end of net.Pipe. It returns at once; the server
// closes the connection.
func (s *Server) ServeConn(c net.Conn) { s.serve(c, false) }

// ServeSearchConn is ServeConn for the search service.
func (s *Server) ServeSearchConn(c net.Conn) { s.serve(c, true) }

// Dial gives the client's end of an in-memory connection to the connection manager. It fits the DialContext of a
// client's configuration, and works in a synctest bubble.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return s.dial(ctx, s.ServeConn)
}

// DialSearch is Dial for the search service.
func (s *Server) DialSearch(ctx context.Context, _, _ string) (net.Conn, error) {
	return s.dial(ctx, s.ServeSearchConn)
}

func (s *Server) dial(ctx context.Context, serve func(net.Conn)) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	serve(server)
	return client, nil
}

// Close ends all connections and waits until nothing of the server runs any more.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, listener := range s.listeners {
		_ = listener.Close()
	}
	for c := range s.conns {
		c.abort()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Add creates an account and returns its profile.
func (s *Server) Add(a Account) ProfileID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(a).ProfileID
}

func (s *Server) add(a Account) *account {
	if a.ProfileID == 0 {
		a.ProfileID = 20001
		for s.profile(a.ProfileID) != nil {
			a.ProfileID++
		}
	}
	if a.Nick == "" {
		a.Nick = a.UniqueNick
	}
	added := &account{
		Account: a, buddies: make(map[ProfileID]bool), blocked: make(map[ProfileID]bool),
		requests: make(map[ProfileID]request), changes: make(map[string]string),
	}
	s.accounts = append(s.accounts, added)
	s.profiles[a.ProfileID] = added
	s.nicks[strings.ToLower(a.UniqueNick)] = append(s.nicks[strings.ToLower(a.UniqueNick)], added)
	for _, id := range a.Buddies {
		s.follow(added, id)
	}
	for _, id := range a.Blocked {
		added.blocked[id] = true
	}
	return added
}

// profile finds an account by its profile.
func (s *Server) profile(id ProfileID) *account { return s.profiles[id] }

// remove deletes an account.
func (s *Server) remove(a *account) {
	s.accounts = slices.DeleteFunc(s.accounts, func(other *account) bool { return other == a })
	delete(s.profiles, a.ProfileID)
	s.rename(a, "")
}

// rename gives an account another uniquenick.
func (s *Server) rename(a *account, nick string) {
	before := strings.ToLower(a.UniqueNick)
	if s.nicks[before] = slices.DeleteFunc(s.nicks[before], func(other *account) bool { return other == a }); len(s.nicks[before]) == 0 {
		delete(s.nicks, before)
	}
	a.UniqueNick = nick
	s.nicks[strings.ToLower(nick)] = append(s.nicks[strings.ToLower(nick)], a)
}

// follow makes id a buddy of owner.
func (s *Server) follow(owner *account, id ProfileID) {
	owner.buddies[id] = true
	if s.followers[id] == nil {
		s.followers[id] = make(map[ProfileID]bool)
	}
	s.followers[id][owner.ProfileID] = true
}

// unfollow is the reverse.
func (s *Server) unfollow(owner *account, id ProfileID) {
	delete(owner.buddies, id)
	delete(s.followers[id], owner.ProfileID)
}

// Online reports whether a profile is logged in.
func (s *Server) Online(id ProfileID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.profile(id)
	return a != nil && len(a.conns) > 0
}

// BuddyOf reports whether owner has id as a buddy.
func (s *Server) BuddyOf(owner, id ProfileID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.profile(owner)
	return a != nil && a.buddies[id]
}

// Received lists the messages that clients have sent, in order, without \final\. At most 10 000 are kept.
func (s *Server) Received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

// Send writes raw text to the connections of a profile, which must hold its own \final\. It reports whether there is one.
func (s *Server) Send(id ProfileID, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.profile(id)
	if a == nil || len(a.conns) == 0 {
		return false
	}
	for _, c := range a.conns {
		c.send([]byte(text))
	}
	return true
}

// Kick ends the sessions of a profile the way the server does after another login. Online may be true until the connections have
// ended.
func (s *Server) Kick(id ProfileID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.profile(id); a != nil {
		for _, c := range slices.Clone(a.conns) {
			c.refuse(gpwire.ErrorForcedDisconnect, true, "This profile has been disconnected by another login.", 0)
			c.hangUp()
		}
	}
}

// Drop ends the connections of a profile without a word, as a crash of the server or of the network does.
func (s *Server) Drop(id ProfileID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.profile(id); a != nil {
		for _, c := range a.conns {
			c.abort()
		}
	}
}

// SetFaults changes what the server does wrong, on connections that come from now on.
func (s *Server) SetFaults(faults Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.Faults = faults
}

// RenewTicket gives a profile a new login ticket and tells it.
func (s *Server) RenewTicket(id ProfileID, ticket string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.profile(id); a != nil {
		a.ticket = ticket
		for _, c := range a.conns {
			c.put(&gpwire.TicketRenewed{Ticket: ticket})
		}
	}
}
