package saver

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/tensor"
)

// Metadata keys that the package keeps for itself. See docs/format/checkpoint.md.
const (
	reserved     = "stheno."
	keyHeaderCRC = "stheno.header_crc32c"
	keyVersion   = "stheno.format"
	keyStep      = "stheno.step"
	keyCRCs      = "stheno.crc32c"
	keyInts      = "stheno.int"

	// formatVersion is what this package writes, and the newest that it reads.
	formatVersion = 1
	// maxHeader is the largest header, as in safetensors' own reader.
	maxHeader = 100_000_000
	// maxAxes bounds the shape of a tensor, as NumPy does.
	maxAxes = 64

	metadataKey = "__metadata__"
	// headerStart is how the header of every file of ours starts: the eight digits of
	// its checksum follow. Being in one place they can be checked before anything
	// else of the header is believed.
	headerStart = `{"` + metadataKey + `":{"` + keyHeaderCRC + `":"`
	noCRC       = "00000000"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crcText(crc uint32) string { return fmt.Sprintf("%08x", crc) }

// entry is a tensor in a header.
type entry struct {
	name       string
	dtype      dtype
	shape      tensor.Shape
	begin, end int64 // from the start of the data
	isInt      bool  // an int64 that was an int
	crc        uint32
}

// variable returns the entry's name, dtype and shape as the caller knows them.
func (e *entry) variable() Variable {
	dt := e.dtype.of
	if e.isInt {
		dt = tensor.Int
	}
	return Variable{Name: e.name, Dtype: dt, Shape: e.shape}
}

// header is the part of a file before the data.
type header struct {
	entries  []entry // by begin
	metadata map[string]string
	step     int64
	hasStep  bool
	// checked says that the file has checksums: that it is one of ours.
	checked bool
	size    int64 // of the whole header, the length field included
}

// sortEntries puts tensors in their order in a file, and sets where their data is.
func sortEntries(entries []entry) error {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(b.dtype.rank-a.dtype.rank, strings.Compare(a.name, b.name))
	})
	var at int64
	for i := range entries {
		e := &entries[i]
		n, ok := bytesOf(e.shape, e.dtype.size)
		if !ok || at+n < at {
			return fmt.Errorf("tensor %q of shape %v is too large", e.name, e.shape)
		}
		e.begin, e.end = at, at+n
		at += n
	}
	return nil
}

// encode returns the bytes of the header: the length field, the JSON text, and spaces
// to a multiple of 8.
func (h *header) encode() ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteString(headerStart + noCRC + `"`)
	own := map[string]string{keyVersion: strconv.Itoa(formatVersion), keyStep: strconv.FormatInt(h.step, 10), keyCRCs: h.crcs()}
	if ints := h.ints(); len(ints) > 0 {
		text, err := json.Marshal(ints)
		if err != nil {
			return nil, err
		}
		own[keyInts] = string(text)
	}
	for _, m := range []map[string]string{own, h.metadata} {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			b.WriteByte(',')
			writeString(&b, key)
			b.WriteByte(':')
			writeString(&b, m[key])
		}
	}
	b.WriteByte('}')
	for _, e := range h.entries {
		b.WriteByte(',')
		writeString(&b, e.name)
		fmt.Fprintf(&b, `:{"dtype":"%s","shape":[`, e.dtype.name)
		for i, n := range e.shape {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Itoa(n))
		}
		fmt.Fprintf(&b, `],"data_offsets":[%d,%d]}`, e.begin, e.end)
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	raw := b.Bytes()
	if len(raw)-8 > maxHeader {
		return nil, fmt.Errorf("names and metadata take %d bytes, more than %d", len(raw)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(raw, uint64(len(raw)-8))
	copy(raw[8+len(headerStart):], crcText(crc32.Checksum(raw, castagnoli)))
	return raw, nil
}

// byName returns the entries in ascending order of their names: the order of crcs.
func (h *header) byName() []*entry {
	sorted := make([]*entry, len(h.entries))
	for i := range h.entries {
		sorted[i] = &h.entries[i]
	}
	slices.SortFunc(sorted, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	return sorted
}

func (h *header) crcs() string {
	texts := make([]string, 0, len(h.entries))
	for _, e := range h.byName() {
		texts = append(texts, crcText(e.crc))
	}
	return strings.Join(texts, " ")
}

func (h *header) ints() (names []string) {
	for _, e := range h.byName() {
		if e.isInt {
			names = append(names, e.name)
		}
	}
	return names
}

// writeString writes s as a JSON string. s is valid UTF-8.
func writeString(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string and a buffer cannot fail
	b.Truncate(b.Len() - 1)
}

// readHeader reads and checks the header of a file of the given size.
func readHeader(r io.ReaderAt, size int64, path string) (*header, error) {
	var length [8]byte
	if size < 8 {
		return nil, corrupt(path, "it has %d bytes, a header has 8 and more", size)
	}
	if err := readAt(r, length[:], 0, path); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, corrupt(path, "its header says that it has %d bytes, but the file has %d and a header at most %d", n, size-8, maxHeader)
	}
	raw := make([]byte, 8+n)
	if err := readAt(r, raw, 0, path); err != nil {
		return nil, err
	}
	h := &header{size: int64(len(raw)), metadata: map[string]string{}}
	var problem error
	if h.checked, problem = checkHeaderCRC(raw); problem == nil {
		problem = h.parse(raw[8:])
	}
	if problem == nil {
		problem = h.layout(size - h.size)
	}
	if problem == nil {
		problem = h.ownMetadata()
	}
	if problem != nil {
		return nil, corrupt(path, "%v", problem)
	}
	return h, nil
}

// readAt fills p. Too few bytes are corruption; another error is the disk's.
func readAt(r io.ReaderAt, p []byte, off int64, path string) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == io.EOF || err == nil {
		return corrupt(path, "it ends at byte %d, expected %d bytes more", off+int64(n), len(p)-n)
	}
	return fmt.Errorf("saver: reading %s: %w", path, err)
}

