package steampipe

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/keyvalues"
)

// InstallConfig is what a Steam installation's config/config.vdf tells of content servers.
type InstallConfig struct {
	// ContentServers are the host:port of the CS list, in its order; [ServerList] asks them.
	ContentServers []string

	root keyvalues.Node
}

// steamNode is where Steam keeps its settings in config.vdf, compared without case: "Valve" is also written "valve".
var steamNode = []string{"InstallConfigStore", "Software", "Valve", "Steam"}

// ParseInstallConfig reads config.vdf (spec steampipe.md §1.1). A file without a CS list, as Steam writes it today, gives
// an empty list.
func ParseInstallConfig(b []byte) (*InstallConfig, error) {
	root, err := keyvalues.Parse(b, keyvalues.Limits{})
	if err != nil {
		return nil, fmt.Errorf("steampipe: config.vdf: %w", err)
	}
	config := &InstallConfig{root: root}
	list, _ := root.Text(append(steamNode[:len(steamNode):len(steamNode)], "CS")...)
	for address := range strings.SplitSeq(list, ";") {
		address = strings.TrimSpace(address)
		if address == "" {
			continue
		}
		if err := checkHost(address); err != nil {
			return nil, fmt.Errorf("steampipe: config.vdf: CS: %w", err)
		}
		if len(config.ContentServers) == maxServers {
			return nil, fmt.Errorf("steampipe: config.vdf: CS: more than %d servers", maxServers)
		}
		config.ContentServers = append(config.ContentServers, address)
	}
	return config, nil
}

// DepotKeys returns the depot keys that the file holds. They belong to the account that is signed in on that computer; a
// program should read them only when its user asked for that.
func (c *InstallConfig) DepotKeys() (map[DepotID]Key, error) {
	keys := make(map[DepotID]Key)
	depots, ok := c.root.Find(append(steamNode[:len(steamNode):len(steamNode)], "depots")...)
	if !ok {
		return keys, nil
	}
	for i := range depots.Children {
		depot := depots.Children[i]
		id, err := strconv.ParseUint(depot.Key, 10, 32)
		if err != nil {
			continue
		}
		text, ok := depot.Text("DecryptionKey")
		if !ok {
			continue
		}
		key, err := ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("steampipe: config.vdf: depot %d: %w", id, err)
		}
		keys[DepotID(id)] = key
	}
	return keys, nil
}

// Format does not say the keys, whatever the verb.
func (c InstallConfig) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "config.vdf with %d content servers", len(c.ContentServers))
}
