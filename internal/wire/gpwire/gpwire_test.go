package gpwire

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// fromServer and fromClient are one message of each kind: the first ones as a real server or the original SDK wrote them.
var fromServer = []string{
	`\lc\1\challenge\KFPBQTWZXA\id\1`,
	`\lc\2\sesskey\00885507\proof\b73b31d6a4ea749e08d379ce52e5d3fb\userid\8400000000001\profileid\6001\uniquenick\u\lt\QQ==\id\1`,
	`\bm\1\f\1234\date\1200000000\msg\Hi!`,
	`\bm\2\f\20003\msg\please add me|signed|d41d8cd98f00b204e9800998ecf8427e`,
	`\bm\100\f\1300\date\1\msg\|s|2|ss|Playing|ls|gmtest://1.2.3.4:26900|ip|16909060|p|6500|qm|3`,
	`\bm\101\f\1300\msg\|p|11057|l|here`,
	`\bm\102\f\1\msg\`,
	`\bsi\\state\1\profile\3002\bip\-1062731775\bport\6500\hostip\3405803785\hprivip\0\qport\6500\hport\1\sessflags\10\rstatus\x\gameType\a\gameVnt\b\gameMn\c\product\5\qmodeflags\0`,
	`\bdy\3\list\101,102,103`,
	`\blk\0\list\`,
	`\ka\`,
	`\lt\newticket`,
	`\rar\\namespaceid\2\partnerid\11`,
	`\nur\\userid\5001\profileid\6001\id\1`,
	`\error\\err\513\fatal\\errmsg\no\pid\7\id\1`,
	`\pi\\profileid\5555\nick\Joe\userid\44\email\joe@x.org\sig\00112233445566778899aabbccddeeff\uniquenick\JoeU\pid\10\firstname\Joe\lastname\Doe\homepage\http://h\zipcode\12345\countrycode\US\birthday\520882108\sex\1\icquin\99\aim\aimjoe\pmask\64\pic\1\occ\2\ind\3\inc\4\mar\5\chc\6\i1\7\o1\8\conn\9\lon\-1.5\lat\2.25\loc\USA|California|Irvine\id\2`,
	`\npr\\profileid\7\id\2`,
	`\dpr\\id\2`,
	`\rn\\id\2`,
	`\rc\\id\2`,
}

