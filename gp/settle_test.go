package gp

import (
	"testing"
	"time"
)

// The roster is compared with what a connection has told only while that is the session's: one that is lost in the moment in
// which it would be fresh leaves it stale.
func TestLostConnectionSettlesNothing(t *testing.T) {
	s := newSession(Config{Reconnect: &Reconnect{}})
	s.roster.add(7)
	s.roster.stale, s.roster.connection = true, 2
	l := s.newLink(&stream{})
	s.settleRoster(l, time.Now())
	if !s.Roster().Stale || s.Poll() != nil {
		t.Error("a lost connection has made the roster fresh")
	}
	s.link = l
	s.settleRoster(l, time.Now())
	if s.Roster().Stale {
		t.Error("the roster is stale")
	}
}
