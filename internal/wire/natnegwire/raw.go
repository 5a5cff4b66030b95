package natnegwire

// Raw is a datagram whose body nobody defines: STATE_UPDATE, BACKUP_TEST and BACKUP_ACK, which no client uses, and every
// unknown type. It is kept as it came.
type Raw struct {
	Header
	Body []byte
}

// Append adds the datagram to b.
func (m Raw) Append(b []byte) []byte { return append(m.appendHeader(b, m.Type), m.Body...) }
