package steampipe

import (
	"sync"
	"time"
)

// notifier calls the program's functions from one goroutine, so that a slow one does not hold the download up, and with no
// lock held.
type notifier struct {
	job    *Job
	events chan Event
	quit   chan struct{}
	done   sync.WaitGroup
}

func newNotifier(j *Job) *notifier {
	n := &notifier{job: j, quit: make(chan struct{})}
	if j.options.Event != nil {
		n.events = make(chan Event, 1024)
	}
	if j.options.Event != nil || j.options.Progress != nil {
		n.done.Go(n.run)
	}
	return n
}

// event queues an event, or drops it if the queue is full.
func (n *notifier) event(e Event) {
	if n.events == nil {
		return
	}
	select {
	case n.events <- e:
	default:
		n.job.tally.dropped.Add(1)
	}
}

func (n *notifier) run() {
	ticker := time.NewTicker(n.job.options.ProgressInterval)
	defer ticker.Stop()
	for {
		select {
		case e := <-n.events:
			n.job.options.Event(e)
		case <-ticker.C:
			n.progress()
		case <-n.quit:
			for {
				select {
				case e := <-n.events:
					n.job.options.Event(e)
				default:
					n.progress()
					return
				}
			}
		}
	}
}

func (n *notifier) progress() {
	if n.job.options.Progress == nil {
		return
	}
	n.job.mu.Lock()
	progress := n.job.progress()
	n.job.mu.Unlock()
	n.job.options.Progress(progress)
}

// close delivers what is queued and the last totals.
func (n *notifier) close() {
	close(n.quit)
	n.done.Wait()
}
