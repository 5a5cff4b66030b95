package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"
)

// command runs a program that finds the back end in its environment, and returns the program's exit code.
func (s *services) command(ctx context.Context, words []string, in io.Reader, out, errs io.Writer) (int, error) {
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Stdin, command.Stdout, command.Stderr = in, out, errs
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	command.Env = append(os.Environ(),
		"RELIGHT_GAME="+s.Game, "RELIGHT_SECRET="+s.Secret, "RELIGHT_MASTER="+s.Master, "RELIGHT_LIST="+s.List, "RELIGHT_NATNEG="+s.NatNeg,
		"RELIGHT_GPCM="+s.GPCM, "RELIGHT_GPSP="+s.GPSP, "RELIGHT_NICK="+s.Nick, "RELIGHT_PASSWORD="+s.Password, "RELIGHT_BUDDY="+s.Buddy,
	)
	err := command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil // it has said why
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
