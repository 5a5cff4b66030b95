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
	check    time.Time
}

// never is later than any program runs.
const never = 100 * 365 * 24 * time.Hour

func newSchedule(now time.Time, interval time.Duration) schedule {
	return schedule{start: now, interval: interval, poll: now, check: now.Add(never)}
}

func (s *schedule) polled(now time.Time) {
	s.asked++
	s.poll = now.Add(s.interval)
	if s.asked < len(searchTimes) {
		s.poll = s.start.Add(min(searchTimes[s.asked], time.Duration(s.asked)*s.interval))
	}
	s.check = now.Add(min(answerTime, s.interval/2))
}

func (s *schedule) checked() { s.check = s.poll.Add(never) }
