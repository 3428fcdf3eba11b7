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
// features and their scale, splits, times, values, labels and edges. Two datasets of one
// fingerprint train the same model.
func (d *Dataset) Fingerprint() string {
	return fingerprint(func(w io.Writer) {
		fmt.Fprintf(w, "%q %s %d\n", d.Splits, d.Targets.Horizons, d.Targets.delay)
		d.Panel.write(w)
		for _, list := range [][]float32{d.Low, d.High, d.Mean, d.Std} {
			write(w, list)
		}
		write(w, d.Targets.class)
		write(w, d.Targets.value)
		write(w, d.evalMask)
		if d.Targets.relative != nil { // the direction task's fingerprints stay what they were
			fmt.Fprintf(w, "%s\n", d.Targets.task)
			write(w, d.Targets.relative)
		}
	})
}

// Fingerprint is the SHA-256 (hex) of all that the panel holds.
func (p *Panel) Fingerprint() string { return fingerprint(p.write) }

// write puts the panel's values. Each list is preceded by its length, so that no
// two panels run together.
func (p *Panel) write(w io.Writer) {
	fmt.Fprintf(w, "%q %q %d %v\n", p.Symbols, p.Features, p.Axis.Interval, p.static)
	write(w, p.openTime)
	write(w, p.x)
	write(w, p.mask)
	for _, list := range append([][]Edges{p.edges}, p.more...) {
		for t, e := range list {
			if t > 0 && len(e.Sources) > 0 && e.is(list[t-1]) {
				write(w, []int64{int64(t)}) // once is enough
				continue
			}
			write(w, e.RowPtr)
			write(w, e.Sources)
			write(w, e.Weight)
			write(w, e.Attr)
		}
	}
}

func fingerprint(write func(io.Writer)) string {
	hash := sha256.New()
	w := bufio.NewWriterSize(hash, 1<<16)
	write(w)
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
