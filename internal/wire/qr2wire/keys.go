package qr2wire

// KeyID is the number of a key in a query (spec qr2.md §7).
type KeyID uint8

// The range that is free for a game's own keys. The original's check lets 254 through, but its table ends at 253, and
// 255 means "all".
const (
	FirstCustomKey KeyID = 50
	LastCustomKey  KeyID = 253
)

// names are the predefined keys, by number; 0 and 33 to 49 are reserved.
var names = [...]string{
	1: "hostname", 2: "gamename", 3: "gamever", 4: "hostport", 5: "mapname", 6: "gametype", 7: "gamevariant",
	8: "numplayers", 9: "numteams", 10: "maxplayers", 11: "gamemode", 12: "teamplay", 13: "fraglimit",
	14: "teamfraglimit", 15: "timeelapsed", 16: "timelimit", 17: "roundtime", 18: "roundelapsed", 19: "password",
	20: "groupid", 21: "player_", 22: "score_", 23: "skill_", 24: "ping_", 25: "team_", 26: "deaths_", 27: "pid_",
	28: "team_t", 29: "score_t", 30: "nn_groupid", 31: "country", 32: "region",
}

// KeyName is the name of a predefined key, "" if that number has none.
func KeyName(id KeyID) string {
	if int(id) >= len(names) {
		return ""
	}
	return names[id]
}

// KeyNumber is the number of a predefined key; ok is false if that name has none.
func KeyNumber(name string) (id KeyID, ok bool) {
	if name == "" {
		return 0, false
	}
	for i, n := range names {
		if n == name {
			return KeyID(i), true
		}
	}
	return 0, false
}

// Registry is the predefined keys and a game's own. The zero value has the predefined ones; it must not be changed while
// it is read.
type Registry struct{ custom map[KeyID]string }

// NewRegistry makes a registry with a game's own keys, whose numbers must be 50 to 253 and whose names must not be empty,
// predefined or there twice.
func NewRegistry(custom map[KeyID]string) (*Registry, error) {
	r := &Registry{custom: make(map[KeyID]string, len(custom))}
	seen := make(map[string]bool, len(custom))
	for id, name := range custom {
		if id < FirstCustomKey || id > LastCustomKey {
			return nil, malformed("key registry", "key "+name, "its number is not in 50..253")
		}
		if err := checkField("custom", name, ""); err != nil {
			return nil, err
		}
		if _, predefined := KeyNumber(name); predefined || seen[name] {
			return nil, malformed("key registry", "key "+name, "the name is taken")
		}
		seen[name] = true
		r.custom[id] = name
	}
	return r, nil
}

// Name is the name of a key, "" if the number is not registered.
func (r *Registry) Name(id KeyID) string {
	if name := KeyName(id); name != "" || r == nil {
		return name
	}
	return r.custom[id]
}

// Number is the number of a key; ok is false if the name is not registered.
func (r *Registry) Number(name string) (id KeyID, ok bool) {
	if id, ok = KeyNumber(name); ok || r == nil {
		return id, ok
	}
	for number, n := range r.custom {
		if n == name {
			return number, true
		}
	}
	return 0, false
}
