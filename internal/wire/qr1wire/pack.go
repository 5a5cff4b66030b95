package qr1wire

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// MaxPackets is how many datagrams an answer has at most, as in QR2.
const MaxPackets = qr2wire.MaxSplit

// reserved is what each datagram keeps free for what is put behind the keys when it is sent: an echo or a validation, and
// the number. The original reserves 50 bytes and has no limit for the echo.
const reserved = len(`\validate\`) + 88 + len(`\queryid\4294967295.8\final\`)

// inBasic and inInfo are the keys of these sections; the others are rules. That is how the original's samples and the games
// made from them have it, openmohaa and Unreal Tournament among them.
var (
	inBasic = []string{"gamename", "gamever", "location"}
	inInfo  = []string{"hostname", "hostport", "mapname", "gametype", "numplayers", "maxplayers", "gamemode"}
)

// SectionOf is the section that a server key belongs to.
func SectionOf(key string) Sections {
	switch {
	case slices.Contains(inBasic, key):
		return Basic
	case slices.Contains(inInfo, key):
		return Info
	}
	return Rules
}

// Pack makes the datagrams of an answer, without what [AppendEnd] puts behind each. There is always one. Where it would be
// more than [MaxPackets], the last players are left out, then teams, then server keys, always whole ones; left is how many.
// A key whose value alone is longer than a datagram is left out, too.
func Pack(d *qr2wire.Data, sections Sections) (bodies [][]byte, left int) {
	var fields []qr2wire.Field
	for _, section := range [...]Sections{Basic, Info, Rules} {
		if sections&section == 0 {
			continue
		}
		for _, field := range d.Server {
			if SectionOf(field.Key) == section {
				fields = append(fields, field)
			}
		}
	}
	players, teams := 0, 0
	if sections&Players != 0 {
		players, teams = len(d.Players.Rows), len(d.Teams.Rows)
	}
	pack := func(fields []qr2wire.Field, players, teams int) packer {
		var p packer
		for _, field := range fields {
			p.pair(field.Key, -1, field.Value)
		}
		// The teams are behind the players: qstat gives the names of the teams to the players that it has met.
		p.table(&d.Players, players)
		p.table(&d.Teams, teams)
		return p
	}
	p := pack(fields, players, teams)
	for _, count := range [...]*int{&players, &teams} {
		if p.fits() {
			break
		}
		// The first number with which it does not fit, less one.
		all := *count
		*count = max(0, sort.Search(all, func(n int) bool { *count = n; q := pack(fields, players, teams); return !q.fits() })-1)
		left += all - *count
		p = pack(fields, players, teams)
	}
	for !p.fits() {
		fields = fields[:len(fields)-1]
		left++
		p = pack(fields, players, teams)
	}
	return append(p.bodies, p.body), left + p.tooLong
}

// packer puts keys into datagrams.
type packer struct {
	bodies  [][]byte // full ones
	body    []byte
	tooLong int // pairs that are longer than a datagram
}

func (p *packer) fits() bool { return len(p.bodies) < MaxPackets }

// pair adds a key, with a number behind it unless that is below 0.
func (p *packer) pair(key string, number int, value string) {
	const room = MaxSize - reserved
	start := len(p.body)
	p.body = append(append(p.body, '\\'), kv.Sanitize(key)...)
	if number >= 0 {
		p.body = strconv.AppendInt(p.body, int64(number), 10)
	}
	p.body = append(append(p.body, '\\'), kv.Sanitize(value)...)
	switch {
	case len(p.body)-start > room:
		p.body = p.body[:start]
		p.tooLong++
	case len(p.body) > room:
		next := slices.Clone(p.body[start:])
		p.bodies = append(p.bodies, p.body[:start:start])
		p.body = next
	}
}

// table adds some rows of the players or the teams.
//
// The order is for qstat, which takes whatever follows a player's name and is not one of the keys that it knows for a part
// of the name (gps.c, gps_player_info_key), and takes no score of a player whose name it has not met: row by row, the name
// first, then what it knows, then the others. Where there is nothing that it knows, the names go last, all together.
func (p *packer) table(t *qr2wire.Table, rows int) {
	columns := make([]int, len(t.Keys))
	for i := range columns {
		columns[i] = i
	}
	slices.SortStableFunc(columns, func(a, b int) int { return cmp.Compare(rank(t.Keys[a]), rank(t.Keys[b])) })
	if len(columns) > 0 && rank(t.Keys[columns[0]]) == 0 && (len(columns) == 1 || rank(t.Keys[columns[1]]) == 2) {
		for _, column := range append(columns[1:], columns[0]) {
			for row := range rows {
				p.pair(t.Keys[column], row, value(t, row, column))
			}
		}
		return
	}
	for row := range rows {
		for _, column := range columns {
			p.pair(t.Keys[column], row, value(t, row, column))
		}
	}
}

func value(t *qr2wire.Table, row, column int) string {
	if column >= len(t.Rows[row]) {
		return ""
	}
	return t.Rows[row][column]
}

// rank orders keys for qstat: the name, keys that it knows behind a name, others.
func rank(key string) int {
	if key == "player_" {
		return 0
	}
	for _, known := range [...]string{"frags_", "team_", "ping_", "deaths_", "score_", "kills_"} {
		if strings.HasPrefix(key, known) {
			return 1
		}
	}
	return 2
}

// AppendEcho adds the answer to an echo, and AppendValidate the one to a challenge; both stand behind the keys of the last
// datagram. They fit there if the texts have the lengths that a [Query] allows.
func AppendEcho(b, text []byte) []byte { return append(append(b, `\echo\`...), text...) }

// AppendValidate adds the response to a \secure\ challenge.
func AppendValidate(b []byte, response string) []byte {
	return append(append(b, `\validate\`...), response...)
}

// AppendEnd ends a datagram: with the number of the question, which must not be 0, that of the datagram, which counts from 1
// on, and the mark of the last one.
//
// The original puts \final\ before the number, Unreal behind it. Readers take both, except that qstat takes \final\ for a part
// of the last player's name if that stands before it.
func AppendEnd(b []byte, query uint32, number int, final bool) []byte {
	b = strconv.AppendUint(append(b, `\queryid\`...), uint64(query), 10)
	b = strconv.AppendInt(append(b, '.'), int64(number), 10)
	if final {
		b = append(b, kv.Terminator...)
	}
	return b
}
