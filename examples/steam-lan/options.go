package main

import (
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/relight-sdk/relight/examples/internal/flags"
	"github.com/relight-sdk/relight/steamdiscovery"
)

// options are the flags of all commands.
type options struct {
	flags.Common
	logger *slog.Logger

	interfaces, targets []string
	port                uint
	limit               time.Duration

	passive  bool          // discover
	interval time.Duration // discover
	diagnose bool          // discover

	addr     string // announce
	name     string
	services steamdiscovery.Services
	silent   bool
}

func commonFlags(set *flags.Set, o *options) {
	list := func(into *[]string) func(string) error {
		return func(text string) error {
			*into = strings.Split(text, ",")
			return nil
		}
	}
	set.Func("interfaces", "`names` of the network interfaces to use, comma separated (default: all that can broadcast)", list(&o.interfaces))
	set.Func("targets", "`addresses` to send to instead, comma separated; 127.0.0.1 is this machine", list(&o.targets))
	set.UintVar(&o.port, "port", steamdiscovery.DefaultPort, "UDP `port` on which clients listen")
	set.DurationVar(&o.limit, "for", 0, "end after this `time` (default: at Ctrl-C)")
	set.Check(func() error {
		if o.port == 0 || o.port > math.MaxUint16 {
			return fmt.Errorf("-port: no port %d", o.port)
		}
		return nil
	})
}

func discoverFlags(set *flags.Set, o *options) {
	commonFlags(set, o)
	set.BoolVar(&o.passive, "passive", false, "also listen on the port, for what clients broadcast unasked")
	set.DurationVar(&o.interval, "interval", 0, "`time` between two questions (default: 10s)")
	set.BoolVar(&o.diagnose, "diagnose", false, "say why somebody is found or nobody, and end")
}

func announceFlags(set *flags.Set, o *options) {
	commonFlags(set, o)
	set.StringVar(&o.addr, "addr", "", "`address` to listen on (default: all addresses of this machine, and -port)")
	set.StringVar(&o.name, "name", "", "`name` that people see (default: that of this machine)")
	set.BoolVar(&o.silent, "silent", false, "only answer, broadcast nothing")
	set.Func("services", "what this machine offers: `names` as GameStreaming,ContentCache (default: nothing)", func(text string) error {
		for name := range strings.SplitSeq(text, ",") {
			service, ok := serviceNamed(name)
			if !ok {
				return fmt.Errorf("no service %q", name)
			}
			o.services |= service
		}
		return nil
	})
}

// serviceNamed finds a service by the name that it is printed with.
func serviceNamed(name string) (steamdiscovery.Services, bool) {
	for service := steamdiscovery.ServiceRemoteControl; service <= steamdiscovery.ServiceManageDownloads; service <<= 1 {
		if strings.EqualFold(service.String(), name) {
			return service, true
		}
	}
	return 0, false
}
