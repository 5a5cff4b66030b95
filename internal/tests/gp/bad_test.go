package gp_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
)

// A value may be the name of a key: the original's search for \key\ fell for it (spec gp.md §1).
func TestKeyNamesAsValues(t *testing.T) {
	session := logIn(t, gp.Config{}, "1", func(p *peer) {
		p.send(`\bm\1\f\7\date\0\msg\msg\final\\bm\100\f\8\msg\|s|1|ss|ls|ls|ss\final\`)
		p.receive()
		p.send(`\pi\\profileid\7\nick\email\email\id\firstname\sig\lastname\fatal\sig\error\id\2\final\`)
		p.receive()
	})
	assert.Equal(t, "msg", next[*gp.Message](t, session).Text)
	status := next[*gp.BuddyStatus](t, session)
	assert.Equal(t, "ls", status.Text)
	assert.Equal(t, "ss", status.Location)
	profile, err := session.Profile(t.Context(), 7)
	require.NoError(t, err)
	assert.Equal(t, gp.Profile{
		ProfileID: 7, Nick: "email", Email: "id", FirstName: "sig", LastName: "fatal", Signature: "error",
		Sex: gp.Unspecified, ICQUIN: -1, PublicMask: gp.PublicAll,
	}, *profile)
	require.NoError(t, session.Close())
}

// Of two equal keys the first wins, as in the original.
func TestDuplicateKeys(t *testing.T) {
	session := logIn(t, gp.Config{}, "1", func(p *peer) {
		p.send(`\bm\1\f\7\f\8\msg\first\msg\second\final\\bm\100\f\8\msg\|s|1|s|2|ss|a\final\`)
		p.receive()
		p.send(`\pi\\profileid\7\nick\bob\profileid\8\nick\eve\sig\\id\2\id\3\final\`)
		p.receive()
	})
	message := next[*gp.Message](t, session)
	assert.EqualValues(t, 7, message.From)
	assert.Equal(t, "first", message.Text)
	assert.Equal(t, gp.Online, next[*gp.BuddyStatus](t, session).Status)
	profile, err := session.Profile(t.Context(), 7)
	require.NoError(t, err)
	assert.Equal(t, "bob", profile.Nick)
	require.NoError(t, session.Close())
}

// Numbers that are negative, too big, or none: the message is left out and counted, and the next one is taken.
func TestOddNumbers(t *testing.T) {
	for text, malformed := range map[string]uint64{
		`\bm\1\f\99999999999999999999\msg\x\final\`:             1,
		`\bm\1\f\1e3\msg\x\final\`:                              1,
		`\bm\1\f\--1\msg\x\final\`:                              1,
		`\bm\4294967296\f\1\msg\x\final\`:                       1,
		`\bm\1\f\1\date\9999999999999999999\msg\x\final\`:       1,
		`\bdy\99999999999\list\1\final\`:                        1,
		`\bdy\1\list\99999999999999999999\final\`:               1,
		`\blk\-2147483649\list\1\final\`:                        1,
		`\bsi\\state\1\profile\7\qport\65536\final\`:            1,
		`\bsi\\state\1\profile\7\bip\4294967296\final\`:         1,
		`\bsi\\state\-9999999999\profile\7\final\`:              1,
		`\error\\err\99999999999\errmsg\x\final\`:               1,
		`\rar\namespaceid\x\partnerid\1\final\`:                 1,
		`\bm\1\f\-5\date\-5\msg\x\final\`:                       0, // a signed number, as in the original
		`\bsi\\state\77\profile\7\hostip\-1062731775\final\`:    0,
		`\error\\err\-1\errmsg\x\final\`:                        0,
		`\bm\100\f\7\msg\|s|77|ip|-1|p|99999|qm|-1\final\`:      0,
		`\bm\100\f\7\msg\|s|99999999999999999999\final\`:        1,
		`\bm\101\f\7\msg\|p|99999999999999999999|l|here\final\`: 1,
	} {
		session := logIn(t, gp.Config{}, "1", func(p *peer) {
			p.send(text + `\bm\5\f\9\msg\end\final\`)
			p.receive()
		})
		next[*gp.GameMessage](t, session)
		assert.Equal(t, malformed, session.State().Counters.Malformed, text)
		require.NoError(t, session.Close())
	}
}

// A message of a megabyte ends the session, unless the program has allowed it.
func TestHugeMessage(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	session := logIn(t, gp.Config{}, "1", func(p *peer) { p.send(`\bm\1\f\7\msg\` + long + `\final\`) })
	<-session.Done()
	require.ErrorIs(t, session.Err(), gp.ErrProtocol)
	require.ErrorContains(t, session.Err(), "262144")
	require.NoError(t, session.Close())

	session = logIn(t, gp.Config{MaxMessage: 2 << 20}, "1", func(p *peer) {
		p.send(`\bm\1\f\7\msg\` + long + `\final\`)
		p.receive()
	})
	require.Len(t, next[*gp.Message](t, session).Text, len(long))
	require.NoError(t, session.Close())
}

// An answer that comes twice is counted and belongs to nobody, whatever is asked next.
func TestAnsweredTwice(t *testing.T) {
	session := logIn(t, gp.Config{}, "1", func(p *peer) {
		p.receive()
		p.send(strings.Repeat(`\pi\\profileid\7\nick\bob\sig\\id\2\final\`, 2) + `\error\\err\2561\errmsg\no\id\2\final\`)
		p.receive()
		p.send(`\pi\\profileid\7\nick\old\sig\\id\2\final\\pi\\profileid\8\nick\eve\sig\\id\3\final\`)
		p.receive()
	})
	profile, err := session.FetchProfile(t.Context(), 7)
	require.NoError(t, err)
	assert.Equal(t, "bob", profile.Nick)
	profile, err = session.FetchProfile(t.Context(), 8)
	require.NoError(t, err)
	assert.Equal(t, "eve", profile.Nick)
	assert.EqualValues(t, 2, session.State().Counters.Unmatched)
	assert.ErrorIs(t, next[*gp.ServerError](t, session).Err, gp.ErrNoSuchProfile)
	require.NoError(t, session.Close())
}
