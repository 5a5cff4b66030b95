package udpmux

// Shared is what the protocols of one kind on the connection have in common: the value that the first of them made, by key.
func (m *Mux) Shared(key any, create func() any) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.shared[key]
	if !ok {
		if m.shared == nil {
			m.shared = make(map[any]any)
		}
		value = create()
		m.shared[key] = value
	}
	return value
}
