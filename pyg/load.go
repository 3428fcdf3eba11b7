package pyg

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Loaded is a plain dict of tensors and texts in an open file. Tensors are
// read when asked for.
type Loaded struct {
	archive *archive
	dict    *pyDict
}

// Load opens a file that Save, or torch.save of a plain dict, wrote. The file
// is not trusted: no code in it runs, and memory stays in proportion to size.
// r must stay open while values are read. Errors about its content, here and
// of the methods, wrap ErrInvalid.
func Load(r io.ReaderAt, size int64) (*Loaded, error) {
	a, v, err := open(r, size)
	if err != nil {
		return nil, err
	}
	dict, ok := v.(*pyDict)
	if !ok {
		return nil, invalid("the file holds %s, and a dict is needed", describe(v))
	}
	return &Loaded{a, dict}, nil
}

// Keys are those of the dict that are strings, in its order.
func (l *Loaded) Keys() []string {
	var keys []string
	for _, e := range l.dict.entries {
		if key, ok := e.key.(string); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// Text is the string under key.
func (l *Loaded) Text(key string) (string, error) {
	s, ok := l.dict.get(key).(string)
	if !ok {
		return "", invalid("%s is %s, and a string is needed", key, describe(l.dict.get(key)))
	}
	return s, nil
}

// ReadTensor gives the values of the tensor under key, row-major, and its
// shape. Its dtype must be the one that T equals.
func ReadTensor[T Element](l *Loaded, key string) (values []T, shape []int, err error) {
	t, ok := l.dict.get(key).(*tensorRef)
	want := dtypeOf[T]()
	if !ok || t.dtype != want {
		return nil, nil, invalid("%s is %s, and a tensor of %s is needed", key, describe(l.dict.get(key)), want.name)
	}
	values, err = load(l.archive, key, t, func(b []byte) (v T) {
		// The dtype's size is T's: Decode has what it needs.
		_, _ = binary.Decode(b, le, &v)
		return v
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", key, err)
	}
	return values, t.shape, nil
}
