package pyg

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Limits on one pickle, which bound its memory to about 100 bytes for each of
// its own. A Data with half a million symbols stays below them.
const (
	maxPickle     = 32 << 20 // bytes of data.pkl
	maxOperations = 2 << 20
	maxDims       = 8 // of a tensor
)

// What a pickle may hold, beside nil, bool, int64, float64 and string.
type (
	tuple []any

	// pyList is a list or a set. It may hold itself.
	pyList struct{ items []any }

	// pyDict keeps entries as they came: keys may be objects, which do not hash.
	pyDict struct{ entries []pyEntry }

	pyEntry struct{ key, value any }

	// global names a class or a function.
	global struct{ module, name string }

	// object is an instance of a PyG class, or an enum's member, or a foreign
	// value; state is its __dict__, nil where there is none.
	object struct {
		class  global
		state  *pyDict
		args   tuple // what a foreign one was made of
		built  tuple // the state of a foreign one that has no __dict__, such as an array's shape and dtype
		tensor bool  // a foreign one is of some class of tensors
	}

	// storageRef points at the entry data/key of the archive.
	storageRef struct {
		key   string
		dtype *dtype
		numel int
	}

	// tensorRef is a view of a storage, unchecked: nothing is read yet.
	tensorRef struct {
		storageRef
		offset         int
		shape, strides []int
	}
)

// unpickler runs a pickle without Python: it builds data and calls nothing.
// The first error stays in err and ends the run.
type unpickler struct {
	rest  []byte
	stack []any
	marks []int // stack heights
	memo  map[uint32]any
	err   error
}

// unpickle gives the value that a pickle of torch.save holds. Values of classes
// outside the allow-list are foreign: opaque, and of no use. The error wraps
// ErrInvalid.
func unpickle(b []byte) (any, error) {
	if len(b) > maxPickle {
		return nil, invalid("data.pkl has %d bytes, more than the %d of any graph", len(b), maxPickle).Fix("save tensors, not Python objects")
	}
	u := unpickler{rest: b, memo: map[uint32]any{}}
	for range maxOperations {
		at := len(b) - len(u.rest)
		code := u.take(1)[0]
		if code == opStop && u.err == nil {
			v := u.pop()
			return v, u.err
		}
		u.step(code, at)
		if u.err != nil {
			return nil, u.err
		}
	}
	return nil, invalid("data.pkl takes more than %d operations", maxOperations).Fix("save tensors, not Python objects")
}

func (u *unpickler) step(code byte, at int) {
	switch code {
	case opProto:
		if version := u.take(1)[0]; version < 2 || version > 5 {
			u.fail("data.pkl has pickle protocol %d: torch.save writes 2 to 5", version)
		}
	case opFrame:
		u.take(8) // a hint for readers of streams
	case opNone:
		u.push(nil)
	case opNewTrue, opNewFalse:
		u.push(code == opNewTrue)
	case opBinInt:
		u.push(int64(int32(le.Uint32(u.take(4)))))
	case opBinInt1:
		u.push(int64(u.take(1)[0]))
	case opBinInt2:
		u.push(int64(le.Uint16(u.take(2))))
	case opLong1:
		u.long(uint64(u.take(1)[0]))
	case opLong4:
		u.long(uint64(le.Uint32(u.take(4))))
	case opBinFloat:
		u.push(math.Float64frombits(binary.BigEndian.Uint64(u.take(8))))
	case opBinUnicode:
		u.push(string(u.take(uint64(le.Uint32(u.take(4))))))
	case opShortBinUnicode:
		u.push(string(u.take(uint64(u.take(1)[0]))))
	case opBinUnicode8:
		u.push(string(u.take(le.Uint64(u.take(8)))))
	case opShortBinBytes:
		u.skip(uint64(u.take(1)[0]))
	case opBinBytes:
		u.skip(uint64(le.Uint32(u.take(4))))
	case opBinBytes8, opByteArray8:
		u.skip(le.Uint64(u.take(8)))

	case opMark:
		u.marks = append(u.marks, len(u.stack))
	case opEmptyTuple:
		u.push(tuple{})
	case opTuple1, opTuple2, opTuple3:
		u.push(tuple(u.popN(int(code-opTuple1) + 1)))
	case opTuple:
		u.push(tuple(u.popMark()))
	case opFrozenSet:
		u.push(&pyList{u.popMark()})
	case opEmptyList, opEmptySet:
		u.push(&pyList{})
	case opAppend:
		u.extend(u.popN(1))
	case opAppends, opAddItems:
		u.extend(u.popMark())
	case opEmptyDict:
		u.push(&pyDict{})
	case opSetItem:
		u.setItems(u.popN(2))
	case opSetItems:
		u.setItems(u.popMark())

	case opBinPut:
		u.put(uint32(u.take(1)[0]))
	case opLongBinPut:
		u.put(le.Uint32(u.take(4)))
	case opMemoize:
		u.put(uint32(len(u.memo)))
	case opBinGet:
		u.get(uint32(u.take(1)[0]))
	case opLongBinGet:
		u.get(le.Uint32(u.take(4)))

	case opGlobal:
		module, name := u.line(), u.line()
		u.global(module, name)
	case opStackGlobal:
		names := u.popN(2)
		module, ok1 := names[0].(string)
		name, ok2 := names[1].(string)
		if !ok1 || !ok2 {
			u.fail("data.pkl names a global by something other than strings")
			return
		}
		u.global(module, name)
	case opBinPersID:
		u.persistent(u.pop())
	case opNewObj:
		args := u.popN(2)
		u.newObject(args[0], args[1])
	case opNewObjEx:
		args := u.popN(3)
		u.newObject(args[0], args[1])
	case opReduce:
		args := u.popN(2)
		u.call(args[0], args[1])
	case opBuild:
		u.build(u.pop())
	default:
		u.fail("data.pkl holds pickle operation %#x at byte %d, which torch.save does not write", code, at)
	}
}

