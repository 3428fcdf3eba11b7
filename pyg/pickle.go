package pyg

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// Opcodes of Python's pickle, protocols 2 to 5, as far as torch.save emits
// them for tensors, and for the objects that people keep beside them (CPython's Lib/pickletools.py describes each).
const (
	opMark            = '('
	opStop            = '.'
	opBinFloat        = 'G'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opNone            = 'N'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opBinUnicode      = 'X'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opAppends         = 'e'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opSetItems        = 'u'
	opEmptyDict       = '}'
	opEmptyList       = ']'
	opEmptyTuple      = ')'
	opProto           = 0x80
	opNewObj          = 0x81
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opLong4           = 0x8b
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinBytes8       = 0x8e
	opEmptySet        = 0x8f
	opAddItems        = 0x90
	opFrozenSet       = 0x91
	opNewObjEx        = 0x92
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
	opByteArray8      = 0x96
)

// maxDepth is how deep dicts and lists may nest when written; it catches a
// Dict that holds itself.
const maxDepth = 64

// pickler writes protocol 2, which torch.save uses and torch.load accepts with
// weights_only=True. It memoises nothing: its dicts hold few repeated values.
type pickler struct {
	buf      []byte
	storages []storage // in order of their keys 0, 1, ...
}

// storage is a tensor whose values go into an entry of its own.
type storage struct {
	Tensor
	path  string // where in the dict it is, such as data.x
	numel int
}

func (p *pickler) op(code byte, args ...byte) { p.buf = append(append(p.buf, code), args...) }

func (p *pickler) value(path string, v any, depth int) error {
	if depth > maxDepth {
		return invalid("%s nests deeper than %d levels", path, maxDepth)
	}
	switch v := v.(type) {
	case nil:
		p.op(opNone)
	case bool:
		p.bool(v)
	case int:
		p.int(int64(v))
	case int64:
		p.int(v)
	case float64:
		p.op(opBinFloat)
		p.buf = binary.BigEndian.AppendUint64(p.buf, math.Float64bits(v))
	case string:
		return p.string(path, v)
	case Tensor:
		return p.tensor(path, v)
	case *Dict:
		return p.dict(path, v, depth)
	case []string:
		return list(p, path, v, depth)
	case []int:
		return list(p, path, v, depth)
	case []int64:
		return list(p, path, v, depth)
	case []float64:
		return list(p, path, v, depth)
	case []any:
		return list(p, path, v, depth)
	default:
		return invalid("%s holds a %T, which no plain dict of tensors holds", path, v)
	}
	return nil
}

func (p *pickler) bool(v bool) {
	if v {
		p.op(opNewTrue)
	} else {
		p.op(opNewFalse)
	}
}

func (p *pickler) int(v int64) {
	switch {
	case v >= 0 && v <= math.MaxUint8:
		p.op(opBinInt1, byte(v))
	case v >= math.MinInt32 && v <= math.MaxInt32:
		p.op(opBinInt)
		p.buf = le.AppendUint32(p.buf, uint32(int32(v)))
	default:
		p.op(opLong1, 8)
		p.buf = le.AppendUint64(p.buf, uint64(v))
	}
}

func (p *pickler) string(path, s string) error {
	if !utf8.ValidString(s) || len(s) > math.MaxInt32 {
		return invalid("%s holds %.40q, which is not a UTF-8 string", path, s)
	}
	p.op(opBinUnicode)
	p.buf = append(le.AppendUint32(p.buf, uint32(len(s))), s...)
	return nil
}

func (p *pickler) global(module, name string) {
	p.op(opGlobal)
	p.buf = fmt.Appendf(p.buf, "%s\n%s\n", module, name)
}

func (p *pickler) ints(v []int) {
	p.op(opMark)
	for _, i := range v {
		p.int(int64(i))
	}
	p.op(opTuple)
}

func list[T any](p *pickler, path string, items []T, depth int) error {
	p.op(opEmptyList)
	p.op(opMark)
	for i, item := range items {
		if err := p.value(fmt.Sprintf("%s[%d]", path, i), item, depth+1); err != nil {
			return err
		}
	}
	p.op(opAppends)
	return nil
}

func (p *pickler) dict(path string, d *Dict, depth int) error {
	if d == nil {
		return invalid("%s is a nil *Dict", path)
	}
	p.op(opEmptyDict)
	p.op(opMark)
	for key, v := range d.All() {
		if err := p.string("a key of "+path, key); err != nil {
			return err
		}
		if err := p.value(path+"."+key, v, depth+1); err != nil {
			return err
		}
	}
	p.op(opSetItems)
	return nil
}

// tensor writes what Tensor.__reduce_ex__ of PyTorch gives:
// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks).
func (p *pickler) tensor(path string, t Tensor) error {
	if t.dtype == nil {
		return invalid("%s is the zero Tensor", path).Fix("make it with NewTensor or StreamTensor")
	}
	numel, err := t.numel()
	if err != nil {
		return fmt.Errorf("tensor %s: %w", path, err)
	}
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.op(opMark)
	p.op(opMark)
	_ = p.string(path, "storage") // constant strings are UTF-8
	p.global("torch", t.dtype.storage)
	_ = p.string(path, strconv.Itoa(len(p.storages)))
	_ = p.string(path, "cpu")
	p.int(int64(numel))
	p.op(opTuple)
	p.op(opBinPersID)
	p.int(0)
	p.ints(t.shape)
	p.ints(rowMajor(t.shape))
	p.bool(false)
	p.global("collections", "OrderedDict")
	p.op(opEmptyTuple)
	p.op(opReduce)
	p.op(opTuple)
	p.op(opReduce)
	p.storages = append(p.storages, storage{t, path, numel})
	return nil
}
