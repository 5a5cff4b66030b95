package gpwire

import (
	"cmp"
	"fmt"
	"slices"
)

// ErrorCode is the number of an error (spec gp.md §2.2). Numbers below 256 are general; the others belong to the
// operation that [ErrorCode.Class] gives.
type ErrorCode int32

// The error codes.
const (
	ErrorGeneral          ErrorCode = 0x0 // unknown error
	ErrorParse            ErrorCode = 0x1 // unexpected data
	ErrorNotLoggedIn      ErrorCode = 0x2 // not logged in
	ErrorBadSessionKey    ErrorCode = 0x3 // bad session key
	ErrorDatabase         ErrorCode = 0x4 // database error
	ErrorNetwork          ErrorCode = 0x5 // network error
	ErrorForcedDisconnect ErrorCode = 0x6 // this profile was logged in elsewhere
	ErrorConnectionClosed ErrorCode = 0x7 // the server closed the connection
	ErrorUDPLayer         ErrorCode = 0x8 // error of the UDP layer

	ErrorLogin                 ErrorCode = 0x100 // login failed
	ErrorLoginTimeout          ErrorCode = 0x101 // login timed out
	ErrorLoginBadNick          ErrorCode = 0x102 // no such nick
	ErrorLoginBadEmail         ErrorCode = 0x103 // no such e-mail address
	ErrorLoginBadPassword      ErrorCode = 0x104 // wrong password
	ErrorLoginBadProfile       ErrorCode = 0x105 // no such profile
	ErrorLoginProfileDeleted   ErrorCode = 0x106 // the profile was deleted
	ErrorLoginConnectionFailed ErrorCode = 0x107 // no connection to the server
	ErrorLoginServerAuthFailed ErrorCode = 0x108 // the server could not prove that it knows the password
	ErrorLoginBadUniqueNick    ErrorCode = 0x109 // no such uniquenick
	ErrorLoginBadPreauth       ErrorCode = 0x10A // the authtoken is not valid
	ErrorLoginBadTicket        ErrorCode = 0x10B // the login ticket is not valid
	ErrorLoginExpiredTicket    ErrorCode = 0x10C // the login ticket has expired

	ErrorNewUser                  ErrorCode = 0x200 // the account could not be created
	ErrorNewUserBadNick           ErrorCode = 0x201 // a profile with this nick exists
	ErrorNewUserBadPassword       ErrorCode = 0x202 // the account exists with another password
	ErrorNewUserUniqueNickInvalid ErrorCode = 0x203 // the uniquenick is not valid
	ErrorNewUserUniqueNickInUse   ErrorCode = 0x204 // the uniquenick is in use

	ErrorUpdateUI         ErrorCode = 0x300 // the user info could not be updated
	ErrorUpdateUIBadEmail ErrorCode = 0x301 // the e-mail address is in use

	ErrorNewProfile           ErrorCode = 0x400 // the profile could not be created
	ErrorNewProfileBadNick    ErrorCode = 0x401 // the nick to be replaced does not exist
	ErrorNewProfileBadOldNick ErrorCode = 0x402 // a profile with this nick exists

	ErrorUpdateProfile        ErrorCode = 0x500 // the profile could not be updated
	ErrorUpdateProfileBadNick ErrorCode = 0x501 // a profile with this nick exists

	ErrorAddBuddy             ErrorCode = 0x600 // the buddy could not be added
	ErrorAddBuddyBadFrom      ErrorCode = 0x601 // the profile that asks is not valid
	ErrorAddBuddyBadNew       ErrorCode = 0x602 // the profile to be added is not valid
	ErrorAddBuddyAlreadyBuddy ErrorCode = 0x603 // the profile is a buddy already
	ErrorAddBuddyOnBlockList  ErrorCode = 0x604 // the profile is on the own block list
	ErrorAddBuddyIsBlocking   ErrorCode = 0x605 // the profile blocks this one

	ErrorAuthAdd             ErrorCode = 0x700 // the buddy request could not be accepted
	ErrorAuthAddBadFrom      ErrorCode = 0x701 // the profile that asked is not valid
	ErrorAuthAddBadSignature ErrorCode = 0x702 // the signature of the request is not valid
	ErrorAuthAddOnBlockList  ErrorCode = 0x703 // the profile is on the own block list
	ErrorAuthAddIsBlocking   ErrorCode = 0x704 // the profile blocks this one

	ErrorStatus ErrorCode = 0x800 // the status could not be set

	ErrorMessage                        ErrorCode = 0x900 // the message could not be sent
	ErrorMessageNotBuddy                ErrorCode = 0x901 // the message was not to a buddy
	ErrorMessageExtendedInfoUnsupported ErrorCode = 0x902 // the buddy does not support extended info keys
	ErrorMessageBuddyOffline            ErrorCode = 0x903 // the buddy is offline

	ErrorGetProfile           ErrorCode = 0xA00 // the profile could not be read
	ErrorGetProfileBadProfile ErrorCode = 0xA01 // no such profile

	ErrorDeleteBuddy         ErrorCode = 0xB00 // the buddy could not be removed
	ErrorDeleteBuddyNotBuddy ErrorCode = 0xB01 // the profile is not a buddy

	ErrorDeleteProfile     ErrorCode = 0xC00 // the profile could not be deleted
	ErrorDeleteProfileLast ErrorCode = 0xC01 // the last profile of an account cannot be deleted

	ErrorSearch                 ErrorCode = 0xD00 // the search failed
	ErrorSearchConnectionFailed ErrorCode = 0xD01 // no connection to the search service
	ErrorSearchTimeout          ErrorCode = 0xD02 // the search timed out

	ErrorCheck            ErrorCode = 0xE00 // the account could not be checked
	ErrorCheckBadEmail    ErrorCode = 0xE01 // no such e-mail address
	ErrorCheckBadNick     ErrorCode = 0xE02 // no such nick
	ErrorCheckBadPassword ErrorCode = 0xE03 // wrong password

	ErrorRevoke         ErrorCode = 0xF00 // the authorisation could not be revoked
	ErrorRevokeNotBuddy ErrorCode = 0xF01 // the profile is not a buddy

	ErrorRegisterUniqueNick             ErrorCode = 0x1000 // the uniquenick could not be registered
	ErrorRegisterUniqueNickTaken        ErrorCode = 0x1001 // the uniquenick is taken
	ErrorRegisterUniqueNickReserved     ErrorCode = 0x1002 // the uniquenick is reserved
	ErrorRegisterUniqueNickBadNamespace ErrorCode = 0x1003 // uniquenicks cannot be registered in this namespace

	ErrorRegisterCDKey             ErrorCode = 0x1100 // the CD key could not be registered
	ErrorRegisterCDKeyBadKey       ErrorCode = 0x1101 // the CD key is not valid
	ErrorRegisterCDKeyAlreadySet   ErrorCode = 0x1102 // the profile has another CD key
	ErrorRegisterCDKeyAlreadyTaken ErrorCode = 0x1103 // the CD key belongs to another profile

	ErrorAddBlock               ErrorCode = 0x1200 // the profile could not be blocked
	ErrorAddBlockAlreadyBlocked ErrorCode = 0x1201 // the profile is blocked already

	ErrorRemoveBlock           ErrorCode = 0x1300 // the profile could not be unblocked
	ErrorRemoveBlockNotBlocked ErrorCode = 0x1301 // the profile is not blocked
)