// checkHeaderCRC verifies the checksum of a header of ours. A file of another program
// has none.
func checkHeaderCRC(raw []byte) (ours bool, err error) {
	text := raw[8:]
	if !bytes.HasPrefix(text, []byte(headerStart)) {
		return false, nil
	}
	at := 8 + len(headerStart)
	if len(raw) < at+len(noCRC) {
		return true, fmt.Errorf("its header ends within its checksum")
	}
	want := string(raw[at : at+len(noCRC)])
	crc := crc32.Update(0, castagnoli, raw[:at])
	crc = crc32.Update(crc, castagnoli, []byte(noCRC))
	crc = crc32.Update(crc, castagnoli, raw[at+len(noCRC):])
	if got := crcText(crc); got != want {
		return true, fmt.Errorf("its header has checksum %s, expected %q", got, want)
	}
	return true, nil
}

// ownMetadata takes the package's own keys out of the metadata.
func (h *header) ownMetadata() error {
	own := map[string]string{}
	for key, value := range h.metadata {
		if strings.HasPrefix(key, reserved) {
			own[key] = value
			delete(h.metadata, key)
		}
	}
	if !h.checked {
		if len(own) > 0 {
			return fmt.Errorf("its metadata has keys of Stheno, but the header's checksum is not at its start: it is damaged, or another program rewrote it and kept the metadata")
		}
		return nil
	}
	version, err := strconv.Atoi(own[keyVersion])
	if err != nil || version < 1 {
		return fmt.Errorf("metadata %q is %q, expected a number from 1", keyVersion, own[keyVersion])
	}
	if version > formatVersion {
		return fmt.Errorf("metadata %q is %d: it was written by a newer version of Stheno, this one reads up to %d", keyVersion, version, formatVersion)
	}
	if h.step, err = strconv.ParseInt(own[keyStep], 10, 64); err != nil || h.step < 0 {
		return fmt.Errorf("metadata %q is %q, expected a number from 0", keyStep, own[keyStep])
	}
	h.hasStep = true
	crcs := strings.Fields(own[keyCRCs])
	if len(crcs) != len(h.entries) {
		return fmt.Errorf("metadata %q has %d checksums, the file has %d tensors", keyCRCs, len(crcs), len(h.entries))
	}
	var ints []string
	if text, ok := own[keyInts]; ok {
		if err := json.Unmarshal([]byte(text), &ints); err != nil {
			return fmt.Errorf("metadata %q: %w", keyInts, err)
		}
	}
	for i, e := range h.byName() {
		crc, err := strconv.ParseUint(crcs[i], 16, 32)
		if err != nil || len(crcs[i]) != len(noCRC) {
			return fmt.Errorf("metadata %q has %q for tensor %q, expected 8 hexadecimal digits", keyCRCs, crcs[i], e.name)
		}
		e.crc = uint32(crc)
		if _, e.isInt = slices.BinarySearch(ints, e.name); e.isInt && e.dtype.of != tensor.Int64 {
			return fmt.Errorf("metadata %q has tensor %q, which is %s, expected I64", keyInts, e.name, e.dtype.name)
		}
	}
	return nil
}

// layout puts the entries in the order of their data and checks that they fill all of
// it, without a gap or an overlap.
func (h *header) layout(size int64) error {
	slices.SortFunc(h.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), strings.Compare(a.name, b.name))
	})
	var at int64
	for _, e := range h.entries {
		n, ok := bytesOf(e.shape, e.dtype.size)
		switch {
		case !ok || e.end-e.begin != n:
			return fmt.Errorf("tensor %q of dtype %s and shape %v is at [%d, %d], which has another size", e.name, e.dtype.name, e.shape, e.begin, e.end)
		case e.begin < at:
			return fmt.Errorf("tensor %q begins at %d, inside another that ends at %d", e.name, e.begin, at)
		case e.begin > at:
			return fmt.Errorf("nothing is said of the data from %d to %d, before tensor %q", at, e.begin, e.name)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("its tensors take %d bytes, the file has %d", at, size)
	}
	return nil
}