func (u *unpickler) fail(format string, a ...any) { u.reject(invalid(format, a...).Fix(saveAgain)) }

func (u *unpickler) reject(err *fault.Error) {
	if u.err == nil {
		u.err = err
	}
}

// take gives the next n bytes, or, having failed, at least eight zeros.
func (u *unpickler) take(n uint64) []byte {
	if n > uint64(len(u.rest)) {
		u.fail("data.pkl is cut short")
		u.rest = nil
		return make([]byte, 8)
	}
	b := u.rest[:n]
	u.rest = u.rest[n:]
	return b
}

// skip passes over bytes, which no tensor or Data holds.
func (u *unpickler) skip(n uint64) {
	u.take(n)
	u.push(&object{class: pyBytes})
}

func (u *unpickler) line() string {
	end := bytes.IndexByte(u.rest, '\n')
	if end < 0 {
		u.fail("data.pkl is cut short")
		return ""
	}
	return string(u.take(uint64(end) + 1)[:end])
}

// long reads a two's complement integer of so many bytes. Those beyond 64 bits stay opaque:
// nothing that is read here needs them.
func (u *unpickler) long(size uint64) {
	b := u.take(size)
	if len(b) > 8 {
		u.push(&object{class: wideInteger})
		return
	}
	var v int64
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		v = -1
	}
	for _, digit := range slices.Backward(b) {
		v = v<<8 | int64(digit)
	}
	u.push(v)
}

func (u *unpickler) push(v any) { u.stack = append(u.stack, v) }

func (u *unpickler) pop() any { return u.popN(1)[0] }

// popN takes the n newest values, in order of age. It does not reach below the
// newest mark. Having failed, it gives n nils.
func (u *unpickler) popN(n int) []any {
	floor := 0
	if len(u.marks) > 0 {
		floor = u.marks[len(u.marks)-1]
	}
	from := len(u.stack) - n
	if from < floor {
		u.fail("data.pkl takes a value from an empty stack")
		return make([]any, n)
	}
	values := slices.Clone(u.stack[from:])
	u.stack = u.stack[:from]
	return values
}

func (u *unpickler) popMark() []any {
	if len(u.marks) == 0 {
		u.fail("data.pkl lacks a mark")
		return nil
	}
	from := u.marks[len(u.marks)-1]
	u.marks = u.marks[:len(u.marks)-1]
	values := slices.Clone(u.stack[from:])
	u.stack = u.stack[:from]
	return values
}

func (u *unpickler) top() any {
	if len(u.stack) == 0 {
		return nil
	}
	return u.stack[len(u.stack)-1]
}

func (u *unpickler) extend(items []any) {
	if list, ok := u.top().(*pyList); ok {
		list.items = append(list.items, items...)
		return
	}
	if o, ok := u.top().(*object); ok && o.foreign() {
		return // of a class of lists
	}
	u.fail("data.pkl appends to what is no list")
}

func (u *unpickler) setItems(items []any) {
	dict, ok := u.top().(*pyDict)
	if o, isObject := u.top().(*object); isObject && o.foreign() {
		return // of a class of dicts
	}
	if !ok || len(items)%2 != 0 {
		u.fail("data.pkl sets an item of what is no dict")
		return
	}
	for pair := range slices.Chunk(items, 2) {
		dict.entries = append(dict.entries, pyEntry{pair[0], pair[1]})
	}
}

func (u *unpickler) put(key uint32) {
	if len(u.stack) == 0 {
		u.fail("data.pkl remembers a value of an empty stack")
		return
	}
	u.memo[key] = u.top()
}

func (u *unpickler) get(key uint32) {
	v, ok := u.memo[key]
	if !ok {
		u.fail("data.pkl recalls value %d, which it did not remember", key)
	}
	u.push(v)
}
