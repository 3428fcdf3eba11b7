package parquetfile

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestAFooterLongerThanItsFileIsRefused(t *testing.T) {
	for size, right := range map[int]bool{0: false, 11: false, 12: true, 100: true} {
		file := bytes.Repeat([]byte{7}, size)
		for _, footer := range []int{0, size - 12, size - 11, 1<<32 - 1} {
			if size >= 12 && footer >= 0 {
				binary.LittleEndian.PutUint32(file[size-8:], uint32(footer))
			}
			err := CheckFooter(bytes.NewReader(file), int64(size))
			if want := right && footer <= size-12; size >= 12 && (err == nil) != want || size < 12 && err == nil {
				t.Errorf("%d bytes, a footer of %d: %v", size, footer, err)
			}
		}
	}
}
