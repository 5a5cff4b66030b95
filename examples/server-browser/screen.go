package main

import (
	"context"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/relight-sdk/relight/sb"
)

const (
	redrawAfter = 100 * time.Millisecond // however much happens
	redrawAtAll = time.Second            // however little
	joinLimit   = time.Minute
)

// show runs the terminal until the player leaves or ctx ends.
func show(ctx context.Context, f *feed, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		f.run(ctx)
	}()
	defer func() {
		cancel()
		<-fed
	}()
	watch := f.list.Watch()
	defer watch.Close()
	do := actions{
		next:  func() tea.Msg { return f.next(ctx, watch) },
		join:  func(test context.Context, server sb.Server) tea.Msg { return f.join(ctx, test, server) },
		look:  f.Focus,
		again: f.Refresh,
	}
	program := tea.NewProgram(newModel(f.options, do), tea.WithInput(stdin), tea.WithOutput(stdout), tea.WithoutSignalHandler())
	// A program that is killed, as by tea.WithContext, does not wait for what reads the keys.
	defer context.AfterFunc(ctx, program.Quit)()
	_, err := program.Run()
	return err
}

// next waits until the list has changed, and gives it.
func (f *feed) next(ctx context.Context, watch *sb.Watch) tea.Msg {
	pause := time.NewTimer(redrawAfter)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-pause.C:
	}
	atAll := time.NewTimer(redrawAtAll)
	defer atAll.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-atAll.C:
	case <-watch.Wake():
		for _, more := watch.Poll(); more; { // the snapshot has it all
			_, more = watch.Poll()
		}
	}
	state := f.State()
	return listing{f.list.Snapshot(), state.Status, state.Err, time.Now()}
}

// join tests whether a server can be joined, until either context ends. A game would go on with the connection.
func (f *feed) join(ctx, test context.Context, server sb.Server) tea.Msg {
	ctx, cancel := context.WithTimeout(ctx, joinLimit)
	defer cancel()
	defer context.AfterFunc(test, cancel)()
	connection, err := f.browser.Connect(ctx, server, nil)
	if err == nil {
		err = connection.Conn.Close()
	}
	return joined{connection, err}
}
