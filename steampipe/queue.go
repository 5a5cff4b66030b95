package steampipe

import (
	"context"
	"sync"
)

// queue hands out chunks in the order of the plan; those that have to be fetched again go first.
type queue struct {
	mu    sync.Mutex
	jobs  []*job
	next  int
	retry []*job
	open  int           // handed out or still to come
	wake  chan struct{} // closed and replaced when there is news
}

func newQueue(jobs []*job) *queue {
	return &queue{jobs: jobs, open: len(jobs), wake: make(chan struct{})}
}

// take gives the next job, waiting while others may still come back; nil when all are settled or the context ended.
func (q *queue) take(ctx context.Context) *job {
	for ctx.Err() == nil {
		q.mu.Lock()
		if n := len(q.retry); n > 0 {
			j := q.retry[n-1]
			q.retry = q.retry[:n-1]
			q.mu.Unlock()
			return j
		}
		if q.next < len(q.jobs) {
			j := q.jobs[q.next]
			q.next++
			q.mu.Unlock()
			return j
		}
		if q.open == 0 {
			q.mu.Unlock()
			return nil
		}
		wake := q.wake
		q.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
		}
	}
	return nil
}

// again puts a job back.
func (q *queue) again(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.retry = append(q.retry, j)
	q.news()
}

// settle says that a job is done, or given up.
func (q *queue) settle() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open--; q.open == 0 {
		q.news()
	}
}

func (q *queue) news() {
	close(q.wake)
	q.wake = make(chan struct{})
}
