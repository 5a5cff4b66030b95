// Package gp is GameSpy Presence & Messaging for players: log in, see which buddies are online and what they play, send
// messages and invitations, ask and answer buddy requests, read and change profiles, and search for players. It speaks to
// every community back end that runs the connection manager (GPCM) and the search service (GPSP), tolerating what each
// does differently.
//
//	session, err := gp.Login(ctx, gp.Config{Game: "gmtest", Domain: "example.net"}, gp.UniqueNick{Nick: "ann", Password: "..."})
//	if errors.Is(err, gp.ErrBadPassword) {
//		...
//	}
//	defer session.Close()
//	session.SetPresence(ctx, gp.Presence{Status: gp.Online, Text: "In the lobby"})
//	for event := range session.Events(ctx) {
//		switch e := event.(type) {
//		case *gp.Message:
//			fmt.Println(e.From, e.Text)
//		case *gp.BuddyStatus:
//			fmt.Println(e.ProfileID, e.Status, e.Text)
//		}
//	}
//
// [Session.Roster] is the whole at any time: the buddies and what they do, open requests in both directions, who is
// blocked; [*RosterChanged] says when to look again.
//
// A session ends with its connection, unless Config.Reconnect says otherwise: see [Reconnect].
//
// Searches need no login: see [Searcher]. Tests need no network: see the package gptest.
//
// # What it does not do
//
// It opens no direct links between players and transfers no files over them (spec gp.md §9 and §10): the original never
// got them to work, and everything goes through the server. Nothing is encrypted, because the protocol is not: the
// password itself is never sent at a login, but whoever can listen can read the messages.
package gp
