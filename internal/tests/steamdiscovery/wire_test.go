package steamdiscovery_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// frame puts a datagram together, with whatever bytes.
func frame(header, body []byte) []byte {
	b := append([]byte(steamdiscoverywire.Magic), binary.LittleEndian.AppendUint32(nil, uint32(len(header)))...)
	b = append(b, header...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// header of client 1 with a type.
func header(kind byte) []byte { return []byte{0x08, 1, 0x10, kind} }

// fill sets every field of a message, lists to two elements.
func fill(m protoreflect.Message, random *rand.Rand) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !field.IsList() {
			m.Set(field, anything(m.NewField(field), field, random))
			continue
		}
		list := m.Mutable(field).List()
		for range 2 {
			list.Append(anything(list.NewElement(), field, random))
		}
	}
}

func anything(zero protoreflect.Value, field protoreflect.FieldDescriptor, random *rand.Rand) protoreflect.Value {
	n := random.Uint64()
	switch field.Kind() {
	case protoreflect.MessageKind:
		fill(zero.Message(), random)
		return zero
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n&1 != 0)
	case protoreflect.EnumKind: // also values that do not exist yet
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n % 40))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(n)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n%1000) / 8)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(string(rune('a' + n%26)))
	default:
		return protoreflect.ValueOfBytes(binary.BigEndian.AppendUint64(nil, n))
	}
}

// every type with every field set, as large as it gets.
func everyType(t testing.TB) map[string]*steamdiscoverywire.Packet {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	packets := make(map[string]*steamdiscoverywire.Packet)
	for kind := steamdiscoverywire.Type(0); kind <= 16; kind++ {
		body := steamdiscoverywire.NewBody(kind)
		require.Equal(t, kind == steampb.ERemoteClientBroadcastMsg_MSG_OFFLINE, body == nil)
		if body != nil {
			fill(body.ProtoReflect(), random)
		}
		packet := steamdiscoverywire.New(random.Uint64(), random.Uint64(), kind, body)
		packet.Header.DeviceToken = []byte("token")
		packet.Header.DeviceId_OBSOLETE = proto.Uint64(5)
		packets[steamdiscoverywire.TypeName(kind)] = packet
	}
	require.Len(t, packets, 17)
	return packets
}

func TestEveryTypeRoundTrips(t *testing.T) {
	for name, packet := range everyType(t) {
		t.Run(name, func(t *testing.T) {
			b, err := packet.Append(nil)
			require.NoError(t, err)
			again, err := steamdiscoverywire.Parse(b)
			require.NoError(t, err)
			require.True(t, proto.Equal(packet.Header, again.Header))
			if packet.Body != nil {
				require.True(t, proto.Equal(packet.Body, again.Body))
			}
			envelope, err := steamdiscoverywire.Peek(b)
			require.NoError(t, err)
			require.Equal(t, packet.Header.GetClientId(), envelope.ClientID)
			require.Equal(t, packet.Header.GetInstanceId(), envelope.InstanceID)
			require.Equal(t, packet.Type(), envelope.Type)

			// Bytes after the body are nobody's.
			again, err = steamdiscoverywire.Parse(append(bytes.Clone(b), "trailing"...))
			require.NoError(t, err)
			c, err := again.Append(nil)
			require.NoError(t, err)
			require.Equal(t, b, c)
		})
	}
}

// Cut anywhere, a packet is refused, except where Offline may do without the length of its body. With any bit turned,
// nothing worse happens than an error or other values.
func TestCutAndBentPackets(t *testing.T) {
	for name, packet := range everyType(t) {
		t.Run(name, func(t *testing.T) {
			b, err := packet.Append(nil)
			require.NoError(t, err)
			for n := range b {
				_, err := steamdiscoverywire.Parse(b[:n])
				if name == "Offline" && n == len(b)-4 {
					require.NoError(t, err)
					continue
				}
				requireRefused(t, err)
			}
			for bit := range len(b) * 8 {
				bent := bytes.Clone(b)
				bent[bit/8] ^= 1 << (bit % 8)
				if _, err := steamdiscoverywire.Parse(bent); err != nil {
					requireRefused(t, err)
				}
			}
		})
	}
}

func TestUnknownThingsSurvive(t *testing.T) {
	for name, b := range map[string][]byte{
		"type":               frame(header(99), []byte("anything\xff")),
		"negative type":      frame([]byte{8, 1, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, []byte("x")),
		"enum value":         frame(header(4), []byte{0x08, 77}),
		"field in body":      frame(header(1), []byte{0x08, 8, 0xc2, 0x3e, 2, 'h', 'i'}),
		"field in header":    frame(append(header(1), 0xfa, 0x01, 1, 'x'), []byte{0x08, 8}),
		"field of a user":    frame(header(1), []byte{0x4a, 2, 0x18, 1}),
		"body of Offline":    frame(header(2), []byte("really")),
		"other wire type":    frame(header(1), []byte{0x0a, 1, 'x'}), // version as a string: an unknown field to protobuf
		"a name not in UTF8": frame(header(1), []byte{0x22, 2, 0xff, 0xfe}),
		"no fields at all":   frame(nil, nil),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := steamdiscoverywire.Parse(b)
			require.NoError(t, err)
			again, err := p.Append(nil)
			if name == "no fields at all" {
				require.Equal(t, steamdiscoverywire.Type(0), p.Type())
			}
			require.NoError(t, err)
			require.Equal(t, b, again)
		})
	}
}

