package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/sb"
)

// gamespy is the part of the story that a community back end can play, too.
func gamespy(ctx context.Context, s *story, v *services) (err error) {
	s.begin("A dedicated server opens")
	began := time.Now()
	server, state, err := open(ctx, v, "Friday night")
	if err != nil {
		return err
	}
	closed := false
	defer func() {
		if !closed {
			err = errors.Join(err, server.close())
		}
	}()
	s.tell("server", "", fmt.Sprintf("“%s” on %v: one socket for the game, the master, queries and CD keys", server.name, server.addr), 0,
		facts{"hostname": server.name, "addr": server.addr.String()})
	confirmed := fmt.Sprintf("%v: challenged %d×, answered", state.Step, state.Challenges)
	known := facts{"step": state.Step.String(), "challenges": state.Challenges}
	if state.Public.IsValid() { // some masters do not say
		confirmed += fmt.Sprintf("; it sees us as %v", state.Public)
		known["public"] = state.Public.String()
	}
	s.tell("server", "master", confirmed, time.Since(began), known)
	players, err := presence(ctx, s, v)
	if err != nil {
		return err
	}

	s.begin("A player looks for a game")
	browser, err := sb.New(v.sb)
	if err != nil {
		return err
	}
	defer browser.Close()
	found, err := find(ctx, s, browser, server.name)
	if err != nil {
		return err
	}
	if err := ask(ctx, s, browser, server); err != nil {
		return err
	}
	bob, err := join(ctx, s, v, browser, server, found)
	if err != nil {
		return err
	}
	defer bob.close()
	if err := sameKey(ctx, s, v, server); err != nil {
		return err
	}
	if err := watch(ctx, s, v, browser); err != nil {
		return err
	}

	if err := match(ctx, s, v, players); err != nil {
		return err
	}

	s.begin("The server closes")
	if err := leave(ctx, s, v, server, bob); err != nil {
		return err
	}
	began = time.Now()
	closed = true
	if err := server.close(); err != nil {
		return err
	}
	return gone(ctx, s, v, browser, server.name, began)
}

// find gets the list and looks the server up in it.
func find(ctx context.Context, s *story, browser *sb.Browser, name string) (sb.Server, error) {
	began := time.Now()
	for {
		count := 0
		var found *sb.Server
		for server, err := range browser.List(ctx, sb.Query{Filter: "numplayers > 0", Fields: []string{"hostname", "mapname", "numplayers", "maxplayers"}}) {
			if err != nil {
				return sb.Server{}, err
			}
			count++
			if server.Name() == name {
				found = &server
			}
		}
		if found != nil {
			if found.Map() != "dm_bay" || found.NumPlayers() != 1 || found.MaxPlayers() != 16 {
				return sb.Server{}, fmt.Errorf("the list says that %q plays %s, %d/%d", name, found.Map(), found.NumPlayers(), found.MaxPlayers())
			}
			s.tell("bob", "list master", fmt.Sprintf("servers with players? → %d in the list, decrypted; “%s” plays %s, %d/%d", count, found.Name(), found.Map(), found.NumPlayers(), found.MaxPlayers()),
				time.Since(began), facts{"servers": count, "hostname": found.Name(), "addr": found.Addr.String(), "map": found.Map()})
			return *found, nil
		}
		// A live master may take a moment from confirming a server to listing it.
		if time.Since(began) > 30*time.Second {
			return sb.Server{}, fmt.Errorf("%q is not among the %d servers of the list", name, count)
		}
		if err := pause(ctx, time.Second); err != nil {
			return sb.Server{}, err
		}
	}
}

