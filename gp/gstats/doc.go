// Package gstats is GameSpy Stats & Tracking and Persistent Storage: a game server reports how its games go, and players' data
// is kept where every machine finds it. It speaks to every community back end that runs the statistics service (GStats),
// tolerating what each does differently.
//
//	session, err := gstats.Connect(ctx, gstats.Config{Game: "gmtest", Secret: "HA6zkS", Domain: "example.net"})
//	if err != nil {
//		return err
//	}
//	defer session.Close()
//	ann, err := session.Authenticate(ctx, gstats.Password{ProfileID: 20001, Password: "..."})
//	slot := gstats.Slot{Profile: ann, Type: gstats.Public}
//	_, err = session.SetValues(ctx, slot, map[string]string{"wins": "8"})
//	data, err := session.Get(ctx, slot, "wins")
//	fmt.Println(data.Values()["wins"])
//
//	game, err := session.NewGame(ctx)
//	game.Text("mapname").Set("dm_bay")
//	player := game.NewPlayer("ann")
//	player.Int("kills").Add(1)
//	player.Float("accuracy").Average(0.42)
//	err = game.Finish(ctx)
//
// A game server must not know its players' passwords: it gives them [Session.Challenge], they answer with [PlayerResponse], and
// it authenticates them with [PasswordResponse], [TokenResponse] or [CDKeyResponse].
//
// A session ends with its connection, unless Config.Reconnect says otherwise: see [Reconnect]. Snapshots that cannot be sent
// are kept in a folder if there is a [Spool], and [Open] begins a session that does not need the service to be there. When
// nothing works, [Diagnose] says which step fails and what to try. Tests need no network: see the package gstatstest.
//
// # What the original could do
//
// The functions of the original's gstats.h and gpersist.h, and what is in their place:
//
//	gcd_gamename, gcd_secret_key,
//	StatsServerHostname                      Config
//	InitStatsConnection, InitStatsAsync,
//	InitStatsThink                           Connect, Open
//	IsStatsConnected, CloseStatsConnection   Session.State, Session.Done, Session.Close
//	StatsThink, PersistThink                 none needed; Session.Poll is for programs that look once a frame
//	GetChallenge                             Session.Challenge, Game.Challenge
//	GenerateAuth                             PlayerResponse, KeyHash
//	NewGame, FreeGame                        Session.NewGame; nothing to free
//	SendGameSnapShot                         Game.Snapshot, Game.Finish, Game.SendSnapshot
//	BucketIntOp, BucketFloatOp,
//	BucketStringOp                           the operations of Int, Float and Text
//	NewPlayer, RemovePlayer                  Results.NewPlayer, PlayerResults.Remove
//	NewTeam, RemoveTeam                      Results.NewTeam, TeamResults.Remove
//	GetPlayerIndex, GetTeamIndex             PlayerResults.Index, TeamResults.Index
//	PreAuthenticatePlayerPM                  Session.Authenticate with Password or PasswordResponse
//	PreAuthenticatePlayerPartner             Session.Authenticate with Token or TokenResponse
//	PreAuthenticatePlayerCD                  Session.Authenticate with CDKey or CDKeyResponse
//	GetProfileIDFromCD                       Session.ProfileID
//	GetPersistData, GetPersistDataValues     Session.Get, Session.GetBlob
//	GetPersistDataModified,
//	GetPersistDataValuesModified             Session.GetSince
//	SetPersistData, SetPersistDataValues     Session.Set, Session.SetValues
//	NewBucketSet and the rest of gbucket.h   NewResults; the original says not to use it
//	the disk log (gstats.dat, ALLOW_DISK)    Spool
//	the ...W functions                       none needed; text is UTF-8, as the original sends it
//
// What the original has not: contexts that end every call, several requests of one player at the same time whose answers cannot
// be taken for each other, typed errors, reconnecting, a log of unsent games that survives a crash and is checked, several
// sessions in one program, and the quirks of living servers.
//
// # What living servers do differently
//
//	openspy   values and blobs are two stores, see GetBlob. A set is not answered when nobody is authenticated, or the latest
//	          authentication has failed. What is forbidden ends the connection. A CD key that fails is another profile
//	wfc       tokens only. A SetValues replaces all of a slot, a Get gives all of it, whatever is named; no NUL, ASCII only. No
//	          profile ids of CD keys, no times in GetSince
//	dwc       tokens only. A Get gives the keys that are named, and nothing if none is. Values alone, ASCII only: what is not is
//	          never answered. After several SetValues of a slot, a Get misses values without Config.OmitNUL. What comes together with a
//	          snapshot is lost, no profile ids, no times
//	kr4uzi    passwords and games only; nothing else is answered
//
// None of them answers a game or a snapshot. wfc and dwc take any secret of the game.
//
// # What it does not do
//
// At servers that do not return the local id of a request (wfc, dwc) it asks one thing at a time, and relies on one answer to each:
// one that answered twice could not be seen through.
//
// It sends no keep-alives, as the original does not: TCP's own keep a connection. The server answers neither a new game nor a
// snapshot, so "sent" means that the connection took it. What would read as the end of a message once it is hidden is refused
// with [ErrInvalidText]; the original sends it and loses the rest. Nothing is encrypted: the secrets themselves are never sent,
// but whoever can listen can read the data, and whoever has the game has its secret. The web services of later titles (ATLAS,
// Sake) are others.
package gstats
