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
// A session ends with its connection, unless Config.Reconnect says otherwise: see [Reconnect]. When a login does not work,
// [Diagnose] says which step fails and what to try.
//
// Searches need no login; their results are iterators that ask for more by themselves: see [Searcher]. Tests need no network: see the package gptest.
//
// # What the original could do
//
// The functions of the original's gp.h, and what is in their place:
//
//	gpInitialize, gpDestroy                       none needed; Session.Close
//	gpEnable, gpDisable                           Config.ProfileCache; the package gptest in place of a simulation
//	gpProcess                                     none needed; Session.Poll is for programs that look once a frame
//	gpSetCallback                                 Session.Events, Session.Poll
//	gpConnect                                     Login with NickEmail
//	gpConnectUniqueNick                           Login with UniqueNick
//	gpConnectPreAuthenticated                     Login with AuthToken
//	gpConnectLoginTicket (2012)                   Login with LoginTicket
//	gpConnectNewUser                              Register
//	gpNewUser                                     Searcher.NewUser
//	gpDisconnect, gpIsConnected                   Session.Close, Session.State
//	gpGetLoginTicket                              Session.Ticket, TicketRenewed
//	gpCheckUser, gpIsValidEmail                   Searcher.Check, Searcher.ValidEmail
//	gpGetUserNicks                                Searcher.Nicks
//	gpProfileSearch                               Searcher.Profiles
//	gpProfileSearchUniquenick                     Searcher.UniqueNick
//	gpSuggestUniqueNick                           Searcher.Suggest
//	gpGetReverseBuddies, gpGetReversBuddiesList   Searcher.Others, Searcher.UniqueNicksOf
//	gpFindPlayers (until 2007)                    Searcher.PlayersOf
//	buddy list of another profile (2012)          Searcher.BuddiesOf
//	gpNewProfile, gpDeleteProfile                 Session.NewProfile, Session.DeleteProfile
//	gpRegisterUniqueNick, gpRegisterCdKey         Session.RegisterUniqueNick, Session.RegisterCDKey
//	gpSetCdKey                                    none: the original declares it and does not have it
//	gpGetInfo, gpGetInfoNoWait, gpProfilesReport,
//	gpSetInfoCacheFilename                        Session.Profile, Session.FetchProfile, Config.FetchProfiles
//	gpSetInfoi, gpSetInfos, gpSetInfod,
//	gpSetInfoMask                                 Session.UpdateProfile
//	gpProfileFromID, gpIDFromProfile,
//	gpUserIDFromProfile                           none needed: ProfileID is the handle; Profile.UserID
//	gpSetStatus, gpSetStatusInfo                  Session.SetPresence, in one or both forms by Config.Revision
//	gpGetNumBuddies, gpGetBuddyStatus, gpIsBuddy,
//	gpGetBuddyStatusInfo, gpGetBuddyIndex         Session.Roster, Roster.Buddy
//	gpGetNumBlocked, gpGetBlockedProfile,
//	gpIsBlocked                                   Roster.Blocked, Roster.IsBlocked
//	gpSendBuddyRequest                            Session.RequestBuddy
//	gpAuthBuddyRequest, gpDenyBuddyRequest        Session.Authorize, Session.Deny
//	gpDeleteBuddy, gpRevokeBuddyAuthorization     Session.RemoveBuddy, Session.Revoke
//	gpAddToBlockedList, gpRemoveFromBlockedList   Session.Block, Session.Unblock
//	gpSendBuddyMessage, gpSendBuddyUTM            Session.SendMessage, Session.SendGameMessage
//	gpInvitePlayer, gpSetInvitableGames           Session.Invite, Session.AcceptInvites
//	gpSetQuietMode                                Session.SetQuiet
//	gpGetErrorCode, gpGetErrorString              Error
//	gpSendFiles and the other file transfers      left out: see below
//	gpGetBuddyStatusInfoKeys, gp...StatusInfoKey,
//	gpIsBuddyConnectionOpen, gpSetBuddyAddr       left out: they need a direct link
//
// What the original has not: contexts that end every call, typed errors, a bounded queue of events that says what it lost,
// reconnecting, a limit on what is sent, and the quirks of living servers.
//
// # What it does not do
//
// It opens no direct links between players and transfers no files over them (spec gp.md §9 and §10): the original's own
// implementation reports an error on every link that it opens and cuts every file that it sends, and no living peer speaks
// them. Messages always go through the server. Nothing is encrypted, because the protocol is not: the password itself is
// never sent at a login, but whoever can listen can read the messages.
package gp
