package source

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// encoding is how a column's values stand for numbers, which their physical
// kind alone does not show.
type encoding struct {
	unsigned bool
	tick     time.Duration // of a timestamp or date; 0: neither
	decimals int           // of a decimal: digits behind the point
	decimal  bool
	times    *timeColumn // what is known of the form of times; nil: nothing
}

// encodingOf rejects the types whose values would be misread as plain numbers:
// times of the day, identifiers and the like.
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
	as := encoding{times: &timeColumn{}}
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
		case *format.DateType:
			if q != openTime {
				return reject(l)
			}
			as.tick = day
		case *format.DecimalType:
			if q == openTime || l.Scale < 0 || l.Scale > maxDecimals {
				return reject(l)
			}
			as.decimal, as.decimals = true, int(l.Scale)
		default:
			return reject(l)
		}
	}
	switch kind := t.Kind(); {
	case kind == parquet.Int32, kind == parquet.Int64, kind == parquet.Double, kind == parquet.ByteArray:
	case kind == parquet.FixedLenByteArray && as.decimal:
	case kind == parquet.Int96 && q == openTime:
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

// maxDecimals is the most digits that a decimal may have behind its point.
const maxDecimals = 76

// fixed is the value of a decimal, rounded once.
func (as encoding) fixed(v parquet.Value) (float64, error) {
	unscaled := new(big.Int)
	switch kind := v.Kind(); kind {
	case parquet.Int32:
		unscaled.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		unscaled.SetInt64(v.Int64())
	default: // two's complement, most significant byte first
		bytes := v.ByteArray()
		if len(bytes) == 0 || len(bytes) > 32 {
			return 0, fmt.Errorf("is a decimal of %d bytes", len(bytes))
		}
		if unscaled.SetBytes(bytes); bytes[0] >= 0x80 {
			unscaled.Sub(unscaled, new(big.Int).Lsh(big.NewInt(1), uint(8*len(bytes))))
		}
	}
	return strconv.ParseFloat(fmt.Sprintf("%de-%d", unscaled, as.decimals), 64)
}

// number decodes a value of a candle; a null is no value, and so is a NaN, which
// frames write for it.
func (as encoding) number(v parquet.Value) (x float64, present bool, err error) {
	if v.IsNull() {
		return 0, false, nil
	}
	if as.decimal {
		x, err = as.fixed(v)
		return x, true, err
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
	return x, !math.IsNaN(x), nil
}

// time decodes an open time to Unix ms.
func (as encoding) time(v parquet.Value) (int64, error) {
	if v.IsNull() {
		return 0, errors.New("is null")
	}
	if as.times == nil {
		as.times = &timeColumn{}
	}
	switch kind := v.Kind(); kind {
	case parquet.Int32, parquet.Int64:
		ticks, err := as.integer(v)
		switch {
		case err != nil:
			return 0, err
		case as.tick == 0:
			return as.times.integer(ticks)
		case as.tick == day:
			return inYears(ticks, day.Milliseconds())
		}
		perMilli := int64(time.Millisecond / as.tick)
		if ticks%perMilli != 0 {
			return 0, fmt.Errorf("%d of %v each is not a whole millisecond", ticks, as.tick)
		}
		return inYears(ticks/perMilli, 1)
	case parquet.Int96: // nanoseconds of the day, and the Julian day
		const epoch = 2440588
		at := v.Int96()
		nanos := int64(at[1])<<32 | int64(at[0])
		if nanos%1e6 != 0 || nanos < 0 || nanos >= day.Nanoseconds() {
			return 0, fmt.Errorf("%d ns of a day is not a whole millisecond of it", nanos)
		}
		ms, err := inYears(int64(at[2])-epoch, day.Milliseconds())
		return ms + nanos/1e6, err
	case parquet.Double:
		return as.times.double(v.Double())
	case parquet.ByteArray:
		return as.times.text(string(v.ByteArray()))
	default:
		return 0, fmt.Errorf("is a %v, not a time", kind)
	}
}

// inYears is a time of n units of ms each since 1970, of years that are read.
func inYears(n, ms int64) (int64, error) {
	if n < 0 || n >= lastTime/ms {
		return 0, fmt.Errorf("%d is not between 1970 and 2286", n)
	}
	return n * ms, nil
}
