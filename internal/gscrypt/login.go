package gscrypt

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"
)

// blanks stand between the password's digest and the names in what is digested for a login.
const blanks = "                                                " // 48

// LoginResponse proves to the server that the client knows the password, without sending it (spec gp.md §4.2; GameSpy
// SDK GP/gpiConnect.c). secret is the password; the partner challenge for an authtoken login; empty for a login ticket.
// user is what [LoginUser] gives, the authtoken, or the ticket.
func LoginResponse(secret, user, clientChallenge, serverChallenge string) string {
	return loginDigest(secret, user, clientChallenge, serverChallenge)
}

// LoginProof proves to the client that the server knows the password too. It is [LoginResponse] with the challenges
// swapped.
func LoginProof(secret, user, clientChallenge, serverChallenge string) string {
	return loginDigest(secret, user, serverChallenge, clientChallenge)
}

// LoginUser is the user string that goes into the digests: the name behind the partner's number, which GameSpy itself
// (partner 0) does not have. name is the uniquenick, or nick@email with the e-mail in lower case.
func LoginUser(partner int, name string) string {
	if partner == 0 {
		return name
	}
	return strconv.Itoa(partner) + "@" + name
}

// TicketProofUser is the user string of the proof that the original SDK expects after a login with a ticket: the form of
// a nick login with empty names, not the ticket (spec gp.md §4.2).
func TicketProofUser(partner int) string { return LoginUser(partner, "@") }

// PeerSignature is what the owner of a profile checks when another player opens a direct link to it, and what the server
// puts into the profile's info for that player (spec gp.md §4.3). The owner's password is plain.
func PeerSignature(ownerPassword string, owner, requester int64) string {
	return hexMD5(ownerPassword + strconv.FormatInt(owner, 10) + strconv.FormatInt(requester, 10))
}

// SyncRequest authenticates a buddy request between consoles: the digest of both profile ids (spec gp.md §6.1).
func SyncRequest(own, other int64) string {
	return hexMD5(strconv.FormatInt(own, 10) + strconv.FormatInt(other, 10))
}

func loginDigest(secret, user, first, second string) string {
	h := hexMD5(secret)
	return hexMD5(strings.Join([]string{h, blanks, user, first, second, h}, ""))
}

func hexMD5(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
