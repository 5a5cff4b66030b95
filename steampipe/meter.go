package steampipe

import "time"

// meterWindow is what a rate is taken over: long enough to be calm, short enough to follow the line.
const meterWindow = 5 * time.Second

// meter finds out how fast a step goes, out of what it is told whenever somebody asks.
type meter struct {
	step    Step
	samples []sample // oldest first, over the window
}

type sample struct {
	at   time.Time
	done int64
}

// measure takes note of what is done of a step, and gives bytes per second, and the time that the rest will take.
func (m *meter) measure(step Step, now time.Time, done, total int64) (rate int64, remaining time.Duration) {
	if step != m.step {
		m.step, m.samples = step, m.samples[:0]
	}
	if n := len(m.samples); n == 0 || now.Sub(m.samples[n-1].at) >= meterWindow/50 {
		m.samples = append(m.samples, sample{now, done})
	}
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= meterWindow {
		m.samples = append(m.samples[:0], m.samples[1:]...)
	}
	first := m.samples[0]
	took := now.Sub(first.at)
	if took <= 0 || done <= first.done {
		return 0, 0
	}
	speed := float64(done-first.done) / took.Seconds()
	if done < total {
		remaining = time.Duration(min(float64(total-done)/speed, 1e9) * float64(time.Second))
	}
	return int64(speed), remaining
}
