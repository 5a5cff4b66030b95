package gp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

// Nothing that a program can print or log shows a secret: not what it gave, not what the server gave.
func TestNothingPrintsSecrets(t *testing.T) {
	const signature = "5165c8e7" + "5165c8e75165c8e75165c8e7"
	secrets := []string{"s3cretpw", "s3crettoken", "s3cretpartner", "s3cretticket", "s3cretcdkey", "987654321", signature}
	var log bytes.Buffer
	config := gp.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	session := logIn(t, config, "987654321", func(p *peer) {
		p.send(`\lt\s3cretticket\final\\bm\2\f\7\msg\please|signed|` + signature + `\final\`)
		p.receive()
		p.send(`\pi\profileid\7\nick\bob\sig\` + signature + `\id\2\final\`) // without the empty value, as section8 does
		p.receive()
		p.receive()
	})
	renewed := next[*gp.TicketRenewed](t, session)
	request := next[*gp.BuddyRequest](t, session)
	require.Equal(t, "s3cretticket", session.Ticket())
	profile, err := session.Profile(t.Context(), 7)
	require.NoError(t, err)
	require.Equal(t, signature, profile.Signature)
	require.NotEmpty(t, session.Roster().Incoming)
	account := gp.Account{Email: "a@b", Nick: "a", Password: "s3cretpw", CDKey: "s3cretcdkey"}
	values := []any{
		session, session.Searcher(), *session.Searcher(), session.State(), session.Roster(), renewed, *renewed, request, *request, profile, *profile,
		gp.UniqueNick{Nick: "a", Password: "s3cretpw"}, &gp.UniqueNick{Nick: "a", Password: "s3cretpw"},
		gp.NickEmail{Nick: "a", Email: "b", Password: "s3cretpw"}, gp.AuthToken{Token: "s3crettoken", PartnerChallenge: "s3cretpartner"},
		gp.LoginTicket{Ticket: "s3cretticket"}, account, &account,
		gptest.Account{Password: "s3cretpw", AuthToken: "s3crettoken", PartnerChallenge: "s3cretpartner"},
		gptest.Config{Accounts: []gptest.Account{{Password: "s3cretpw"}}},
	}
	values = append(values, session.Roster().Incoming[0])
	require.NoError(t, session.Authorize(t.Context(), 7))
	var printed strings.Builder
	for _, value := range values {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&printed, format+"\n", value)
		}
		b, err := json.Marshal(value)
		if _, functions := value.(gptest.Config); !functions {
			require.NoError(t, err)
		}
		printed.Write(b)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("logged", "value", value)
		slog.New(slog.NewTextHandler(&printed, nil)).Info("logged", "value", value)
	}
	fmt.Fprintf(&printed, "%+v", []gp.Identity{gp.UniqueNick{Password: "s3cretpw"}})
	for _, secret := range secrets {
		assert.NotContains(t, printed.String(), secret)
		assert.NotContains(t, printed.String(), fmt.Sprintf("%x", secret))
		assert.NotContains(t, log.String(), secret)
	}
	assert.Contains(t, printed.String(), "bob", "what is no secret is shown")
}
