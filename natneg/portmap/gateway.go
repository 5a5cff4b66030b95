package portmap

import (
	"errors"
	"net/netip"
)

var errNoRoute = errors.New("this machine has no default route")

// gateway is the router for PCP and NAT-PMP.
func gateway(config *Config) (netip.Addr, error) {
	if config.Gateway.IsValid() {
		return config.Gateway, nil
	}
	return defaultGateway()
}
