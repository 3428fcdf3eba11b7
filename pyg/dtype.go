package pyg

import (
	"encoding/binary"
	"math"
)

// dtype is an element type by its PyTorch names, and what it converts to
// without loss: float and integer are nil where a conversion would guess.
type dtype struct {
	name    string // torch.float32
	storage string // torch.FloatStorage
	size    int64  // bytes
	float   func(b []byte) float64
	integer func(b []byte) int64
}

var le = binary.LittleEndian // of every file read and written here

var (
	float32Type = floats("float32", "FloatStorage", 4, func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) })
	float64Type = floats("float64", "DoubleStorage", 8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) })
	int64Type   = &dtype{name: "int64", storage: "LongStorage", size: 8, integer: func(b []byte) int64 { return int64(le.Uint64(b)) }}
	int32Type   = &dtype{name: "int32", storage: "IntStorage", size: 4, integer: func(b []byte) int64 { return int64(int32(le.Uint32(b))) }}
	uint8Type   = narrow("uint8", "ByteStorage", 1, func(b []byte) int64 { return int64(b[0]) })
	boolType    = floats("bool", "BoolStorage", 1, func(b []byte) float64 { return float64(min(b[0], 1)) })
)

// dtypes are the types that have a storage class of their own, by its name.
var dtypes = func() map[string]*dtype {
	byStorage := map[string]*dtype{}
	for _, t := range []*dtype{
		float32Type, float64Type, int64Type, int32Type, uint8Type, boolType,
		floats("float16", "HalfStorage", 2, func(b []byte) float64 { return half(le.Uint16(b)) }),
		floats("bfloat16", "BFloat16Storage", 2, func(b []byte) float64 {
			return float64(math.Float32frombits(uint32(le.Uint16(b)) << 16))
		}),
		narrow("int16", "ShortStorage", 2, func(b []byte) int64 { return int64(int16(le.Uint16(b))) }),
		narrow("int8", "CharStorage", 1, func(b []byte) int64 { return int64(int8(b[0])) }),
		{name: "complex64", storage: "ComplexFloatStorage", size: 8},
		{name: "complex128", storage: "ComplexDoubleStorage", size: 16},
	} {
		byStorage[t.storage] = t
	}
	return byStorage
}()

func floats(name, storage string, size int64, decode func([]byte) float64) *dtype {
	return &dtype{name: name, storage: storage, size: size, float: decode}
}

// narrow is an integer type that float32 holds exactly.
func narrow(name, storage string, size int64, decode func([]byte) int64) *dtype {
	return &dtype{name, storage, size, func(b []byte) float64 { return float64(decode(b)) }, decode}
}

// half is the value of an IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 31:
		v = math.Inf(1)
		if fraction != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	return math.Copysign(v, 1-float64(bits>>15)*2)
}
