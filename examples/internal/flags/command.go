package flags

import (
	"fmt"
	"strings"
)

// Command is a command of a program that has several. It is embedded in what the program knows of it.
type Command struct{ Name, About string }

func (c Command) command() Command { return c }

// commander is everything in which a Command is embedded.
type commander interface{ command() Command }

// Choose finds the command that the arguments begin with, and begins its flags; rest are the arguments for them. Without a command
// it is the first one.
func Choose[C commander](program string, commands []C, args []string) (chosen C, set *Set, rest []string, err error) {
	chosen, rest = commands[0], args
	var all []Command
	found := len(args) == 0 || strings.HasPrefix(args[0], "-")
	for _, c := range commands {
		all = append(all, c.command())
		if !found && c.command().Name == args[0] {
			chosen, rest, found = c, args[1:], true
		}
	}
	if !found {
		var names []string
		for _, c := range all {
			names = append(names, c.Name)
		}
		return chosen, nil, nil, fmt.Errorf("no command %q: want %s", args[0], strings.Join(names, ", "))
	}
	set = New(program+" "+chosen.command().Name, "- "+chosen.command().About)
	set.commands = all
	return chosen, set, rest, nil
}
