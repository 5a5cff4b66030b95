package sb_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// flat stores data as the original library does: player_0, score_t1.
func flat(data qr2wire.Data) map[string]string {
	keys := make(map[string]string)
	for _, field := range data.Server {
		keys[field.Key] = field.Value
	}
	for _, table := range []qr2wire.Table{data.Players, data.Teams} {
		for i, row := range table.Rows {
			for j, value := range row {
				keys[table.Keys[j]+strconv.Itoa(i)] = value
			}
		}
	}
	return keys
}

// contains checks values that the original has; it may have kept one that was cut, where ours has all of it, and it drops
// what comes behind an empty value.
func contains(t *testing.T, want, got map[string]string) {
	t.Helper()
	for key, value := range want {
		require.Contains(t, got, key)
		if got[key] != value {
			require.Greater(t, len(got[key]), len(value), key)
			require.Equal(t, value, got[key][:len(value)], key)
		}
	}
}

func TestVectorsFullReplies(t *testing.T) {
	vectors := loadVectors(t).Vectors
	for _, v := range vectors.Single {
		t.Run(v.ID, func(t *testing.T) {
			_, key, body, err := qr2wire.ParseFromServer(v.Packet)
			require.NoError(t, err)
			data, err := qr2wire.ParseReply(qr2wire.FullQuery(key), body, nil)
			if err != nil {
				require.ErrorIs(t, err, qr2wire.ErrTruncated)
			}
			contains(t, v.Keys, flat(data))
		})
	}
	for _, v := range vectors.Split {
		t.Run(v.ID, func(t *testing.T) {
			var assembler qr2wire.Assembler
			complete := false
			for _, packet := range v.Packets {
				_, _, body, err := qr2wire.ParseFromServer(packet)
				require.NoError(t, err)
				complete, err = assembler.Add(body)
				require.NoError(t, err)
			}
			require.Equal(t, v.Complete, complete)
			contains(t, v.Keys, flat(assembler.Data()))
		})
	}
}
