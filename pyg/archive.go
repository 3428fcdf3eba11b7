package pyg

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/bits"
	"strings"
)

// maxExpanded is how many elements a tensor may have beyond those stored for
// it (expand repeats them with a stride of 0): more is a bomb.
const maxExpanded = 1 << 20

// saveAgain is the remedy of a file that torch.save did not write so.
const saveAgain = "save it with torch.save(data, path)"

// archive is a zip as torch.save writes it. Nothing in it is trusted.
type archive struct {
	size    int64
	prefix  string // the folder that holds all entries, such as "archive/"
	entries map[string]*zip.File
}

func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	var magic [2]byte
	if _, err := r.ReadAt(magic[:], 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("reading the first bytes: %w", err)
	}
	if magic[0] == 0x80 {
		return nil, invalid("the file is a bare pickle, as old PyTorch wrote").Fix("save it with torch.save(data, path) of PyTorch 1.6 or newer")
	}
	z, err := zip.NewReader(within{r, size}, size)
	if err != nil {
		return nil, damaged("reading the zip directory", err)
	}
	a := &archive{size: size, entries: make(map[string]*zip.File, len(z.File))}
	for _, f := range z.File {
		if _, twice := a.entries[f.Name]; twice {
			return nil, invalid("the zip has two entries %.80q", f.Name).Fix(saveAgain)
		}
		a.entries[f.Name] = f
		if prefix, ok := strings.CutSuffix(f.Name, "data.pkl"); ok && strings.Count(prefix, "/") == 1 && strings.HasSuffix(prefix, "/") {
			if a.prefix != "" {
				return nil, invalid("the zip holds both %.80q and %.80q", a.prefix+"data.pkl", f.Name).Fix(saveAgain)
			}
			a.prefix = prefix
		}
	}
	if a.prefix == "" {
		return nil, invalid("the zip holds no data.pkl: it was not written by torch.save").Fix(saveAgain)
	}
	if a.entries[a.prefix+"constants.pkl"] != nil {
		return nil, invalid("the file is a TorchScript archive").Fix("save the data with torch.save(data, path)")
	}
	if a.entries[a.prefix+"byteorder"] != nil {
		order, err := a.read("byteorder", 16)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(order, []byte("little")) {
			return nil, invalid("the file has byte order %q", order).Fix("save it on a little-endian machine")
		}
	}
	return a, nil
}

// within rejects a reading outside the file as its bytes' fault: the offsets are
// the zip's own, and a reader's words for a wrong one ("negative offset") do not
// tell it from a disk that fails.
type within struct {
	r    io.ReaderAt
	size int64
}

func (w within) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset > w.size {
		return 0, zip.ErrFormat
	}
	return w.r.ReadAt(p, offset)
}

// damaged words an error of archive/zip: what the file's bytes cause wraps
// ErrInvalid, what reading them causes does not.
func damaged(doing string, err error) error {
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrChecksum) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return invalid("%s: %v: the file is damaged or not of torch.save", doing, err).Fix("save it with torch.save(data, path) of PyTorch 1.6 or newer")
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// entry finds an entry whose bytes lie in the file as they are.
func (a *archive) entry(name string) (*zip.File, error) {
	f := a.entries[a.prefix+name]
	if f == nil {
		return nil, invalid("the zip lacks the entry %.80q", a.prefix+name).Fix(saveAgain)
	}
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 {
		return nil, invalid("the zip's entry %.80q is compressed: torch.save stores entries as they are", f.Name).Fix(saveAgain)
	}
	at, err := f.DataOffset()
	if err != nil {
		return nil, damaged("finding entry "+name, err)
	}
	if at > a.size || f.UncompressedSize64 > uint64(a.size-at) {
		return nil, invalid("the zip's entry %.80q claims %d bytes, more than the file has", f.Name, f.UncompressedSize64).Fix(saveAgain)
	}
	return f, nil
}

// read gives an entry's bytes, at most limit.
func (a *archive) read(name string, limit int) ([]byte, error) {
	f, err := a.entry(name)
	if err != nil {
		return nil, err
	}
	if f.UncompressedSize64 > uint64(limit) {
		return nil, invalid("the zip's entry %.80q has %d bytes, more than %d", f.Name, f.UncompressedSize64, limit).Fix(saveAgain)
	}
	return readRange(f, 0, int64(f.UncompressedSize64))
}

// readRange gives n bytes from an offset on, which entry has to hold. It reads
// the entry to its end, for only then is its checksum compared.
func readRange(f *zip.File, offset, n int64) ([]byte, error) {
	doing := fmt.Sprintf("reading entry %.80q", f.Name)
	r, err := f.Open()
	if err != nil {
		return nil, damaged(doing, err)
	}
	defer r.Close()
	b := make([]byte, n)
	if _, err = io.CopyN(io.Discard, r, offset); err == nil {
		if _, err = io.ReadFull(r, b); err == nil {
			_, err = io.Copy(io.Discard, r)
		}
	}
	if err != nil {
		return nil, damaged(doing, err)
	}
	return b, nil
}

// load gives the elements of t, row-major, converted. All that t claims is
// checked against the file before memory is taken.
func load[T any](a *archive, name string, t *tensorRef, convert func(b []byte) T) ([]T, error) {
	numel, err := product(t.shape)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := a.entry("data/" + t.key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if stored := f.UncompressedSize64 / uint64(t.dtype.size); uint64(t.numel) > stored {
		return nil, invalid("%s: its storage claims %d values of %s, entry %.80q holds %d", name, t.numel, t.dtype.name, f.Name, stored).Fix(saveAgain)
	}
	if numel == 0 {
		return []T{}, nil
	}
	last, inside := t.last()
	if !inside {
		return nil, invalid("%s: size %v and stride %v from element %d on reach beyond its storage of %d", name, t.shape, t.strides, t.offset, t.numel).Fix(saveAgain)
	}
	span := last - t.offset + 1
	if numel-span > maxExpanded {
		return nil, invalid("%s repeats %d stored values to %d", name, span, numel).Fix("save it after .contiguous()")
	}
	size := int(t.dtype.size)
	b, err := readRange(f, int64(t.offset*size), int64(span*size))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	values := make([]T, 0, numel)
	for at := range positions(t.shape, t.strides) {
		values = append(values, convert(b[at*size:][:size]))
	}
	return values, nil
}

// last is where in its storage a tensor's last element lies, and whether that
// is inside. No dimension is empty.
func (t *tensorRef) last() (int, bool) {
	at := uint64(t.offset)
	for i, size := range t.shape {
		high, low := bits.Mul64(uint64(size-1), uint64(t.strides[i]))
		if high != 0 || low >= uint64(t.numel) {
			return 0, false
		}
		if at += low; at >= uint64(t.numel) {
			return 0, false
		}
	}
	return int(at), at < uint64(t.numel)
}

// positions yields how far each element lies after the first, row-major. No
// dimension is empty.
func positions(shape, strides []int) iter.Seq[int] {
	return func(yield func(int) bool) {
		index, at := make([]int, len(shape)), 0
		for yield(at) {
			d := len(shape) - 1
			for ; d >= 0; d-- {
				if index[d]++; index[d] < shape[d] {
					at += strides[d]
					break
				}
				index[d] = 0
				at -= (shape[d] - 1) * strides[d]
			}
			if d < 0 {
				return
			}
		}
	}
}
