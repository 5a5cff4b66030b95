package engine

import (
	"slices"

	"github.com/relight-sdk/relight/qr2"
)

// maxRows is how many players, or teams, a snapshot may have.
const maxRows = 256

// maxKeys is how many keys a server, a player or a team may have here. Far fewer fit into an answer.
const maxKeys = 512

// The parts of a draft.
const (
	PartServer  = 1
	PartPlayers = 2
	PartTeams   = 4
)

// draft is the snapshot that the engine is writing. It stays when it is committed, so that the engine sets only what has
// changed.
type draft struct {
	server         qr2.Fields
	players, teams []qr2.Fields
}

// SetServer sets a key of the server in the draft; an empty value stays a value.
func (h *Host) SetServer(key, value string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return set(&h.draft.server, key, value)
}

// SetPlayer sets a key of a player in the draft. The row behind the last one is a new player.
func (h *Host) SetPlayer(row uint32, key, value string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return setRow(&h.draft.players, row, key, value)
}

// SetTeam sets a key of a team in the draft. The row behind the last one is a new team.
func (h *Host) SetTeam(row uint32, key, value string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return setRow(&h.draft.teams, row, key, value)
}

func setRow(rows *[]qr2.Fields, wanted uint32, key, value string) error {
	row := int(min(wanted, maxRows+1))
	switch {
	case row > len(*rows):
		return errorf(ErrInvalid, "relight: row %d, where there are %d: rows are added one by one", wanted, len(*rows))
	case row == maxRows:
		return errorf(ErrFull, "relight: there are %d rows", maxRows)
	}
	var fields qr2.Fields
	if row < len(*rows) {
		fields = (*rows)[row]
	}
	if err := set(&fields, key, value); err != nil {
		return err
	}
	if row == len(*rows) {
		*rows = append(*rows, nil)
	}
	(*rows)[row] = fields
	return nil
}

func set(fields *qr2.Fields, key, value string) error {
	if key == "" {
		return errorf(ErrInvalid, "relight: a key without a name")
	}
	if i := slices.IndexFunc(*fields, func(f qr2.Field) bool { return f.Key == key }); i >= 0 {
		(*fields)[i].Value = value
		return nil
	}
	if len(*fields) >= maxKeys {
		return errorf(ErrFull, "relight: there are %d keys", maxKeys)
	}
	*fields = append(*fields, qr2.Field{Key: key, Value: value})
	return nil
}

// Clear empties parts of the draft.
func (h *Host) Clear(parts uint32) error {
	if parts == 0 || parts&^(PartServer|PartPlayers|PartTeams) != 0 {
		return errorf(ErrInvalid, "relight: parts %#x", parts)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if parts&PartServer != 0 {
		h.draft.server = nil
	}
	if parts&PartPlayers != 0 {
		h.draft.players = nil
	}
	if parts&PartTeams != 0 {
		h.draft.teams = nil
	}
	return nil
}

// RemovePlayer takes a player out of the draft; those behind move up.
func (h *Host) RemovePlayer(row uint32) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if row >= uint32(len(h.draft.players)) {
		return errorf(ErrInvalid, "relight: row %d, where there are %d", row, len(h.draft.players))
	}
	h.draft.players = slices.Delete(h.draft.players, int(row), int(row)+1)
	return nil
}

// Commit makes the draft what queries are answered with.
func (h *Host) Commit() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.host.Update(qr2.Snapshot{Server: h.draft.server, Players: h.draft.players, Teams: h.draft.teams})
	if err != nil {
		return describe(err, hostCode)
	}
	return nil
}
