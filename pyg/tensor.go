package pyg

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// Element is a Go type that a PyTorch dtype equals.
type Element interface {
	bool | uint8 | int32 | int64 | float32 | float64
}

// Tensor is a dense tensor on its way into a file, row-major.
type Tensor struct {
	dtype *dtype
	shape []int
	held  int // values in memory; -1: they come in chunks
	write func(w io.Writer, numel int) error
}

// NewTensor makes a tensor of values, which it aliases. Without a shape it is
// a scalar of one value. Save fails if values do not fill the shape.
func NewTensor[T Element](values []T, shape ...int) Tensor {
	t := StreamTensor(func(yield func([]T) bool) { yield(values) }, shape...)
	t.held = len(values)
	return t
}

// StreamTensor makes a tensor whose values come chunk after chunk while Save
// writes them, so that they never have to be in memory together. A chunk is
// done with when the next one is asked for. Save fails if all chunks together
// do not fill the shape.
func StreamTensor[T Element](chunks iter.Seq[[]T], shape ...int) Tensor {
	return Tensor{
		dtype: dtypeOf[T](),
		shape: slices.Clone(shape),
		held:  -1,
		write: func(w io.Writer, numel int) error {
			var buf []byte
			written := 0
			for chunk := range chunks {
				if written += len(chunk); written > numel {
					return invalid("its chunks hold more than the %d values of shape %s", numel, shapeString(shape))
				}
				for part := range slices.Chunk(chunk, 16<<10) {
					var err error
					if buf, err = binary.Append(buf[:0], le, part); err != nil {
						return err
					}
					if _, err := w.Write(buf); err != nil {
						return err
					}
				}
			}
			if written < numel {
				return invalid("its chunks hold %d values, shape %s needs %d", written, shapeString(shape), numel)
			}
			return nil
		},
	}
}

func dtypeOf[T Element]() *dtype {
	switch any(*new(T)).(type) {
	case bool:
		return boolType
	case uint8:
		return uint8Type
	case int32:
		return int32Type
	case int64:
		return int64Type
	case float32:
		return float32Type
	default:
		return float64Type
	}
}

// numel is the number of values that fill the shape.
func (t Tensor) numel() (int, error) {
	n, err := product(t.shape)
	if err == nil && t.held >= 0 && t.held != n {
		err = invalid("%d values do not fill shape %s, which needs %d", t.held, shapeString(t.shape), n)
	}
	return n, err
}

// product is the number of elements of a shape. It fails on a negative size
// and on a product, of the sizes other than 0, beyond an int.
func product(shape []int) (int, error) {
	all, empty := uint64(1), false
	for _, size := range shape {
		if size < 0 {
			return 0, invalid("shape %s has a negative size", shapeString(shape))
		}
		if size == 0 {
			empty = true
			continue
		}
		high, low := bits.Mul64(all, uint64(size))
		if high != 0 || low > 1<<56 {
			return 0, invalid("shape %s has more elements than fit in memory", shapeString(shape))
		}
		all = low
	}
	if empty {
		return 0, nil
	}
	return int(all), nil
}

// rowMajor are the strides, in elements, of a contiguous tensor, as PyTorch
// gives them: a size of 0 counts as 1.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for i, size := range slices.Backward(shape) {
		strides[i] = step
		step *= max(size, 1)
	}
	return strides
}

// Dict is a Python dict with string keys that keeps the order of insertion.
// Values are Tensor, *Dict, string, bool, int, int64, float64, nil, or a slice
// of those: []string, []int, []int64, []float64, []any. The zero Dict is empty
// and ready to use.
type Dict struct {
	keys   []string
	values map[string]any
}

// Set adds a value, or replaces the one of that key in its place.
func (d *Dict) Set(key string, value any) {
	if d.values == nil {
		d.values = map[string]any{}
	}
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = value
}

// All yields keys and values in order.
func (d *Dict) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, key := range d.keys {
			if !yield(key, d.values[key]) {
				return
			}
		}
	}
}

// shapeString writes a shape as PyTorch does: [2, 3].
func shapeString(shape []int) string {
	return strings.ReplaceAll(fmt.Sprint(shape), " ", ", ")
}
