package wire

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The bytes are those of the protobuf documentation, or worked out by hand.
func TestAppend(t *testing.T) {
	long := strings.Repeat("x", 200)
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"int":             {AppendInt(nil, 1, 150), "\x08\x96\x01"},
		"negative int":    {AppendInt(nil, 1, -1), "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
		"zero int":        {AppendInt(nil, 1, 0), ""},
		"field 16":        {AppendInt(nil, 16, 1), "\x80\x01\x01"},
		"bool":            {AppendBool(nil, 2, true), "\x10\x01"},
		"false":           {AppendBool(nil, 2, false), ""},
		"double":          {AppendDouble(nil, 1, 1), "\x09\x00\x00\x00\x00\x00\x00\xf0\x3f"},
		"zero double":     {AppendDouble(nil, 1, 0), ""},
		"minus zero":      {AppendDouble(nil, 1, math.Copysign(0, -1)), "\x09\x00\x00\x00\x00\x00\x00\x00\x80"},
		"float":           {AppendFloatAlways(nil, 2, 1), "\x15\x00\x00\x80\x3f"},
		"zero float":      {AppendFloatAlways(nil, 2, 0), "\x15\x00\x00\x00\x00"},
		"string":          {AppendString(nil, 2, "testing"), "\x12\x07testing"},
		"bytes":           {AppendString(nil, 2, []byte("ab")), "\x12\x02ab"},
		"empty string":    {AppendString(nil, 2, ""), ""},
		"empty, always":   {AppendStringAlways(nil, 2, ""), "\x12\x00"},
		"doubles":         {AppendDoubles(nil, 6, []float64{1, 0}), "\x32\x10\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\x00\x00"},
		"no doubles":      {AppendDoubles(nil, 6, nil), ""},
		"message":         {AppendMessage(nil, 3, func(b []byte) []byte { return AppendInt(b, 1, 150) }), "\x1a\x03\x08\x96\x01"},
		"empty message":   {AppendMessage(nil, 3, func(b []byte) []byte { return b }), "\x1a\x00"},
		"long message":    {AppendMessage([]byte("before"), 1, func(b []byte) []byte { return append(b, long...) }), "before\x0a\xc8\x01" + long},
		"message in long": {AppendMessage(nil, 1, func(b []byte) []byte { return AppendString(b, 1, long) }), "\x0a\xcb\x01\x0a\xc8\x01" + long},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, []byte(c.want), append([]byte{}, c.got...)) })
	}
}

func TestMessageOfEverySizeOfLength(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 129, 16383, 16384, 2097151, 2097152} {
		body := bytes.Repeat([]byte{'a'}, n)
		message := AppendMessage(nil, 1, func(b []byte) []byte { return append(b, body...) })
		for f, err := range Fields(message) {
			require.NoError(t, err)
			require.True(t, f.Is(1, Bytes))
			require.True(t, bytes.Equal(body, f.Data), "a body of %d bytes", n)
		}
	}
}

func TestFieldsReadBack(t *testing.T) {
	b := AppendInt(nil, 1, -7)
	b = AppendDouble(b, 2, 0.1)
	b = AppendFloatAlways(b, 3, 0.1)
	b = AppendString(b, 4, "text")
	b = AppendDoubles(b, 5, []float64{1, 2, 3})
	var got []Field
	for f, err := range Fields(b) {
		require.NoError(t, err)
		got = append(got, f)
	}
	require.Len(t, got, 5)
	require.EqualValues(t, -7, got[0].Int())
	require.Equal(t, 0.1, got[1].Double())
	require.Equal(t, float32(0.1), got[2].Float())
	require.Equal(t, "text", string(got[3].Data))
	doubles, err := got[4].Doubles()
	require.NoError(t, err)
	require.Equal(t, []float64{1, 2, 3}, doubles)
	doubles, err = got[1].Doubles()
	require.NoError(t, err, "an unpacked element")
	require.Equal(t, []float64{0.1}, doubles)
	_, err = got[3].Doubles()
	require.ErrorContains(t, err, "field 4: 4 bytes")
	require.Equal(t, 4, cap(got[3].Data), "appending to a field must not write over the message")
	for f := range Fields(b) {
		require.Equal(t, 1, f.Num)
		break
	}
}

func TestMalformed(t *testing.T) {
	for name, c := range map[string]struct{ message, err string }{
		"no number":              {"\x80", "its number is cut short"},
		"field 0":                {"\x00\x01", "its number is 0, want 1"},
		"varint cut short":       {"\x08\x96", "field 1: the varint is cut short"},
		"varint of 11 bytes":     {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "longer than 64 bits"},
		"double cut short":       {"\x09\x00", "field 1: 1 bytes are left, want 8"},
		"float cut short":        {"\x0d\x00\x00\x00", "field 1: 3 bytes are left, want 4"},
		"string cut short":       {"\x0a\x05abc", "field 1: its length is cut short or greater"},
		"string a byte short":    {"\x0a\x04abc", "field 1: its length is cut short or greater"},
		"string without length":  {"\x0a", "field 1: its length is cut short"},
		"a length over the int":  {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "field 1: its length"},
		"group":                  {"\x0b", "field 1: wire type 3, want"},
		"the second of two":      {"\x08\x01\x0f", "at byte 2 of 3: field 1: wire type 7"},
		"a number over 29 bits":  {"\x80\x80\x80\x80\x80\x01\x00", "its number is"},
		"a number of 65 bits":    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "longer than 64 bits"},
		"cut after a good field": {"\x08\x01\x10", "at byte 2 of 3"},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			for _, e := range Fields([]byte(c.message)) {
				err = e
			}
			require.ErrorContains(t, err, c.err)
		})
	}
}

func FuzzFields(f *testing.F) {
	f.Add([]byte("\x08\x96\x01\x12\x07testing\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x15\x00\x00\x80\x3f"))
	f.Add([]byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, message []byte) {
		var again []byte
		whole := true
		for field, err := range Fields(message) {
			if whole = err == nil; !whole {
				break
			}
			again = appendField(again, field)
		}
		if !whole {
			return
		}
		// The same fields once more: an encoding that is not the shortest may differ
		// from ours, but not in what it says.
		var twice []byte
		for field, err := range Fields(again) {
			require.NoError(t, err)
			twice = appendField(twice, field)
		}
		require.Equal(t, again, twice)
	})
}

func appendField(b []byte, f Field) []byte {
	switch f.Type {
	case Bytes:
		return AppendStringAlways(b, f.Num, f.Data)
	case Fixed32:
		return AppendFloatAlways(b, f.Num, f.Float())
	case Fixed64:
		return AppendDouble(b, f.Num, f.Double())
	}
	return AppendInt(b, f.Num, f.Int())
}
