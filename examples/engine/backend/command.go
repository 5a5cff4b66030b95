package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// command runs a program that finds the back end in its environment, and returns the program's exit code.
func (s *services) command(ctx context.Context, words []string, in io.Reader, out, errs io.Writer) (int, error) {
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Stdin, command.Stdout, command.Stderr = in, out, errs
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	variables, err := s.environment()
	if err != nil {
		return 1, err
	}
	command.Env = append(os.Environ(), variables...)
	err = command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil // it has said why
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

// environment is what the line of JSON says, as variables: RELIGHT_GPCM and so on.
func (s *services) environment() ([]string, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var values map[string]string
	if err := json.Unmarshal(b, &values); err != nil {
		return nil, err
	}
	var variables []string
	for name, value := range values {
		variables = append(variables, "RELIGHT_"+strings.ToUpper(name)+"="+value)
	}
	return variables, nil
}
