package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// printer writes what happens: for people a line each, or a table that is drawn anew on a terminal; or one JSON object a
// line for programs.
type printer struct {
	out      io.Writer
	json     bool
	terminal bool
	err      error // the first that writing gave
}

func newPrinter(out io.Writer, asJSON bool) *printer {
	p := &printer{out: out, json: asJSON}
	if file, ok := out.(*os.File); ok && !asJSON {
		info, err := file.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *printer) write(text string) {
	if _, err := io.WriteString(p.out, text); p.err == nil {
		p.err = err
	}
}

// attribute is a named value of a line of JSON.
type attribute struct {
	name  string
	value any
}

func fact(name string, value any) attribute { return attribute{name, value} }

// say tells something: what is for people, the attributes are for programs.
func (p *printer) say(event, what string, attributes ...attribute) {
	if !p.json {
		p.write(fmt.Sprintf("%s  %-10s %s\n", time.Now().Format("15:04:05.000"), event, what))
		return
	}
	line := map[string]any{"time": time.Now().Format(time.RFC3339Nano), "event": event}
	for _, a := range attributes {
		line[a.name] = a.value
	}
	b, err := json.Marshal(line)
	if err != nil {
		p.err = err
		return
	}
	p.write(string(b) + "\n")
}

// event tells what happened to a host, or to the search.
func (p *printer) event(event steamdiscovery.Event) {
	if event.Kind == steamdiscovery.StepChanged {
		if p.json || event.Step == steamdiscovery.DiscovererNoNetwork {
			text := event.Step.String()
			if event.Err != nil {
				text += ": " + event.Err.Error()
			}
			p.say("step", text, fact("step", event.Step.String()), fact("text", text))
		}
		return
	}
	host := event.Host
	what := fmt.Sprintf("%s at %s, %s, offers %s", host.Name(), host.Addr, host.Status.OS, host.Status.EnabledServices)
	if host.Status.GamesRunning {
		what += ", a game runs"
	}
	if event.Kind == steamdiscovery.Gone {
		what = fmt.Sprintf("%s at %s (%s)", host.Name(), host.Addr, event.Reason)
	}
	p.say(event.Kind.String(), what, fact("reason", event.Reason.String()), fact("host", describe(host)))
}

// described is a host as JSON. Ids are strings: JavaScript's numbers do not hold them.
type described struct {
	ClientID     string    `json:"client_id"`
	InstanceID   string    `json:"instance_id"`
	Name         string    `json:"name"`
	Addr         string    `json:"addr"`
	ConnectAddr  string    `json:"connect_addr"`
	Addrs        []string  `json:"addrs"`
	OS           string    `json:"os"`
	Services     string    `json:"services"`
	Users        []string  `json:"users"`
	GamesRunning bool      `json:"games_running"`
	FirstSeen    time.Time `json:"first_seen"`
	LastSeen     time.Time `json:"last_seen"`
}

func describe(host steamdiscovery.Host) described {
	d := described{
		ClientID: host.ClientID.String(), InstanceID: host.InstanceID.String(), Name: host.Name(), Addr: host.Addr.String(),
		ConnectAddr: host.ConnectAddr().String(), Addrs: []string{}, OS: host.Status.OS.String(),
		Services: host.Status.EnabledServices.String(), Users: []string{}, GamesRunning: host.Status.GamesRunning,
		FirstSeen: host.FirstSeen, LastSeen: host.LastSeen,
	}
	for _, addr := range host.Addrs {
		d.Addrs = append(d.Addrs, addr.String())
	}
	for _, user := range host.Status.Users {
		d.Users = append(d.Users, fmt.Sprint(user.SteamID))
	}
	return d
}

// table draws who is there, if there is a terminal to draw on.
func (p *printer) table(hosts []steamdiscovery.Host, state steamdiscovery.DiscovererState) {
	if !p.terminal {
		return
	}
	p.write("\x1b[H\x1b[2J" + drawn(hosts, state, time.Now()))
}

func drawn(hosts []steamdiscovery.Host, state steamdiscovery.DiscovererState, now time.Time) string {
	var b strings.Builder
	columns := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(columns, "NAME\tADDRESS\tSYSTEM\tSERVICES\tUSERS\tGAME\tHERE FOR\tSEEN")
	for _, host := range hosts {
		game := ""
		if host.Status.GamesRunning {
			game = "yes"
		}
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\t%d\t%s\t%v\t%v ago\n", host.Name(), host.ConnectAddr(), host.Status.OS, host.Status.EnabledServices,
			len(host.Status.Users), game, now.Sub(host.FirstSeen).Truncate(time.Second), now.Sub(host.LastSeen).Truncate(time.Second))
	}
	_ = columns.Flush()
	fmt.Fprintf(&b, "%d here, %s; asked %d times, Ctrl-C ends\n", len(hosts), state.Step, state.Counters.Polls)
	return b.String()
}

func (p *printer) report(report *steamdiscovery.Diagnosis) {
	if !p.json {
		p.write(report.String())
		return
	}
	b, err := json.Marshal(report)
	if err != nil {
		p.err = err
		return
	}
	p.write(string(b) + "\n")
}
