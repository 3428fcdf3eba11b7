package pyg

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// zipAt is a zip of one entry, archive/data.pkl, whose directory says that it
// lies at offset; it is a record of zip64, where the offset has 64 bits.
func zipAt(offset uint64) []byte {
	const name = "archive/data.pkl"
	u16 := func(b []byte, v ...uint16) []byte {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint16(b, x)
		}
		return b
	}
	u32 := func(b []byte, v ...uint32) []byte {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, x)
		}
		return b
	}
	local := append(u16(u32(u16(u32(nil, 0x04034b50), 45, 0, 0, 0, 0), 0, 4, 4), uint16(len(name)), 0), name+"data"...)
	directory := u32(u16(u32(u16(u32(nil, 0x02014b50), 45, 45, 0, 0, 0, 0), 0, 4, 4), uint16(len(name)), 12, 0, 0, 0), 0, 0xffffffff)
	directory = append(directory, name...)
	directory = binary.LittleEndian.AppendUint64(u16(directory, 1, 8), offset)
	end := u16(u32(u16(u32(nil, 0x06054b50), 0, 0, 1, 1), uint32(len(directory)), uint32(len(local))), 0)
	return append(append(local, directory...), end...)
}

func TestAnEntryOutsideTheFileIsInvalidWhereverItIsReadFrom(t *testing.T) {
	for name, offset := range map[string]uint64{
		"before its start":      1 << 63,
		"long before its start": 1<<64 - 1,
		"behind its end":        1 << 40,
		"far behind its end":    1<<63 - 1,
	} {
		file := zipAt(offset)
		path := filepath.Join(t.TempDir(), "data.pt")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		onDisk, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer onDisk.Close()
		for from, r := range map[string]io.ReaderAt{"memory": bytes.NewReader(file), "disk": onDisk} {
			if _, err := Load(r, int64(len(file))); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s, from %s: %v is no ErrInvalid", name, from, err)
			}
		}
	}
	if _, err := zip.NewReader(bytes.NewReader(zipAt(0)), int64(len(zipAt(0)))); err != nil {
		t.Fatalf("the test's zip itself is none: %v", err)
	}
}

// A disk that fails is not the file's fault.
func TestAFailureToReadIsNotInvalid(t *testing.T) {
	broken := errors.New("input/output error")
	if _, err := Load(badDisk{broken}, 1<<20); !errors.Is(err, broken) || errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

type badDisk struct{ err error }

func (d badDisk) ReadAt([]byte, int64) (int, error) { return 0, d.err }
