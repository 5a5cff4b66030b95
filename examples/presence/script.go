package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/gp"
)

// errCommands ends a script of which not everything worked.
var errCommands = errors.New("not all commands worked")

// script prints what happens, and does what the lines of input say, one after the other, until they end or say quit, ctx ends, or
// the session does.
func script(ctx context.Context, session *gp.Session, input io.Reader, out *printer) error {
	var events sync.WaitGroup
	events.Go(func() {
		for event := range session.Events(context.Background()) { // up to the last one
			if l, ok := describe(event, session.Roster()); ok {
				out.print(l)
			}
			if e, ok := event.(*gp.StepChanged); ok && e.To == gp.StepConnected {
				out.print(line{Event: "login", Profile: session.ProfileID(), Nick: session.UniqueNick()})
			}
		}
	})
	defer events.Wait()
	defer session.Close()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := readLines(ctx, input)
	failed := false
	for {
		select {
		case text, more := <-lines:
			if ctx.Err() != nil {
				return nil // Ctrl-C is how people leave
			}
			if !more || text.err != nil {
				return result(failed, text.err)
			}
			quit, err := obey(ctx, session, text.line, out)
			if quit {
				return result(failed, nil)
			}
			failed = failed || err != nil
		case <-session.Done():
			return session.Err()
		case <-ctx.Done():
			return nil
		}
	}
}

func result(failed bool, err error) error {
	if failed {
		err = errors.Join(errCommands, err)
	}
	return err
}

// inputLine is a line of input, or why there is none.
type inputLine struct {
	line string
	err  error
}

// readLines reads lines until ctx ends. A read that waits then for more ends with the program.
func readLines(ctx context.Context, input io.Reader) <-chan inputLine {
	lines := make(chan inputLine)
	go func() {
		defer close(lines)
		give := func(l inputLine) bool {
			select {
			case lines <- l:
				return true
			case <-ctx.Done():
				return false
			}
		}
		scanner := bufio.NewScanner(input)
		for scanner.Scan() {
			if !give(inputLine{line: scanner.Text()}) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			give(inputLine{err: err})
		}
	}()
	return lines
}

// obey carries out a line, and prints what became of it.
func obey(ctx context.Context, session *gp.Session, text string, out *printer) (quit bool, err error) {
	if text = strings.TrimSpace(text); text == "" || strings.HasPrefix(text, "#") {
		return false, nil
	}
	c, err := parseCommand(text, "")
	done := line{Event: "done", Command: c.verb}
	switch {
	case err != nil:
	case c.verb == "quit":
		return true, nil
	case c.verb == "help":
		done.Text = help(false) + help(true)
	case c.verb == "roster":
		out.print(line{Event: "roster", Roster: describeRoster(session.Roster())})
	case c.verb == "wait":
		err = out.wait(ctx, c.who, c.text)
	default:
		done.Profile, err = perform(ctx, session, c)
	}
	if err != nil {
		done.Event, done.Error = "failed", err.Error()
	}
	out.print(done)
	return false, err
}

// waitLimit is how long a script waits for an event.
const waitLimit = 10 * time.Second

// wait takes an event that was printed, or will be, before it is too late.
func (p *printer) wait(ctx context.Context, event, text string) error {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	for {
		p.mu.Lock()
		at := slices.IndexFunc(p.printed, func(l printedLine) bool { return l.event == event && strings.Contains(l.text, text) })
		if at >= 0 {
			p.printed = slices.Delete(p.printed, at, at+1)
		}
		more := p.more
		p.mu.Unlock()
		if at >= 0 {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("no such event: %w", ctx.Err())
		}
	}
}
