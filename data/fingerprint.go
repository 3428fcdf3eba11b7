package data

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
)

// Fingerprint is the SHA-256 (hex) of all that a training reads of d: nodes,
// features, parts, times, values, labels and edges. Two datasets of one
// fingerprint train the same model.
func (d *Dataset) Fingerprint() string {
	hash := sha256.New()
	w := bufio.NewWriterSize(hash, 1<<16)
	// Each list is preceded by its length, so that no two datasets run together.
	fmt.Fprintf(w, "%q %q %q %d %d %v\n", d.Symbols, d.Features, d.Splits, d.Interval, d.Horizon, d.static)
	write(w, d.openTime)
	write(w, d.x)
	write(w, d.mask)
	write(w, d.y)
	write(w, d.ret)
	write(w, d.rows)
	for _, e := range d.edges {
		write(w, e.RowPtr)
		write(w, e.Sources)
		write(w, e.Weight)
		write(w, e.Attr)
	}
	_ = w.Flush() // a hash takes everything
	return hex.EncodeToString(hash.Sum(nil))
}

// write puts the length and the values of a list, little-endian. w is a hash,
// which takes everything.
func write[E bool | int32 | int64 | float32](w io.Writer, list []E) {
	const chunk = 16 << 10
	_ = binary.Write(w, binary.LittleEndian, int64(len(list)))
	var buffer []byte
	for len(list) > 0 {
		n := min(chunk, len(list))
		buffer, _ = binary.Append(buffer[:0], binary.LittleEndian, list[:n])
		_, _ = w.Write(buffer)
		list = list[n:]
	}
}