var fromClient = []string{
	`\login\\challenge\PDhxuB3sK2kEx12mNBay8STu1Fq6L34a\uniquenick\abc\userid\5\profileid\6\partnerid\7\response\fd3a219969feb482345c40849062198e\port\6500\productid\1\gamename\gmtest\namespaceid\1\sdkrevision\11\quiet\-1\id\1`,
	`\newuser\\email\new@user.org\nick\newnick\passwordenc\eJeDgkqonw__\productid\77\gamename\gmtest\namespaceid\1\uniquenick\newuniq\cdkeyenc\boq_\partnerid\0\id\1`,
	`\logout\\sesskey\-12345678`,
	`\ka\`,
	`\getprofile\\sesskey\1\profileid\5555\id\2`,
	`\newprofile\\sesskey\1\nick\third\replace\1\oldnick\NewNick\id\5`,
	`\delprofile\\sesskey\1\id\2`,
	`\registernick\\sesskey\1\uniquenick\MyUnique\cdkey\ABCD\partnerid\0\id\6`,
	`\registercdkey\\sesskey\77\cdkeyenc\V7C3\gameid\1234\id\2`,
	`\updatepro\\sesskey\1\firstname\A\countrycode\DE\partnerid\0`,
	`\updateui\\sesskey\1\email\new@mail.com\memory\32`,
	`\addbuddy\\sesskey\1\newprofileid\1234\reason\please\syncrequested\abc`,
	`\authadd\\sesskey\1\fromprofileid\3\sig\d41d8cd98f00b204e9800998ecf8427e\autoSync\true`,
	`\delbuddy\\sesskey\1\delprofileid\1234`,
	`\revoke\\sesskey\1\profileid\1234`,
	`\addblock\\sesskey\1\profileid\1234`,
	`\removeblock\\sesskey\1\profileid\1234`,
	`\status\2\sesskey\1\statstring\Playing\locstring\x`,
	`\statusinfo\\state\2\sesskey\1\hostIp\3405803785\hprivIp\3232237354\qport\6500\hport\6501\sessflags\10\richStatus\in game\gameType\ctf\gameVariant\insta\gameMapName\facing worlds`,
	`\quiet\5\sesskey\1`,
	`\inviteto\\sesskey\1\products\1,2`,
	`\pinvite\\sesskey\1\profileid\4321\productid\11057\location\l`,
	`\bm\5\sesskey\1\t\4321\msg\utm`,
}

var searches = []string{
	`\search\\sesskey\0\profileid\0\namespaceid\1\partnerid\0\nick\N\uniquenick\U\email\e\firstname\F\lastname\L\icquin\1\skip\2\gamename\gmtest`,
	`\searchunique\\sesskey\1\profileid\2\uniquenick\U\namespaces\1,2\gamename\gmtest`,
	`\valid\\email\joe@x.org\partnerid\0\gamename\gmtest`,
	`\nicks\\email\joe@x.org\passenc\dJOQ\namespaceid\1\partnerid\0\gamename\gmtest`,
	`\pmatch\\sesskey\1\profileid\2\productid\11057\gamename\gmtest`,
	`\check\\nick\N\email\e\partnerid\0\passenc\zz\gamename\gmtest`,
	`\newuser\\nick\Nick\email\New@X.org\passenc\ZpOHgQ__\productID\11057\namespaceid\1\uniquenick\Uniq\cdkey\KEY-1\partnerid\0\gamename\gmtest`,
	`\others\\sesskey\1\profileid\2\namespaceid\1\gamename\gmtest`,
	`\otherslist\\sesskey\1\profileid\2\numopids\2\opids\3|4\namespaceid\1\gamename\gmtest`,
	`\uniquesearch\\preferrednick\Joe\namespaceid\1\gamename\gmtest`,
	`\profilelist\\sesskey\77\profileid\6001\searchprofileid\42\maxresults\50\gamename\gmtest`,
	`\ka\`,
}

type direction struct {
	name     string
	decode   func(*Decoder, []byte) (Message, error)
	messages []string
}

var directions = []direction{
	{"from server", (*Decoder).FromServer, fromServer},
	{"from client", (*Decoder).FromClient, fromClient},
	{"search", (*Decoder).SearchRequest, searches},
}

// Every message comes out as it went in, byte for byte, and with its pairs in any order.
func TestRoundTrip(t *testing.T) {
	for _, direction := range directions {
		var d Decoder
		for _, body := range direction.messages {
			m, err := direction.decode(&d, []byte(body))
			if err != nil {
				t.Errorf("%s %s: %v", direction.name, body, err)
				continue
			}
			again, err := m.Append(nil)
			want := strings.Replace(body, `\bip\-1062731775`, `\bip\3232235521`, 1) + kv.Terminator // addresses are written unsigned
			if err != nil || string(again) != want {
				t.Errorf("%s:\n got %s, %v\nwant %s", direction.name, again, err, want)
			}
			reversed, err := direction.decode(&d, []byte(reverse(body)))
			if _, ordered := m.(*UpdateProfile); ordered {
				continue
			}
			if _, ordered := m.(*UpdateUserInfo); ordered {
				continue
			}
			if err != nil || !reflect.DeepEqual(m, reversed) {
				t.Errorf("%s reversed: %+v, %v\nwant %+v", direction.name, reversed, err, m)
			}
		}
	}
}

// reverse turns the pairs behind the command around.
func reverse(body string) string {
	var head, tail string
	for key, value := range kv.All([]byte(body)) {
		pair := `\` + string(key) + `\` + string(value)
		if head == "" {
			head = pair
		} else {
			tail = pair + tail
		}
	}
	return head + tail
}

// Whatever is cut off or flipped gives a message or a typed error, never anything else.
func TestDamage(t *testing.T) {
	for _, direction := range directions {
		var d Decoder
		for _, body := range direction.messages {
			check := func(damaged []byte) {
				m, err := direction.decode(&d, damaged)
				if err == nil {
					if _, err = m.Append(nil); err == nil {
						return
					}
				}
				_, field := errors.AsType[*FieldError](err)
				_, unknown := errors.AsType[*UnknownError](err)
				if !field && !unknown {
					t.Errorf("%q: error %v has no type", damaged, err)
				}
			}
			for at := range body {
				check([]byte(body[:at]))
				for bit := range 8 {
					flipped := []byte(body)
					flipped[at] ^= 1 << bit
					check(flipped)
				}
			}
		}
	}
}

// Required fields, numbers and limits, with the name of what is wrong.
func TestErrors(t *testing.T) {
	for _, test := range []struct{ body, field string }{
		{`\lc\1\id\1`, "challenge"},
		{`\lc\2\profileid\1`, "sesskey"},
		{`\lc\2\sesskey\1\profileid\x`, "profileid"},
		{`\lc\2\sesskey\1\profileid\-`, "profileid"},
		{`\bm\1\f\9999999999999999999\msg\`, "f"},
		{`\bm\1.5\f\1\msg\`, "bm"},
		{`\bsi\\state\1\profile\2\bport\65536`, "bport"},
		{`\bsi\\state\1\profile\2\bip\4294967296`, "bip"},
		{`\bdy\2\list\1,x`, "list"},
		{`\error\\errmsg\x`, "err"},
		{`\pi\\profileid\1\lon\east`, "lon"},
	} {
		_, err := new(Decoder).FromServer([]byte(test.body))
		fieldErr, ok := errors.AsType[*FieldError](err)
		if !ok || fieldErr.Field != test.field || !strings.HasPrefix(err.Error(), "gp message") {
			t.Errorf("%s: %v", test.body, err)
		}
	}
	for _, m := range []Message{
		&SendMessage{Type: TypeMessage, Text: strings.Repeat("x", MaxMessage+1)},
		&Login{UniqueNick: strings.Repeat("x", MaxUniqueNick+1)},
		&SearchUnique{Namespaces: make([]NamespaceID, MaxNamespaces+1)},
		&UpdateProfile{Changes: []Change{{Key: "nick", Value: strings.Repeat("x", MaxNick+1)}}},
	} {
		b, err := m.Append([]byte("before"))
		if _, ok := errors.AsType[*LimitError](err); !ok || string(b) != "before" {
			t.Errorf("%T: %q, %v", m, b, err)
		}
	}
}

// What living servers write differently (servers.md §5.1.4).
func TestLenient(t *testing.T) {
	decode := func(body string) Message {
		m, err := new(Decoder).FromServer([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
		}
		return m
	}
	if m, ok := decode(`\pi\profileid\5\nick\ann\id\2`).(*ProfileInfo); !ok || m.ProfileID != 5 || m.Nick != "ann" || m.ID != 2 {
		t.Errorf("pi without the empty value: %+v", m)
	}
	if m, ok := decode(`\lc\2\sesskey\1\profileid\2\proof\X\\id\1`).(*LoginReply); !ok || m.ID != 1 {
		t.Errorf("empty pair: %+v", m)
	}
	if m, ok := decode(`\nur\7\pid\8\id\1`).(*NewUserReply); !ok || m.ProfileID != 8 {
		t.Errorf("pid: %+v", m)
	}
	if m, ok := decode(`\error\\errmsg\x\fatal\yes\err\2`).(*ErrorReply); !ok || !m.Fatal || m.Code != 2 {
		t.Errorf("fatal with a value: %+v", m)
	}
	if list, err := ParseMatchList(ListOthersList, []byte(`\otherslist\\o\2\uniquenick\bob-uoldone`), 10); err != nil || list.Matches[0].UniqueNick != "bob-u" {
		t.Errorf("glued marker: %+v, %v", list, err)
	}
	if reply, err := ParseSuggestReply([]byte(`\us\1\nick\a\usdone`), 10); err != nil || len(reply.Nicks) != 1 {
		t.Errorf("marker without a value: %+v, %v", reply, err)
	}
	if status, err := ParseBuddyStatus(`|s|0|ss|Offline`); err != nil || status.Text != "Offline" {
		t.Errorf("status that ends early: %+v, %v", status, err)
	}
	if status, err := ParseBuddyStatus(`|s|1|ss||ls||ip|-1062731775|p|0|qm|0|xx|y`); err != nil || status.IP.String() != "192.168.0.1" {
		t.Errorf("status with more: %+v, %v", status, err)
	}
}

func TestBirthday(t *testing.T) {
	if n := (Birthday{Day: 31, Month: 12, Year: 1980}).Pack(); n != 520882108 { // spec gp.md §4.4
		t.Error(n)
	}
	for _, d := range []Birthday{{}, {Day: 29, Month: 2, Year: 2000}, {Month: 5, Year: 1999}, {Year: 1900}, {Day: 6, Month: 6, Year: 2079}} {
		if got := UnpackBirthday(d.Pack()); got != d {
			t.Errorf("%+v became %+v", d, got)
		}
	}
	for _, d := range []Birthday{{Day: 30, Month: 2, Year: 2000}, {Day: 7, Month: 6, Year: 2079}, {Day: 1, Month: 13, Year: 2000}, {Year: 1899}, {Day: 32, Month: 1, Year: 2000}} {
		if d.Pack() != 0 {
			t.Errorf("%+v is packed", d)
		}
	}
	if d := UnpackBirthday(0xFFFFFFFF); d != (Birthday{}) {
		t.Errorf("%+v", d)
	}
}

// No log line shows what proves who somebody is.
func TestMask(t *testing.T) {
	shifted := `\pi\profileid\5\nick\ann\sig\00112233445566778899aabbccddeeff\id\2`
	for _, body := range append(fromClient, append(fromServer, append(searches, shifted)...)...) {
		masked := Mask([]byte(body))
		for _, secret := range []string{"eJeDgkqonw__", "dJOQ", "ABCD", "V7C3", "fd3a2199", "b73b31d6", "ZpOHgQ__", "KEY-1", "-12345678", "newticket", "d41d8cd98f00b204", "0011223344556677"} {
			if strings.Contains(masked, secret) {
				t.Errorf("%s shows %s", masked, secret)
			}
		}
	}
}

func TestCodes(t *testing.T) {
	for i, entry := range errorTexts {
		if i > 0 && errorTexts[i-1].code >= entry.code {
			t.Errorf("%d is not in order", entry.code)
		}
		if !entry.code.Known() || entry.code.String() != entry.text {
			t.Errorf("%d: %s", entry.code, entry.code)
		}
	}
	if len(errorTexts) != 77 {
		t.Errorf("%d codes", len(errorTexts))
	}
	if ErrorLoginBadNick.Class() != ErrorLogin || ErrorCode(6).Class() != ErrorGeneral || ErrorCode(9999).String() != "error 9999" {
		t.Error("class or text of a code")
	}
}

func fuzzDecode(f *testing.F, d direction) {
	for _, body := range d.messages {
		f.Add([]byte(body))
	}
	f.Add([]byte(`\pi\profileid`))
	f.Add([]byte(`\`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_ = Mask(body)
		var decoder Decoder
		m, err := d.decode(&decoder, body)
		if err != nil {
			return
		}
		again, err := m.Append(nil)
		if err != nil {
			return // longer than the original allows, or with a NUL
		}
		twice, err := d.decode(&decoder, again[:len(again)-len(kv.Terminator)])
		if err != nil {
			t.Fatalf("%q was written as %q: %v", body, again, err)
		}
		final, err := twice.Append(nil)
		if err != nil || string(final) != string(again) {
			t.Fatalf("%q became %q, %v", again, final, err)
		}
	})
}

func FuzzFromServer(f *testing.F)    { fuzzDecode(f, directions[0]) }
func FuzzFromClient(f *testing.F)    { fuzzDecode(f, directions[1]) }
func FuzzSearchRequest(f *testing.F) { fuzzDecode(f, directions[2]) }

func FuzzSearchReplies(f *testing.F) {
	for _, body := range []string{
		`\bsr\7\nick\N7\extra\ignored\uniquenick\U7\bsrdone\\more\5`, `\bsrdone\\more\0`, `\psr\1001\status\in lobby\nick\Joe\statuscode\4\psrdone\`,
		`\others\\o\1\nick\a\uniquenick\b\first\c\last\d\email\e\odone\`, `\otherslist\\o\2\uniquenick\bob-uoldone`, `\vr\1`, `\nr\0\nick\a\uniquenick\b\ndone\`,
		`\cur\0\pid\1`, `\nur\516\pid\0`, `\us\3\nick\Joe1\usdone\`, `\profilelist\\count\2\o\101\o\102\pldone\`, `\profilelist\\hidden\1\pldone\`, `\error\\err\1\fatal\`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, kind := range []ListKind{ListSearch, ListProductMatch, ListOthers, ListOthersList} {
			list, err := ParseMatchList(kind, body, 100)
			if err != nil {
				continue
			}
			again, err := list.Append(nil)
			if err != nil {
				continue
			}
			twice, err := ParseMatchList(kind, again[:len(again)-len(kv.Terminator)], 100)
			if err != nil || len(twice.Matches) != len(list.Matches) {
				t.Fatalf("%q was written as %q: %v", body, again, err)
			}
		}
		_, _ = ParseValidReply(body)
		_, _ = ParseNicksReply(body, 100)
		_, _ = ParseCodeReply("cur", body)
		_, _ = ParseCodeReply("nur", body)
		_, _ = ParseSuggestReply(body, 100)
		_, _ = ParseProfileListReply(body, 100)
		_, _, _ = ParseSearchError(body)
	})
}

func FuzzPayloads(f *testing.F) {
	f.Add(`|s|2|ss|Playing|ls|x|ip|16909060|p|6500|qm|3`)
	f.Add(`|p|11057|l|here`)
	f.Add(`please|signed|d41d8cd98f00b204e9800998ecf8427e`)
	f.Add(`\keys\3\Y2xhbg==\W0FCQ10=\aw==\djE=\emV0YQ==\bGFzdA==`)
	f.Fuzz(func(t *testing.T, payload string) {
		if status, err := ParseBuddyStatus(payload); err == nil {
			if twice, err := ParseBuddyStatus(status.Payload()); err != nil || twice != status {
				t.Fatalf("%q: %+v became %+v, %v", payload, status, twice, err)
			}
		}
		if product, location, err := ParseInvitePayload(payload); err == nil {
			p, l, err := ParseInvitePayload(InvitePayload(product, location))
			if err != nil || p != product || l != location {
				t.Fatalf("%q became %d %q, %v", payload, p, l, err)
			}
		}
		if reason, signature, err := ParseSignedPayload(payload); err == nil && SignPayload(reason, signature) != payload {
			t.Fatalf("%q became %q", payload, SignPayload(reason, signature))
		}
		if info, err := ParseExtendedInfo(payload); err == nil {
			if twice, err := ParseExtendedInfo(info.Text()); err != nil || !reflect.DeepEqual(info, twice) {
				t.Fatalf("%q became %v, %v", payload, twice, err)
			}
		}
	})
}

// The message is the one that the original SDK was measured with: \bm\1 of 87 bytes.
func BenchmarkDecodeBuddyMessage(b *testing.B) {
	message := []byte(`\bm\1\f\1234567\date\1200000000\msg\Are you there? We are waiting in the lobby for you.`)
	var d Decoder
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.FromServer(message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeProfile(b *testing.B) {
	var message []byte
	for _, body := range fromServer {
		if strings.HasPrefix(body, `\pi\`) {
			message = []byte(body)
		}
	}
	var d Decoder
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.FromServer(message); err != nil {
			b.Fatal(err)
		}
	}
}

// What a decoder reuses has nothing of the message before, and its texts outlive the next.
func TestDecoderReuse(t *testing.T) {
	made := 0
	d := Decoder{Text: func(b []byte) string { made++; return string(b) }}
	read := func(body string) Message {
		m, err := d.FromServer([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	text := read(`\bm\1\f\7\date\5\msg\hello`).(*BuddyMessage).Payload
	if got := *read(`\bm\2\f\8`).(*BuddyMessage); got != (BuddyMessage{Type: TypeRequest, From: 8}) {
		t.Errorf("%+v", got)
	}
	read(`\bsi\\state\1\profile\7\rstatus\here\bport\9`)
	if got := *read(`\bsi\\state\2\profile\8`).(*BuddyStatusInfo); got != (BuddyStatusInfo{Status: Playing, ProfileID: 8}) {
		t.Errorf("%+v", got)
	}
	if text != "hello" || made != 2 {
		t.Errorf("%q, %d texts made", text, made)
	}
}