func TestOfflineWithoutBodyLength(t *testing.T) {
	b := frame(header(2), nil)
	b = b[:len(b)-4]
	p, err := steamdiscoverywire.Parse(b)
	require.NoError(t, err)
	require.True(t, p.OmitBodyLength)
	again, err := p.Append(nil)
	require.NoError(t, err)
	require.Equal(t, b, again)
}

func TestHostileFrames(t *testing.T) {
	lying := func(at int, length uint32) []byte {
		b := frame(header(1), []byte{0x08, 8})
		binary.LittleEndian.PutUint32(b[at:], length)
		return b
	}
	for name, c := range map[string]struct {
		b     []byte
		wants string // part of the error
	}{
		"no magic":                {[]byte("\xff\xff\xff\xffTSource Engine Query\x00"), "not a discovery packet"},
		"header longer by one":    {lying(8, 11), "header length"},
		"header of 4 GB":          {lying(8, 1<<32-1), "header length: 4294967295 bytes announced"},
		"header of 2 GB":          {lying(8, 1<<31), "header length"},
		"body longer by one":      {lying(16, 3), "body length: 3 bytes announced, 2 left"},
		"body of 4 GB":            {lying(16, 1<<32-1), "body length"},
		"header of 64 KB":         {frame(make([]byte, 65000), nil), "header length: 65000 bytes, at most 4096"},
		"more than UDP carries":   {frame(header(2), make([]byte, 65500)), "more than UDP carries"},
		"body length missing":     {frame(header(1), nil)[:16], "body length: missing after Status"},
		"no result":               {frame(header(4), nil), "CMsgRemoteDeviceAuthorizationResponse: result: required"},
		"no result, other fields": {frame(header(4), []byte{0x11, 1, 2, 3, 4, 5, 6, 7, 8}), "result: required"},
		"result of another kind":  {frame(header(4), []byte{0x0a, 1, 0}), "result: required"},
		"no result of streaming":  {frame(header(6), []byte{0x08, 1}), "CMsgRemoteDeviceStreamingResponse: result: required"},
		"no confirmed result":     {frame(header(14), nil), "CMsgRemoteDeviceAuthorizationConfirmed: result"},
		"name beyond the body":    {frame(header(1), []byte{0x22, 80, 'a'}), "CMsgRemoteClientBroadcastStatus: hostname"},
		"user cut":                {frame(header(1), []byte{0x4a, 5, 9, 1, 2, 3, 4}), "User: steamid"},
		"wire type 7":             {frame(header(1), []byte{0x0f}), "version"},
		"field number 0":          {frame(header(1), []byte{0x00, 0}), "CMsgRemoteClientBroadcastStatus: tag"},
		"64 KB of client ids":     {frame(header(0), bytes.Repeat([]byte{0x10, 1}, 32000)), "client_ids: more than 1024"},
		"64 KB of packed ids":     {frame(header(0), append([]byte{0x12, 0xe8, 0xfb, 0x03}, make([]byte, 65000)...)), "client_ids: more than 1024"},
		"64 KB of users":          {frame(header(1), bytes.Repeat([]byte{0x4a, 0}, 32000)), "users: more than 256"},
		"64 KB of nothing":        {frame(header(1), make([]byte, 65000)), "tag"},
		"64 KB of groups":         {frame(header(1), bytes.Repeat([]byte{0xfb, 0x07}, 32000)), "field 127"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := steamdiscoverywire.Parse(c.b)
			requireRefused(t, err)
			require.ErrorContains(t, err, c.wants)
		})
	}
}

func TestRefusesToWriteWhatNobodyCouldRead(t *testing.T) {
	packet := steamdiscoverywire.New(1, 0, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_RESPONSE,
		&steampb.CMsgRemoteDeviceAuthorizationResponse{})
	b, err := packet.Append([]byte("kept"))
	require.ErrorContains(t, err, "result")
	require.Equal(t, "kept", string(b))

	packet = steamdiscoverywire.New(1, 0, 99, nil)
	packet.Raw = make([]byte, steamdiscoverywire.MaxDatagram)
	_, err = packet.Append(nil)
	requireRefused(t, err)
	packet.Raw, packet.Header.DeviceToken = nil, make([]byte, steamdiscoverywire.MaxHeader)
	_, err = packet.Append(nil)
	requireRefused(t, err)
}
