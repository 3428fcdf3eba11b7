package pyg

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
)

// alignment of a storage's first byte within the file, as torch.save has it,
// so that torch.load(mmap=True) and SIMD code may use the bytes in place.
const alignment = 64

// Save writes d as torch.save would: an uncompressed zip that torch.load opens
// with its defaults (weights_only=True). Equal input gives equal bytes. Values
// are streamed: no storage is copied as a whole, and storages and file may
// pass 4 GiB. After an error, w holds a part of a file. Errors about d wrap
// ErrInvalid and name the key.
func Save(w io.Writer, d *Dict) error {
	var p pickler
	p.op(opProto, 2)
	if err := p.value("dict", d, 0); err != nil {
		return fmt.Errorf("pickling: %w", err)
	}
	p.op(opStop)

	out := &counter{w: w}
	a := archiveWriter{zip: zip.NewWriter(out), out: out}
	a.bytes("data.pkl", p.buf)
	// PyTorch 2.11 writes .format_version too, a promise that offsets follow
	// from sizes by the rules of its own zip writer. Past 4 GiB these are not
	// archive/zip's, so it is left out, and torch.load reads the offsets from
	// the file, as it does for files of older versions.
	a.bytes(".storage_alignment", []byte(strconv.Itoa(alignment)))
	a.bytes("byteorder", []byte("little"))
	for i, s := range p.storages {
		a.entry("data/"+strconv.Itoa(i), int64(s.numel)*s.dtype.size, func(w io.Writer) error {
			if err := s.write(w, s.numel); err != nil {
				return fmt.Errorf("writing tensor %s: %w", s.path, err)
			}
			return nil
		})
	}
	a.bytes("version", []byte("3\n"))
	if a.err != nil {
		return a.err
	}
	if err := a.zip.Close(); err != nil {
		return fmt.Errorf("writing the zip directory: %w", err)
	}
	return nil
}

// archiveWriter writes the entries of PyTorch's zip, each aligned. The first
// error stays in err and ends all writing.
type archiveWriter struct {
	zip        *zip.Writer
	out        *counter
	descriptor int64 // size of the data descriptor that archive/zip still owes the last entry
	err        error
}

func (a *archiveWriter) bytes(name string, b []byte) {
	a.entry(name, int64(len(b)), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

func (a *archiveWriter) entry(name string, size int64, write func(io.Writer) error) {
	if a.err == nil {
		if err := a.writeEntry("archive/"+name, size, write); err != nil {
			a.err = fmt.Errorf("writing entry %s: %w", name, err)
		}
	}
}

func (a *archiveWriter) writeEntry(name string, size int64, write func(io.Writer) error) error {
	const localHeader, extraHeader = 30, 4
	if err := a.zip.Flush(); err != nil {
		return err
	}
	start := a.out.n + a.descriptor + localHeader + int64(len(name)) + extraHeader
	padding := int(-start & (alignment - 1))
	extra := le.AppendUint16([]byte("FB"), uint16(padding)) // the field PyTorch pads with
	extra = append(extra, bytes.Repeat([]byte("Z"), padding)...)

	// Without a time, as in PyTorch's: the bytes depend on the content alone.
	w, err := a.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Extra: extra})
	if err != nil {
		return err
	}
	if err := a.zip.Flush(); err != nil {
		return err
	}
	if a.out.n%alignment != 0 {
		return fmt.Errorf("its bytes would start at %d, which is not a multiple of %d", a.out.n, alignment)
	}
	a.descriptor = 16
	if size >= math.MaxUint32 {
		a.descriptor = 24
	}
	return write(w)
}

// counter counts the bytes that passed to w.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
