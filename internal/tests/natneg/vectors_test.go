package natneg_test

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
	"github.com/relight-sdk/relight/natneg"
)

type packetVector struct {
	ID            string `json:"id"`
	TypeName      string `json:"type_name"`
	Version       uint8  `json:"version"`
	PacketType    uint8  `json:"packet_type"`
	Cookie        uint32 `json:"cookie"`
	PortType      uint8  `json:"port_type"`
	ClientIndex   uint8  `json:"client_index"`
	UseGamePort   bool   `json:"use_game_port"`
	LocalIP       string `json:"local_ip"`
	LocalPort     uint16 `json:"local_port"`
	RemoteIP      string `json:"remote_ip"`
	RemotePort    uint16 `json:"remote_port"`
	GotYourData   uint8  `json:"got_your_data"`
	Finished      uint8  `json:"finished"`
	Result        uint8  `json:"result"`
	NATType       uint32 `json:"nat_type"`
	MappingScheme uint32 `json:"mapping_scheme"`
	GameName      string `json:"game_name"`
	Size          int    `json:"size"`
	IgnoreOffsets []int  `json:"ignore_offsets"`
	Packet        string `json:"packet_hex"`
}

// message builds the packet of a vector from its fields.
func (v packetVector) message(t *testing.T) natnegwire.Message {
	header := natnegwire.Header{Version: v.Version, Type: natnegwire.Type(v.PacketType), Cookie: natneg.CookieFromUint32(v.Cookie)}
	require.Equal(t, v.TypeName, header.Type.String())
	body := natnegwire.InitBody{Port: natnegwire.PortType(v.PortType), ClientIndex: v.ClientIndex}
	if v.UseGamePort {
		body.UseGamePort = 1
	}
	if v.LocalIP != "" {
		body.Addr = netip.AddrPortFrom(netip.MustParseAddr(v.LocalIP), v.LocalPort)
	}
	switch header.Type {
	case natnegwire.TypeInit:
		return natnegwire.Init{Header: header, InitBody: body, Game: v.GameName}
	case natnegwire.TypeConnectPing:
		return natnegwire.Connect{Header: header, Remote: netip.AddrPortFrom(netip.MustParseAddr(v.RemoteIP), v.RemotePort), GotData: v.GotYourData, Finished: v.Finished}
	case natnegwire.TypeReport:
		return natnegwire.Report{Header: header, ClientIndex: v.ClientIndex, Result: v.Result, NATType: v.NATType, Mapping: v.MappingScheme, Game: v.GameName}
	}
	return natnegwire.Exchange{Header: header, InitBody: body}
}

func TestPacketVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var file struct {
		Vectors struct {
			Packet []packetVector `json:"packet"`
		} `json:"vectors"`
	}
	require.NoError(t, json.Unmarshal(b, &file))
	require.NotEmpty(t, file.Vectors.Packet)
	for _, v := range file.Vectors.Packet {
		want, err := hex.DecodeString(v.Packet)
		require.NoError(t, err)
		require.Len(t, want, v.Size, v.ID)

		// Reading and writing keeps every byte, also those of uninitialised memory.
		parsed, err := natnegwire.Parse(want)
		require.NoError(t, err, v.ID)
		require.Equal(t, want, parsed.Append(nil), v.ID)

		// Built from the fields, all but those bytes are the same.
		got := v.message(t).Append(nil)
		require.Len(t, got, v.Size, v.ID)
		for _, offset := range v.IgnoreOffsets {
			got[offset], want[offset] = 0, 0
		}
		require.Equal(t, want, got, v.ID)
	}
}
