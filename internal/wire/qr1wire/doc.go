// Package qr1wire is the codec of QR1, the query protocol before QR2, which old browsers and most query tools speak:
// questions such as \basic\\info\ or \status\, and their answers in \key\value pairs over one or more datagrams, in both
// directions. It only turns bytes into values and back.
//
// Every datagram of an answer names its question and its own number, \queryid\15.2, and the last one has \final\. They are
// cut between keys. Players and teams are keys with a number behind them: player_0, score_0, team_t1.
//
// Sources: spec sb.md §B.4 and §B.6; the original SDK of QR1 as openmohaa has it (sv_gqueryreporting.c), of which QR2 keeps
// a rest (qr2.c, qr_process_old_query); what qstat (gps.c) and gamedig (gamespy1) read. The text has no escapes: what is
// written has a slash for each backslash. Text is bytes and need not be UTF-8.
package qr1wire

import "fmt"

// MaxSize is the longest datagram that is written.
const MaxSize = 1400

// Error says which message, and which field of it, cannot be read.
type Error struct {
	Message string // as "query"
	Problem string // what is wrong with it
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("qr1: %s: %s", e.Message, e.Problem) }
