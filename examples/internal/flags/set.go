package flags

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Set is the flags of a program, in groups, and its help. An error is printed by nobody but [Refuse].
type Set struct {
	*flag.FlagSet
	After func(io.Writer) // adds to the help; may be nil

	about    string
	commands []Command
	groups   []group
	idle     []string // taken, and of no use
	checks   []func() error
}

// group is flags that belong together.
type group struct {
	title string
	names []string
}

// New begins the flags of a program. About says what it does, or what its command does.
func New(program, about string) *Set {
	set := &Set{FlagSet: flag.NewFlagSet(program, flag.ContinueOnError), about: about}
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	return set
}

// Group begins a group: the flags that are defined from here on belong to it.
func (s *Set) Group(title string) {
	s.collect()
	s.groups = append(s.groups, group{title: title})
}

// collect puts the flags that have no group yet into the last one.
func (s *Set) collect() {
	if len(s.groups) == 0 {
		s.groups = append(s.groups, group{title: "Flags"})
	}
	last := &s.groups[len(s.groups)-1]
	s.VisitAll(func(f *flag.Flag) {
		known := func(g group) bool { return slices.Contains(g.names, f.Name) }
		if !slices.ContainsFunc(s.groups, known) {
			last.names = append(last.names, f.Name)
		}
	})
}

// Parse reads the arguments. Asked for help it prints that and gives flag.ErrHelp.
func (s *Set) Parse(args []string, stdout io.Writer) error {
	err := s.FlagSet.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		s.help(stdout)
		return err
	case err != nil:
		return err
	case s.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", s.Arg(0))
	}
	for _, check := range s.checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// Check adds what must hold for the flags beyond each of them.
func (s *Set) Check(check func() error) { s.checks = append(s.checks, check) }

const (
	nameWidth = 24
	lineWidth = 110
)

// help prints all flags.
func (s *Set) help(out io.Writer) {
	s.collect()
	fmt.Fprintf(out, "%s %s\n", s.Name(), s.about)
	if len(s.commands) > 0 {
		fmt.Fprintf(out, "\nCommands (without one: %s; %s COMMAND -h lists the flags of one):\n", s.commands[0].Name, strings.Fields(s.Name())[0])
		for _, c := range s.commands {
			s.line(out, c.Name, c.About)
		}
	}
	for _, g := range s.groups {
		if len(g.names) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s:\n", g.title)
		for _, name := range g.names {
			if slices.Contains(s.idle, name) {
				continue
			}
			f := s.Lookup(name)
			argument, usage := flag.UnquoteUsage(f)
			if !slices.Contains([]string{"", "0", "0s", "false"}, f.DefValue) {
				usage += " (default " + f.DefValue + ")"
			}
			s.line(out, strings.TrimSpace("-"+name+" "+argument), usage)
		}
		if i := slices.Index(g.names, "domain"); i >= 0 && len(s.idle) > 0 {
			s.line(out, "-"+strings.Join(slices.Sorted(slices.Values(s.idle)), ", -"), "not used here, taken so that one command line fits all examples")
		}
	}
	if s.After != nil {
		s.After(out)
	}
	fmt.Fprint(out, "\nExit status: 0 done, or ended by Ctrl-C where it runs until then; 1 failed or interrupted; 2 wrong flags.\n")
}

// line prints a name and what it means, which goes on below itself if it is long.
func (s *Set) line(out io.Writer, name, about string) {
	line := fmt.Sprintf("  %-*s ", nameWidth, name)
	if len(name) > nameWidth {
		fmt.Fprintln(out, "  "+name)
		line = strings.Repeat(" ", nameWidth+3)
	}
	empty := true
	for word := range strings.FieldsSeq(about) {
		if !empty && len(line)+len(word) > lineWidth {
			fmt.Fprintln(out, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", nameWidth+3)
		}
		line, empty = line+word+" ", false
	}
	fmt.Fprintln(out, strings.TrimRight(line, " "))
}
