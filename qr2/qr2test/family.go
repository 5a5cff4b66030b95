package qr2test

import (
	"fmt"
	"time"
)

// traits are what tells a family from the others (spec servers.md §2 and §3).
type traits struct {
	availabilityPadding int  // bytes behind the seven of an availability reply
	unknownAvailable    bool // the availability check is answered for unknown games, too

	challenge       challengeForm
	verify          bool          // responses are checked
	errors          bool          // refusals are told
	confirm         bool          // registrations are confirmed with 0x0A
	challengeRepeat time.Duration // 0: a challenge is not repeated
	challengeTries  int           // copies until the master gives up

	expire           time.Duration
	heartbeatCounts  bool // heartbeats keep a game server listed; keep-alives always do
	keepAliveAnswer  keepAliveForm
	shutdown         bool // statechanged 2 takes a game server off the list
	shutdownUnknown  bool // statechanged 2 of an unknown sender is challenged like any heartbeat
	probe            bool // a registered game server is queried from another address
	messageInterval  time.Duration
	messageTries     int
	messageCounts    bool // message keys count from 1
	messageSize      int  // longer messages are cut; 0: not
	datagramSize     int  // longer datagrams are cut
	dropPlus         bool // keys that start with + are dropped
	noPlayers        bool // heartbeats with players or teams come to nothing
	verifyPublicAddr bool // heartbeats with a wrong public address are dropped
}

// challengeForm is how a family writes its challenge.
type challengeForm uint8

const (
	challengeStandard challengeForm = iota // random characters, options, address
	challengeZero                          // the same with options 00, whatever the game wants
	challengePadded                        // the same, hexadecimal digits padded with blanks
	challengeLetters                       // 20 capital letters
	challengeNone                          // none at all: a malformed packet, and the server is listed
)

// keepAliveForm is how a family answers keep-alives.
type keepAliveForm uint8

const (
	keepAliveSilent  keepAliveForm = iota
	keepAliveTime                  // key, then the time
	keepAliveZeroKey               // a key of zeros
	keepAliveEcho                  // key; unknown senders get it, too
)

func traitsOf(family Family) (traits, error) {
	standard := traits{
		unknownAvailable: true, verify: true, errors: true, confirm: true, expire: 90 * time.Second,
		heartbeatCounts: true, shutdown: true, probe: true, messageInterval: 2 * time.Second, messageTries: 3,
		datagramSize: 1400,
	}
	t := standard
	switch family {
	case Original:
	case OpenSpy:
		t.expire = 600 * time.Second
		t.keepAliveAnswer = keepAliveTime
		t.shutdownUnknown = true
	case WFC:
		t.challenge = challengeZero
		t.verify, t.errors, t.probe = false, false, false
		t.challengeRepeat, t.challengeTries = time.Second, 5
		t.expire = 61 * time.Second
		t.keepAliveAnswer = keepAliveZeroKey
		t.messageInterval, t.messageTries, t.messageCounts = time.Second, 10, true
		t.datagramSize = 1024
		t.dropPlus, t.verifyPublicAddr = true, true
	case DWC:
		t.challenge = challengeZero
		t.noPlayers = true
		t.errors, t.probe = false, false
		t.expire = 64 * time.Second
		t.shutdownUnknown = true
		t.messageTries = 1
	case KR4uzi:
		t.availabilityPadding, t.unknownAvailable = 1, false
		t.challenge = challengePadded
		t.errors, t.probe = false, false
		t.expire = 75 * time.Second
		t.heartbeatCounts, t.shutdown = false, false
		t.messageTries = 1
	case Crymp:
		t.availabilityPadding = 3
		t.challenge = challengeLetters
		t.verify, t.errors, t.probe = false, false, false
		t.expire = 66 * time.Second
		t.keepAliveAnswer = keepAliveEcho
		t.shutdown = false
		t.messageTries, t.messageSize = 1, 240
	case UniSpy:
		t.challenge = challengeNone
		t.verify, t.errors, t.confirm, t.probe = false, false, false, false
		t.expire = 5 * 24 * time.Hour
		t.messageTries = 1
	default:
		return t, fmt.Errorf("qr2test: family %q has no QR2 master", family)
	}
	return t, nil
}
