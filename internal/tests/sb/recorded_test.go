package sb_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// Recorded streams that no browser asks for in that shape, decoded by hand: options 0x89 of OpenSpy (fields for all, an
// alternate source address and a limit), and what wfc-server sends to a client that wants no list.
func TestRecordedStreamsDecode(t *testing.T) {
	for _, test := range []struct {
		file, conn string
		options    sbwire.Options
		check      func(t *testing.T, request sbwire.ListRequest, all []sbwire.Element)
	}{
		{"openspy", "sb6", sbwire.OptionFieldsForAll | sbwire.OptionSourceIP | sbwire.OptionLimit,
			func(t *testing.T, request sbwire.ListRequest, all []sbwire.Element) {
				require.Equal(t, netip.MustParseAddr("10.1.2.3"), request.SourceIP)
				require.Equal(t, uint32(1<<24), request.MaxServers, "the probe wrote 1 big-endian, which is no limit (servers.md §4.1)")
				require.Equal(t, request.SourceIP, all[0].Client, "OpenSpy believes the address")
				var servers []sbwire.Entry
				for _, e := range all {
					if e.Kind == sbwire.KindServer {
						servers = append(servers, e.Server)
					}
				}
				require.Equal(t, uint16(6500), all[0].DefaultPort)
				require.Len(t, servers, 1)
				require.Equal(t, "hostname", servers[0].Keys[0].Name)
				require.NotEmpty(t, servers[0].Values.At(0))
				require.Equal(t, sbwire.KindEnd, all[len(all)-1].Kind)
			}},
		{"wfc", "sbnolist", sbwire.OptionNoList, func(t *testing.T, request sbwire.ListRequest, all []sbwire.Element) {
			require.Equal(t, []string{"dwc_pid"}, request.Fields)
			require.Len(t, all, 1, "a head and two bytes that mean nothing")
			require.Equal(t, sbwire.KindHead, all[0].Kind)
		}},
	} {
		t.Run(test.file+"/"+test.conn, func(t *testing.T) {
			found := false
			for _, list := range recordedLists(t, test.file) {
				if list.conn != test.conn {
					continue
				}
				found = true
				require.Equal(t, test.options, list.request.Options)
				v := listVector{SecretKey: recordings[test.file][list.request.QueryFor], Challenge: string(list.request.Challenge[:]),
					Options: uint32(list.request.Options)}
				for name, pieces := range cuts(list.reply) {
					t.Run(name, func(t *testing.T) {
						all, header := v.elements(t, pieces)
						require.NotEmpty(t, header.Challenge)
						require.NotEmpty(t, all)
						require.Equal(t, sbwire.KindHead, all[0].Kind)
						test.check(t, list.request, all)
					})
				}
			}
			require.True(t, found)
		})
	}
}
