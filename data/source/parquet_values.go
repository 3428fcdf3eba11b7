package source

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// encoding is how a column's values stand for numbers, which their physical
// kind alone does not show.
type encoding struct {
	unsigned bool
	tick     time.Duration // of a timestamp; 0: no timestamp
}

// encodingOf rejects the types whose values would be misread as plain numbers:
// decimals, dates, 96-bit timestamps and the like.
func encodingOf(t parquet.Type, q quantity) (encoding, error) {
	reject := func(what any) (encoding, error) {
		better := "a double"
		if q == openTime {
			better = "a timestamp or as 64-bit Unix milliseconds"
		}
		return encoding{}, fault.Input("%v", what).Fix("write it as %s", better)
	}
	if t == nil {
		return reject("an unknown type")
	}
	var as encoding
	if logical := t.LogicalType(); logical != nil {
		switch l := logical.Value.(type) {
		case nil, *format.StringType:
		case *format.NullType:
			if !q.optional() {
				return reject(l)
			}
		case *format.IntType:
			as.unsigned = !l.IsSigned
		case *format.TimestampType:
			if q != openTime || l.Unit.Value == nil {
				return reject(l)
			}
			as.tick = l.Unit.Value.Duration()
		default:
			return reject(l)
		}
	}
	switch kind := t.Kind(); {
	case kind == parquet.Int32, kind == parquet.Int64, kind == parquet.Double, kind == parquet.ByteArray:
	case kind == parquet.Float && q != openTime: // 32 bits hold a time to two minutes only
	default:
		return reject(kind)
	}
	return as, nil
}

// integer is the value of a 32-bit or 64-bit integer column.
func (as encoding) integer(v parquet.Value) (int64, error) {
	switch {
	case v.Kind() == parquet.Int32 && as.unsigned:
		return int64(v.Uint32()), nil
	case v.Kind() == parquet.Int32:
		return int64(v.Int32()), nil
	case as.unsigned && v.Uint64() > math.MaxInt64:
		return 0, fmt.Errorf("%d is beyond 64 signed bits", v.Uint64())
	}
	return v.Int64(), nil
}

// number decodes a value of a candle; a null is no value.
func (as encoding) number(v parquet.Value) (x float64, present bool, err error) {
	if v.IsNull() {
		return 0, false, nil
	}
	switch kind := v.Kind(); kind {
	case parquet.Int32, parquet.Int64:
		i, err := as.integer(v)
		return float64(i), true, err
	case parquet.Float:
		x = float64(v.Float())
	case parquet.Double:
		x = v.Double()
	case parquet.ByteArray:
		return parseNumber(string(v.ByteArray()))
	default:
		return 0, true, fmt.Errorf("is a %v, not a number", kind)
	}
	if math.IsNaN(x) {
		return 0, true, fault.Input("is NaN").Fix("write null where it is not known")
	}
	return x, true, nil
}

// time decodes an open time to Unix ms.
func (as encoding) time(v parquet.Value) (int64, error) {
	if v.IsNull() {
		return 0, errors.New("is null")
	}
	switch kind := v.Kind(); kind {
	case parquet.Int32, parquet.Int64:
		ticks, err := as.integer(v)
		switch {
		case err != nil:
			return 0, err
		case as.tick == 0:
			return openTimeMillis(ticks)
		}
		perMilli := int64(time.Millisecond / as.tick)
		if ticks%perMilli != 0 {
			return 0, fmt.Errorf("%d of %v each is not a whole millisecond", ticks, as.tick)
		}
		return openTimeMillis(ticks / perMilli)
	case parquet.Double:
		return wholeOpenTime(v.Double())
	case parquet.ByteArray:
		return parseOpenTime(string(v.ByteArray()))
	default:
		return 0, fmt.Errorf("is a %v, not a time", kind)
	}
}
