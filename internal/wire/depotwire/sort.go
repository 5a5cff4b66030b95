package depotwire

import (
	"cmp"
	"slices"
	"strings"
)

// SortFiles orders the files by name without regard to case, as a person or a disk likes them. Manifests come ordered by
// their stored names: after [Manifest.DecryptNames] in no order at all.
func (m *Manifest) SortFiles() {
	type named struct {
		name  string
		index int32
	}
	order := make([]named, len(m.Files))
	for i, name := range foldNames(m.Files) {
		order[i] = named{name, int32(i)}
	}
	slices.SortFunc(order, func(a, b named) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.index, b.index))
	})
	files := make([]File, len(m.Files))
	for i, entry := range order {
		files[i] = m.Files[entry.index]
	}
	m.Files = files
}
