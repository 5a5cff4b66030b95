package depottest

import (
	"fmt"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// encode compresses a chunk.
func encode(container Container, plain []byte) ([]byte, error) {
	switch container {
	case Zip:
		return depotwire.EncodeZip(nil, plain)
	case VZ:
		return depotwire.EncodeVZ(nil, plain, func(b []byte) ([5]byte, []byte, error) {
			properties, data := compressLZMA(b)
			return properties, data, nil
		})
	case VSZ:
		return depotwire.EncodeVSZ(nil, plain)
	}
	return nil, fmt.Errorf("no container %d", container)
}
