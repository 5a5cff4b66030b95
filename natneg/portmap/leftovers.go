package portmap

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/relight-sdk/relight/internal/wire/pcpwire"
)

// record is a mapping as the state file remembers it: enough to delete it, and for PCP to be allowed to.
type record struct {
	Protocol Protocol       `json:"protocol"`
	Network  Network        `json:"network"`
	Router   netip.Addr     `json:"router"`
	Internal netip.AddrPort `json:"internal"`
	External netip.AddrPort `json:"external"`
	Nonce    string         `json:"nonce,omitempty"`
}

const maxStateFile = 4 << 10

// readRecord reads the state file; a missing one is no error, and gives nil.
func readRecord(path string) (*record, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxStateFile))
	if err != nil {
		return nil, err
	}
	r := new(record)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, err
	}
	return r, nil
}

// write replaces the state file as a whole: a crash leaves the old or the new one.
func (r *record) write(path string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// leftover is what the state file remembers of a run that ended without deleting. If it is PCP's for this very port, its
// nonce is used on: with another one the router might not give the port.
func (m *Mapping) leftover(ctx context.Context) *record {
	if m.config.StateFile == "" {
		return nil
	}
	r, err := readRecord(m.config.StateFile)
	if err != nil {
		m.config.Logger.WarnContext(ctx, "the state file cannot be read", "error", err)
		return nil
	}
	if nonce, ok := r.nonce(); ok && r.Network == m.config.Network && r.Internal.Port() == m.port {
		m.nonce = nonce
	}
	return r
}

// nonce is PCP's.
func (r *record) nonce() (n pcpwire.Nonce, ok bool) {
	if r == nil || r.Protocol != PCP {
		return n, false
	}
	b, err := hex.DecodeString(r.Nonce)
	if err != nil || len(b) != len(n) {
		return n, false
	}
	return pcpwire.Nonce(b), true
}

// belongsTo reports whether a router has the leftover and must be rid of it; a mapping for the very same port is made anew
// instead.
func (r *record) belongsTo(c client, want request) bool {
	return r != nil && r.Protocol == c.protocol() && r.Router == c.router() && r.Internal.Port() != want.internal && r.Internal.Port() != 0
}

// removeRecorded deletes a leftover.
func removeRecorded(ctx context.Context, config *Config, c client, r *record) error {
	g := grant{internal: r.Internal, external: r.External}
	switch c := c.(type) {
	case *pcpClient:
		nonce, ok := r.nonce()
		if !ok {
			return errors.New("the state file has no nonce")
		}
		old := *config
		old.Network = r.Network
		return (&pcpClient{config: &old, gateway: c.gateway, nonce: nonce}).remove(ctx, g)
	case *natpmpClient:
		old := *config
		old.Network = r.Network
		return (&natpmpClient{config: &old, gateway: c.gateway, client: c.client}).remove(ctx, g)
	}
	return nil // UPnP's are found in the router's own list, by sweep
}

// remember writes the state file for what is held; nothing held removes it.
func (m *Mapping) remember(ctx context.Context, h held) {
	if m.config.StateFile == "" {
		return
	}
	var err error
	if h.client == nil {
		if err = os.Remove(m.config.StateFile); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else {
		r := record{Protocol: h.client.protocol(), Network: m.config.Network, Router: h.client.router(), Internal: h.grant.internal, External: h.grant.external}
		if r.Protocol == PCP {
			r.Nonce = hex.EncodeToString(m.nonce[:])
		}
		err = r.write(m.config.StateFile)
	}
	if err != nil {
		m.config.Logger.WarnContext(ctx, "the state file cannot be written", "error", err)
	}
}
