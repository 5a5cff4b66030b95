package steamdiscoverywire

import (
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Caps on repeated fields. Two bytes on the wire can make a message of a hundred in memory, so the decoder must not meet
// more than these. No Steam client sends a tenth of them.
const (
	maxClientIDs = 1024
	maxRepeated  = 256
)

// check walks over an encoded message without decoding it: is it well formed, are lists short enough, are required fields
// there? The decoder of protobuf would say only that something is wrong, this says where. It does not allocate unless it
// fails.
func check(message protoreflect.MessageDescriptor, b []byte) error {
	fields := message.Fields()
	var present uint64 // by index of the field; no message here has 64
	var count [64]int
	for len(b) > 0 {
		number, wireType, n := protowire.ConsumeTag(b)
		if n < 0 {
			return failure(string(message.Name()), "tag", "%v", protowire.ParseError(n))
		}
		if number > protowire.MaxValidNumber { // which ConsumeTag lets pass, and the decoder does not
			return failure(string(message.Name()), "tag", "field number %d is too large", number)
		}
		b = b[n:]
		field := fields.ByNumber(number)
		n = protowire.ConsumeFieldValue(number, wireType, b)
		if n < 0 {
			return failure(string(message.Name()), fieldName(field, number), "%v", protowire.ParseError(n))
		}
		value := b[:n]
		b = b[n:]
		if field == nil {
			continue // of a newer Steam
		}
		elements, err := checkValue(message, field, wireType, value)
		if err != nil {
			return err
		}
		if elements == 0 {
			continue
		}
		index := field.Index()
		present |= 1 << index
		if count[index] += elements; field.IsList() && count[index] > limit(field) {
			return failure(string(message.Name()), fieldName(field, number), "more than %d elements", limit(field))
		}
	}
	required := message.RequiredNumbers()
	for i := range required.Len() {
		if field := fields.ByNumber(required.Get(i)); present&(1<<field.Index()) == 0 {
			// Its default would read as Success where the field is a result (spec steamdiscovery.md §8).
			return failure(string(message.Name()), string(field.Name()), "required field is missing")
		}
	}
	return nil
}

// checkValue checks one value and tells how many elements it adds to its field. A value of another wire type than the
// field's adds none: readers take it for an unknown field.
func checkValue(message protoreflect.MessageDescriptor, field protoreflect.FieldDescriptor, wireType protowire.Type, value []byte) (int, error) {
	want := wireTypeOf(field.Kind())
	packed := wireType == protowire.BytesType && want != protowire.BytesType && field.IsList()
	switch {
	case packed: // proto2 writes numbers one by one, but readers must take both forms
		list, _ := protowire.ConsumeBytes(value)
		elements := 0
		for len(list) > 0 {
			n := protowire.ConsumeFieldValue(field.Number(), want, list)
			if n < 0 {
				return 0, failure(string(message.Name()), string(field.Name()), "%v", protowire.ParseError(n))
			}
			list = list[n:]
			elements++
		}
		return elements, nil
	case wireType != want:
		return 0, nil
	case field.Kind() == protoreflect.MessageKind:
		inner, _ := protowire.ConsumeBytes(value)
		return 1, check(field.Message(), inner)
	default:
		return 1, nil
	}
}

func limit(field protoreflect.FieldDescriptor) int {
	if field.Name() == "client_ids" {
		return maxClientIDs
	}
	return maxRepeated
}

func wireTypeOf(kind protoreflect.Kind) protowire.Type {
	switch kind {
	case protoreflect.Fixed64Kind:
		return protowire.Fixed64Type
	case protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	default: // the other kinds of discovery.proto: bool, enum, int32, uint32, uint64
		return protowire.VarintType
	}
}

func fieldName(field protoreflect.FieldDescriptor, number protowire.Number) string {
	if field != nil {
		return string(field.Name())
	}
	return "field " + strconv.Itoa(int(number))
}