// ask queries the server itself.
func ask(ctx context.Context, s *story, browser *sb.Browser, server *dedicatedServer) error {
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), server.addr.Port())
	answer, err := browser.Query(ctx, addr, sb.DirectQuery{})
	if err != nil {
		return err
	}
	if len(answer.Players) != 1 || answer.Players[0].Get("player_") != "ann" || answer.Players[0].Get("score_") != "12" || answer.Name() != server.name {
		return fmt.Errorf("the server answered %q with players %v", answer.Name(), answer.Players)
	}
	s.tell("bob", "server", fmt.Sprintf("who plays? → %s, score %s", answer.Players[0].Get("player_"), answer.Players[0].Get("score_")), answer.Ping,
		facts{"players": len(answer.Players), "player": answer.Players[0].Get("player_"), "score": answer.Players[0].Get("score_"), "ping_ms": milliseconds(answer.Ping)})
	return nil
}

// watch keeps a list open while another server comes and goes. Masters that push nothing are common: that is told, and is
// no failure.
func watch(ctx context.Context, s *story, v *services, browser *sb.Browser) error {
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	list, err := browser.Subscribe(limited, sb.Query{Filter: "numplayers > 0", Fields: []string{"hostname", "mapname", "numplayers"}})
	if err != nil {
		return err
	}
	defer list.Close()
	if _, err := awaitList(limited, list, func(e sb.ListComplete) bool { return true }); err != nil {
		return err
	}
	other, _, err := open(ctx, v, "Rematch")
	if err != nil {
		return err
	}
	began := time.Now()
	added, err := awaitList(limited, list, func(e sb.ServerAdded) bool { return e.Server.Name() == other.name })
	if !v.embedded && pushedNothing(ctx, err) {
		s.tell("list master", "bob", "pushed nothing about a second server in time", 0, facts{"skipped": true})
		return other.close()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("live list: %w", err), other.close())
	}
	s.tell("list master", "bob", fmt.Sprintf("pushed: “%s” has opened, plays %s", added.Server.Name(), added.Server.Map()), time.Since(began),
		facts{"hostname": added.Server.Name(), "map": added.Server.Map()})
	began = time.Now()
	if err := other.close(); err != nil {
		return err
	}
	removed, err := awaitList(limited, list, func(e sb.ServerRemoved) bool { return e.Server.Name() == other.name })
	if !v.embedded && pushedNothing(ctx, err) {
		s.tell("list master", "bob", "did not push in time that it has closed", 0, facts{"skipped": true})
		return nil
	}
	if err != nil {
		return fmt.Errorf("live list: %w", err)
	}
	s.tell("list master", "bob", fmt.Sprintf("pushed: “%s” has closed", removed.Server.Name()), time.Since(began), facts{"hostname": removed.Server.Name()})
	return nil
}

// pushedNothing tells whether a live list was merely silent until its time was over: the story itself goes on.
func pushedNothing(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}

// awaitList takes the events of a live list until one of the wanted kind fits.
func awaitList[E sb.Event](ctx context.Context, list *sb.Subscription, fits func(E) bool) (E, error) {
	var none E
	for event, err := range list.Events(ctx) {
		if err != nil {
			return none, err
		}
		if e, ok := event.(E); ok && fits(e) {
			return e, nil
		}
	}
	return none, errors.Join(errors.New("nothing was pushed"), ctx.Err())
}

// gone makes sure that the list no longer has the server.
func gone(ctx context.Context, s *story, v *services, browser *sb.Browser, name string, began time.Time) error {
	for {
		listed := false
		for server, err := range browser.List(ctx, sb.Query{Filter: "numplayers >= 0", Fields: []string{"hostname"}}) {
			if err != nil {
				return err
			}
			listed = listed || server.Name() == name
		}
		if !listed {
			s.tell("server", "master", "goodbye; the list no longer has it", time.Since(began), facts{"listed": false})
			return nil
		}
		if time.Since(began) > 10*time.Second {
			if v.embedded {
				return fmt.Errorf("%q said goodbye and is listed all the same", name)
			}
			// Some masters ignore the goodbye and wait for silence (servers.md §3.1).
			s.tell("server", "master", "goodbye; ten seconds later this master still lists it", 0, facts{"listed": true})
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits, or returns why it was not to wait.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
