package gscrypt

import "testing"

func TestMasterIndex(t *testing.T) {
	// Computed with the original SDK; the internal tests have many more.
	for game, want := range map[string]int{"gmtest": 8, "battlefield2142": 13, "crysiswars": 2, "halor": 6, "battlefield2": 14, "BattleField2": 14, "": 0} {
		if index := MasterIndex(game); index != want {
			t.Errorf("%s: ms%d, want ms%d", game, index, want)
		}
	}
}