// errorTexts is sorted by code.
var errorTexts = []struct {
	code ErrorCode
	text string
}{
	{ErrorGeneral, "unknown error"},
	{ErrorParse, "unexpected data"},
	{ErrorNotLoggedIn, "not logged in"},
	{ErrorBadSessionKey, "bad session key"},
	{ErrorDatabase, "database error"},
	{ErrorNetwork, "network error"},
	{ErrorForcedDisconnect, "this profile was logged in elsewhere"},
	{ErrorConnectionClosed, "the server closed the connection"},
	{ErrorUDPLayer, "error of the UDP layer"},
	{ErrorLogin, "login failed"},
	{ErrorLoginTimeout, "login timed out"},
	{ErrorLoginBadNick, "no such nick"},
	{ErrorLoginBadEmail, "no such e-mail address"},
	{ErrorLoginBadPassword, "wrong password"},
	{ErrorLoginBadProfile, "no such profile"},
	{ErrorLoginProfileDeleted, "the profile was deleted"},
	{ErrorLoginConnectionFailed, "no connection to the server"},
	{ErrorLoginServerAuthFailed, "the server could not prove that it knows the password"},
	{ErrorLoginBadUniqueNick, "no such uniquenick"},
	{ErrorLoginBadPreauth, "the authtoken is not valid"},
	{ErrorLoginBadTicket, "the login ticket is not valid"},
	{ErrorLoginExpiredTicket, "the login ticket has expired"},
	{ErrorNewUser, "the account could not be created"},
	{ErrorNewUserBadNick, "a profile with this nick exists"},
	{ErrorNewUserBadPassword, "the account exists with another password"},
	{ErrorNewUserUniqueNickInvalid, "the uniquenick is not valid"},
	{ErrorNewUserUniqueNickInUse, "the uniquenick is in use"},
	{ErrorUpdateUI, "the user info could not be updated"},
	{ErrorUpdateUIBadEmail, "the e-mail address is in use"},
	{ErrorNewProfile, "the profile could not be created"},
	{ErrorNewProfileBadNick, "the nick to be replaced does not exist"},
	{ErrorNewProfileBadOldNick, "a profile with this nick exists"},
	{ErrorUpdateProfile, "the profile could not be updated"},
	{ErrorUpdateProfileBadNick, "a profile with this nick exists"},
	{ErrorAddBuddy, "the buddy could not be added"},
	{ErrorAddBuddyBadFrom, "the profile that asks is not valid"},
	{ErrorAddBuddyBadNew, "the profile to be added is not valid"},
	{ErrorAddBuddyAlreadyBuddy, "the profile is a buddy already"},
	{ErrorAddBuddyOnBlockList, "the profile is on the own block list"},
	{ErrorAddBuddyIsBlocking, "the profile blocks this one"},
	{ErrorAuthAdd, "the buddy request could not be accepted"},
	{ErrorAuthAddBadFrom, "the profile that asked is not valid"},
	{ErrorAuthAddBadSignature, "the signature of the request is not valid"},
	{ErrorAuthAddOnBlockList, "the profile is on the own block list"},
	{ErrorAuthAddIsBlocking, "the profile blocks this one"},
	{ErrorStatus, "the status could not be set"},
	{ErrorMessage, "the message could not be sent"},
	{ErrorMessageNotBuddy, "the message was not to a buddy"},
	{ErrorMessageExtendedInfoUnsupported, "the buddy does not support extended info keys"},
	{ErrorMessageBuddyOffline, "the buddy is offline"},
	{ErrorGetProfile, "the profile could not be read"},
	{ErrorGetProfileBadProfile, "no such profile"},
	{ErrorDeleteBuddy, "the buddy could not be removed"},
	{ErrorDeleteBuddyNotBuddy, "the profile is not a buddy"},
	{ErrorDeleteProfile, "the profile could not be deleted"},
	{ErrorDeleteProfileLast, "the last profile of an account cannot be deleted"},
	{ErrorSearch, "the search failed"},
	{ErrorSearchConnectionFailed, "no connection to the search service"},
	{ErrorSearchTimeout, "the search timed out"},
	{ErrorCheck, "the account could not be checked"},
	{ErrorCheckBadEmail, "no such e-mail address"},
	{ErrorCheckBadNick, "no such nick"},
	{ErrorCheckBadPassword, "wrong password"},
	{ErrorRevoke, "the authorisation could not be revoked"},
	{ErrorRevokeNotBuddy, "the profile is not a buddy"},
	{ErrorRegisterUniqueNick, "the uniquenick could not be registered"},
	{ErrorRegisterUniqueNickTaken, "the uniquenick is taken"},
	{ErrorRegisterUniqueNickReserved, "the uniquenick is reserved"},
	{ErrorRegisterUniqueNickBadNamespace, "uniquenicks cannot be registered in this namespace"},
	{ErrorRegisterCDKey, "the CD key could not be registered"},
	{ErrorRegisterCDKeyBadKey, "the CD key is not valid"},
	{ErrorRegisterCDKeyAlreadySet, "the profile has another CD key"},
	{ErrorRegisterCDKeyAlreadyTaken, "the CD key belongs to another profile"},
	{ErrorAddBlock, "the profile could not be blocked"},
	{ErrorAddBlockAlreadyBlocked, "the profile is blocked already"},
	{ErrorRemoveBlock, "the profile could not be unblocked"},
	{ErrorRemoveBlockNotBlocked, "the profile is not blocked"},
}

// Known reports whether the code is one of the protocol.
func (c ErrorCode) Known() bool {
	_, ok := c.find()
	return ok
}

// Class is the general code of the operation that the error belongs to: ErrorLoginBadNick gives ErrorLogin, and every
// code below 256 gives ErrorGeneral.
func (c ErrorCode) Class() ErrorCode { return c &^ 0xFF }

// String says what the code means, in words.
func (c ErrorCode) String() string {
	if text, ok := c.find(); ok {
		return text
	}
	return fmt.Sprintf("error %d", int32(c))
}

func (c ErrorCode) find() (text string, ok bool) {
	i, ok := slices.BinarySearchFunc(errorTexts, c, func(e struct {
		code ErrorCode
		text string
	}, c ErrorCode) int {
		return cmp.Compare(e.code, c)
	})
	if !ok {
		return "", false
	}
	return errorTexts[i].text, true
}
