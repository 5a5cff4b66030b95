package steamdiscovery

import "time"

const (
	minInterval = 100 * time.Millisecond
	// answerTime is how long an answer may take: hosts that are expected answer in milliseconds.
	answerTime = time.Second
)

// searchTimes are the questions of a search, since its start. Steam itself asks at 0, 2 and 7 seconds; nothing depends on
// that, and a person who waits for a list is glad of the earlier ones.
var searchTimes = [...]time.Duration{0, 500 * time.Millisecond, 2 * time.Second}

// schedule says when to ask next, and when to look at the answers.
type schedule struct {
	start    time.Time
	interval time.Duration
	asked    int
	poll     time.Time
	last     time.Time // when it was asked last
	check    time.Time
	checking bool // check is to come
}

// never is later than any program runs.
const never = 100 * 365 * 24 * time.Hour

func newSchedule(now time.Time, interval time.Duration) schedule {
	return schedule{start: now, interval: interval, poll: now, check: now.Add(never)}
}

// again starts a new search, as soon as the last question is minInterval ago.
func (s *schedule) again(now time.Time) {
	s.start, s.asked, s.poll = now, 0, now
	if soonest := s.last.Add(minInterval); now.Before(soonest) {
		s.poll = soonest
	}
}

func (s *schedule) polled(now time.Time) {
	s.last = now
	s.asked++
	s.poll = now.Add(s.interval)
	if s.asked < len(searchTimes) {
		s.poll = s.start.Add(min(searchTimes[s.asked], time.Duration(s.asked)*s.interval))
	}
	// A question does not put off the look at the answers to the one before: somebody may search again and again.
	if !s.checking {
		s.check, s.checking = now.Add(min(answerTime, s.interval/2)), true
	}
}

func (s *schedule) checked() { s.check, s.checking = s.poll.Add(never), false }
