package source

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// fixedRow is a candle whose prices are decimals of 16 bytes, as DuckDB, Spark
// and Arrow write those of more than 18 digits.
type fixedRow struct {
	Time   int64    `parquet:"open_time"`
	Open   [16]byte `parquet:"open,decimal(8:38)"`
	High   [16]byte `parquet:"high,decimal(8:38)"`
	Low    [16]byte `parquet:"low,decimal(8:38)"`
	Close  [16]byte `parquet:"close,decimal(8:38)"`
	Volume [16]byte `parquet:"volume,decimal(8:38)"`
}

// bytesOf is an integer in 16 bytes, most significant first.
func bytesOf(v int64) (b [16]byte) {
	if v < 0 {
		for i := range 8 {
			b[i] = 0xff
		}
	}
	for i := range 8 {
		b[15-i] = byte(v >> (8 * i))
	}
	return b
}

func TestDecimalsInParquetAreRead(t *testing.T) {
	type narrow struct {
		Time   int64 `parquet:"open_time"`
		Open   int32 `parquet:"open,decimal(2:9)"`
		High   int32 `parquet:"high,decimal(2:9)"`
		Low    int32 `parquet:"low,decimal(2:9)"`
		Close  int64 `parquet:"close,decimal(4:18)"`
		Volume int64 `parquet:"volume,decimal(0:18)"`
	}
	var narrows []narrow
	var fixed []fixedRow
	for i := range int64(3) {
		at := t0 + i*fiveMinutes
		narrows = append(narrows, narrow{at, 1000, 2000, 500, 100_500 + i*10_000, 100})
		fixed = append(fixed, fixedRow{at, bytesOf(10e8), bytesOf(20e8), bytesOf(5e8), bytesOf(1_005_000_000 + i*1e8), bytesOf(100e8)})
	}
	for name, file := range map[string][]byte{"32 and 64 bits": parquetFile(t, narrows), "16 bytes": parquetFile(t, fixed)} {
		s, err := parseParquet(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := []float64{10.05, 11.05, 12.05}; !slices.Equal(s.values[closePrice], want) || s.values[baseVolume][0] != 100 || s.values[lowPrice][2] != 5 {
			t.Errorf("%s: closes are %v, not %v", name, s.values[closePrice], want)
		}
	}
}

func TestADecimalIsRoundedOnce(t *testing.T) {
	for _, c := range []struct {
		v        parquet.Value
		decimals int
		want     float64
	}{
		{parquet.Int32Value(-150), 2, -1.5},
		{parquet.Int64Value(123456789012345678), 8, 1234567890.12345678},
		{parquet.Int64Value(1), 18, 1e-18},
		{parquet.FixedLenByteArrayValue([]byte{0xff}), 1, -0.1},
		{parquet.ByteArrayValue([]byte{0x01, 0x00}), 0, 256},
		{parquet.FixedLenByteArrayValue(new(big.Int).Exp(big.NewInt(10), big.NewInt(30), nil).Bytes()), 28, 100},
	} {
		if got, present, err := (encoding{decimal: true, decimals: c.decimals}).number(c.v); err != nil || !present || got != c.want {
			t.Errorf("%v with %d decimals is %v, %v; want %v", c.v, c.decimals, got, err, c.want)
		}
	}
	if _, _, err := (encoding{decimal: true}).number(parquet.ByteArrayValue(nil)); err == nil {
		t.Error("a decimal of no bytes is read")
	}
	if _, err := encodingOf(parquet.Decimal(100, 38, parquet.FixedLenByteArrayType(16)).Type(), closePrice); err == nil {
		t.Error("a decimal of 100 places is read")
	}
	if _, err := encodingOf(parquet.Decimal(0, 18, parquet.Int64Type).Type(), openTime); err == nil {
		t.Error("a decimal is an open time")
	}
}

func TestDatesInParquetAreDaysAndANaNIsNoOptionalValue(t *testing.T) {
	type row struct {
		Date                           int32 `parquet:"date,date"`
		Open, High, Low, Close, Volume float64
		Bid                            float64 `parquet:"best_bid"`
	}
	file := parquetFile(t, []row{{19723, 10, 20, 5, 10, 100, 9}, {19724, 10, 20, 5, 11, 100, math.NaN()}, {19726, 10, 20, 5, 12, 100, 8}})
	m, err := loadFrom(t, map[string]string{"A.parquet": string(file)}, func(c *Config) { c.Interval = "1d" })
	if err != nil || m.start != t0 || m.bars != 4 || m.closes["A"][3] != 12 {
		t.Errorf("%+v, %v", m, err)
	}
	if bids := m.Optional["best_bid"][0]; bids[0] != 9 || !math.IsNaN(bids[1]) {
		t.Errorf("best bids are %v", bids)
	}
	for _, v := range []parquet.Value{parquet.Int32Value(-1), parquet.Int32Value(math.MaxInt32)} {
		if _, err := (encoding{tick: day}).time(v); err == nil {
			t.Errorf("day %v is read", v)
		}
	}
}
