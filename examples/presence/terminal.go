package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// terminal gives the file behind a stream if it is a terminal.
func terminal(stream any) (*os.File, bool) {
	file, ok := stream.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

// wantTerminal says what is missing for the messenger to fill the screen.
func wantTerminal(std streams, verbose bool) error {
	_, in := terminal(std.in)
	_, out := terminal(std.out)
	_, log := terminal(std.err)
	switch {
	case !in || !out:
		return errors.New("this is no terminal; try -json, which prints events and takes commands a line each")
	case verbose && log:
		return errors.New("-v would write over the screen; send it elsewhere, as 2>log, or use -json")
	}
	return nil
}

// askPassword completes the account: from the environment, or from whoever sits at the terminal.
func (o *options) askPassword(ctx context.Context, std streams) error {
	if o.password == "" {
		o.password = os.Getenv(passwordVariable)
	}
	if o.password != "" {
		return nil
	}
	in, ok := terminal(std.in)
	if !ok {
		return fmt.Errorf("no password for %s: put it into %s", o.nick, passwordVariable)
	}
	out := std.err
	if _, ok := terminal(out); !ok && !o.JSON {
		out = std.out // 2>log
	}
	password, err := readPassword(ctx, in, out, fmt.Sprintf("Password of %s: ", o.nick))
	if err == nil && password == "" {
		err = errors.New("no password, no login")
	}
	o.password = password
	return err
}

// readPassword reads without echo. Ctrl-C gives the terminal its echo back; the goroutine that reads ends with the program.
func readPassword(ctx context.Context, in *os.File, out io.Writer, prompt string) (string, error) {
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return "", err
	}
	fmt.Fprint(out, prompt)
	defer fmt.Fprintln(out)
	type answer struct {
		password []byte
		err      error
	}
	answered := make(chan answer, 1)
	go func() {
		password, err := term.ReadPassword(int(in.Fd()))
		answered <- answer{password, err}
	}()
	select {
	case a := <-answered:
		return string(a.password), a.err
	case <-ctx.Done():
		return "", errors.Join(errors.New("interrupted"), term.Restore(int(in.Fd()), before))
	}
}
