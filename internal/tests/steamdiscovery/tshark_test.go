package steamdiscovery_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/relight-sdk/relight/internal/tests/peers"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// known is how wireshark calls the fields of each type, and how many of ours it knows. It stopped at the schema of 2017.
var known = map[steamdiscoverywire.Type]struct {
	prefix string
	fields int
}{
	0: {"body_discovery_", 2}, 1: {"body_status_", 14}, 2: {"", 0}, 3: {"body_authrequest_", 3}, 4: {"body_authresponse_", 1},
	5: {"body_streamingrequest_", 11}, 6: {"body_streamingresponse_", 5}, 7: {"body_proofrequest_", 1}, 8: {"body_proofresponse_", 1},
	9: {"", 0}, 10: {"body_streamingcancelrequest_", 1},
}

// wiresharkNames are names that do not follow from ours.
var wiresharkNames = map[string]string{
	"body_authresponse_result": "body_authresponse_authresult",
	"body_status_users":        "body_status_user_",
	"body_streamingresponse_virtualherelicenseddevicecountOBSOLETE": "body_streamingresponse_virtualherelicenseddevicecount",
}

// Wireshark's dissector, written by others, reads the same values from our packets that we put in: types 0 to 10, all
// that it knows.
func TestTsharkReadsOurPackets(t *testing.T) {
	tshark := peers.Program(t, "tshark")
	random := everyType(t)
	var packets []*steamdiscoverywire.Packet
	var datagrams [][]byte
	for kind := steamdiscoverywire.Type(0); kind <= 10; kind++ {
		packet := random[steamdiscoverywire.TypeName(kind)]
		packets = append(packets, packet)
		datagrams = append(datagrams, encode(t, packet))
	}
	file := filepath.Join(t.TempDir(), "packets.pcap")
	require.NoError(t, os.WriteFile(file, pcapFile(datagrams, netip.MustParseAddrPort("192.0.2.1:27036"), everybody), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, tshark, "-r", file, "-T", "json", "--no-duplicate-keys")
	command.Env = append(os.Environ(), "TZ=UTC", "HOME="+t.TempDir())
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	require.NoError(t, err, stderr.String())

	var dissected []struct {
		Source struct {
			Layers map[string]any `json:"layers"`
		} `json:"_source"`
	}
	require.NoError(t, json.Unmarshal(output, &dissected))
	require.Len(t, dissected, len(packets))
	for i, packet := range packets {
		t.Run(steamdiscoverywire.TypeName(packet.Type()), func(t *testing.T) {
			read := make(map[string][]string)
			flatten(read, "", dissected[i].Source.Layers["steam_ihs_discovery"])
			require.Equal(t, []string{fmt.Sprint(packet.Header.GetClientId())}, read["header_client_id"])
			require.Equal(t, []string{fmt.Sprint(packet.Header.GetInstanceId())}, read["header_instance_id"])
			require.Equal(t, []string{fmt.Sprint(int(packet.Type()))}, read["header_msg_type"])
			if packet.Body == nil {
				return
			}
			compared := compare(t, read, known[packet.Type()].prefix, packet.Body.ProtoReflect())
			require.Equal(t, known[packet.Type()].fields, compared)
		})
	}
}

// flatten collects wireshark's fields, which it nests as it displays them.
func flatten(into map[string][]string, name string, value any) {
	name = strings.TrimPrefix(name, "steam_ihs_discovery.")
	switch value := value.(type) {
	case string:
		into[name] = append(into[name], value)
	case []any:
		for _, element := range value {
			flatten(into, name, element)
		}
	case map[string]any:
		for key, element := range value {
			flatten(into, key, element)
		}
	}
}

// compare compares the fields that wireshark knows, and counts them.
func compare(t *testing.T, read map[string][]string, prefix string, m protoreflect.Message) int {
	t.Helper()
	compared := 0
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		name := prefix + strings.ReplaceAll(string(field.Name()), "_", "")
		if other, ok := wiresharkNames[name]; ok {
			name = other
		}
		if field.Kind() == protoreflect.MessageKind {
			if !strings.HasSuffix(name, "_") {
				return true // gamepads, of later years
			}
			element := value.List().Get(0).Message()
			for i := range element.Descriptor().Fields().Len() {
				inner := element.Descriptor().Fields().Get(i)
				innerName := name + strings.ReplaceAll(string(inner.Name()), "_", "")
				require.NotEmpty(t, read[innerName], innerName)
				for j := range value.List().Len() {
					require.Contains(t, read[innerName], shown(inner, value.List().Get(j).Message().Get(inner), ""))
				}
				compared++
			}
			return true
		}
		got, ok := read[name]
		if !ok {
			return true
		}
		compared++
		if !field.IsList() {
			require.Equal(t, []string{shown(field, value, got[0])}, got, name)
			return true
		}
		var want []string
		for i := range value.List().Len() {
			want = append(want, shown(field, value.List().Get(i), ""))
		}
		require.Equal(t, want, got, name)
		return true
	})
	return compared
}

// shown is a value as wireshark shows it.
func shown(field protoreflect.FieldDescriptor, value protoreflect.Value, got string) string {
	switch field.Kind() {
	case protoreflect.BytesKind:
		text := make([]string, 0, len(value.Bytes()))
		for _, b := range value.Bytes() {
			text = append(text, hex.EncodeToString([]byte{b}))
		}
		return strings.Join(text, ":")
	case protoreflect.BoolKind:
		if value.Bool() {
			return "1"
		}
		return "0"
	case protoreflect.EnumKind:
		return fmt.Sprint(int(value.Enum()))
	}
	switch {
	case field.Name() == "client_ids":
		return fmt.Sprintf("0x%016x", value.Uint())
	case field.Name() == "timestamp":
		return time.Unix(int64(value.Uint()), 0).UTC().Format("Jan _2, 2006 15:04:05.000000000 UTC")
	case strings.HasPrefix(got, "0x"):
		return fmt.Sprintf("0x%08x", value.Uint())
	}
	return fmt.Sprint(value.Interface())
}
