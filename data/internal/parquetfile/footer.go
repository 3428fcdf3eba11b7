// Package parquetfile looks at Parquet files before parquet-go reads them.
package parquetfile

import (
	"encoding/binary"
	"fmt"
	"io"
)

// CheckFooter holds the footer's length, as a file of size bytes tells it,
// against that size: the library allocates what is told before it reads.
func CheckFooter(r io.ReaderAt, size int64) error {
	const frame = 12 // the magic bytes on either end, and the length
	var tail [8]byte
	if size < frame {
		return fmt.Errorf("it is %d bytes long", size)
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	if length := int64(binary.LittleEndian.Uint32(tail[:])); length > size-frame {
		return fmt.Errorf("its footer claims %d of its %d bytes", length, size)
	}
	return nil
}
