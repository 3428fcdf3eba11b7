package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"github.com/streamforge/gnn-trainer/data"
)

// parquetFile writes rows with groups of two rows each.
func parquetFile[T any](t testing.TB, rows []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, append(options, parquet.MaxRowsPerRowGroup(2))...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parseParquet(file []byte) (*series, error) {
	t, err := readParquet(context.Background(), bytes.NewReader(file), int64(len(file)), "X.parquet", nil)
	if err != nil {
		return nil, err
	}
	return t.all[0], t.all[0].order(5 * time.Minute)
}

type plainRow struct {
	OpenTime int64    `parquet:"open_time"`
	Open     float64  `parquet:"open"`
	High     float64  `parquet:"high"`
	Low      float64  `parquet:"low"`
	Close    float64  `parquet:"close"`
	Volume   float64  `parquet:"volume"`
	Bid      *float64 `parquet:"best_bid,optional"`
	Note     []string `parquet:"note,list"`
}

func plainRows(n int) []plainRow {
	rows := make([]plainRow, n)
	for i := range rows {
		rows[i] = plainRow{OpenTime: t0 + int64(i)*fiveMinutes, Open: 10, High: 20, Low: 5, Close: 10 + float64(i), Volume: 100}
	}
	return rows
}

func TestParquetIsReadInTheTypesThatFilesHave(t *testing.T) {
	type textRow struct {
		Time   string `parquet:"timestamp"`
		Open   string `parquet:"open,dict"`
		High   string `parquet:"high,dict"`
		Low    string `parquet:"low"`
		Close  string `parquet:"close"`
		Volume string `parquet:"volume"`
	}
	type narrowRow struct {
		Volume int32     `parquet:"volume"`
		Close  uint32    `parquet:"close"`
		Low    float32   `parquet:"low"`
		High   uint64    `parquet:"high"`
		Open   int64     `parquet:"open"`
		Time   time.Time `parquet:"ts,timestamp(nanosecond)"`
	}
	type milliRow struct {
		Time   time.Time `parquet:"open_time,timestamp(millisecond)"`
		Open   float64   `parquet:"open"`
		High   float64   `parquet:"high"`
		Low    float64   `parquet:"low"`
		Close  float64   `parquet:"close"`
		Volume float64   `parquet:"volume"`
	}
	type microRow struct {
		Time   time.Time `parquet:"open_time,timestamp(microsecond)"`
		Open   *float64  `parquet:"open,optional"`
		High   *float64  `parquet:"high,optional"`
		Low    *float64  `parquet:"low,optional"`
		Close  *float64  `parquet:"close,optional"`
		Volume *float64  `parquet:"volume,optional"`
	}
	type doubleRow struct {
		Time                           float64 `parquet:"open_time"`
		Open, High, Low, Close, Volume float64
	}
	var texts []textRow
	var narrows []narrowRow
	var millis []milliRow
	var micros []microRow
	var doubles []doubleRow
	plain := plainRows(5)
	for _, r := range plain {
		at := time.UnixMilli(r.OpenTime).UTC()
		texts = append(texts, textRow{fmt.Sprint(r.OpenTime), "10", "20", "5", fmt.Sprint(r.Close), "100"})
		narrows = append(narrows, narrowRow{100, uint32(r.Close), 5, 20, 10, at})
		millis = append(millis, milliRow{at, 10, 20, 5, r.Close, 100})
		micros = append(micros, microRow{at, &r.Open, &r.High, &r.Low, &r.Close, &r.Volume})
		doubles = append(doubles, doubleRow{float64(r.OpenTime), 10, 20, 5, r.Close, 100})
	}
	for _, c := range []struct {
		name string
		file []byte
	}{
		{"integers of milliseconds and doubles", parquetFile(t, plain)},
		{"compressed", parquetFile(t, plain, parquet.Compression(&parquet.Snappy))},
		{"text, with dictionaries", parquetFile(t, texts)},
		{"narrow and unsigned integers, nanoseconds", parquetFile(t, narrows)},
		{"milliseconds", parquetFile(t, millis)},
		{"microseconds, all optional", parquetFile(t, micros)},
		{"times as doubles, names in capitals", parquetFile(t, doubles)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := parseParquet(c.file)
			if err != nil {
				t.Fatal(err)
			}
			sound(t, s, 5*time.Minute)
			if want := []float64{10, 11, 12, 13, 14}; !slices.Equal(s.values[closePrice], want) || s.times[0] != t0 {
				t.Errorf("closes are %v from %d, not %v from %d", s.values[closePrice], s.times[0], want, t0)
			}
		})
	}
}

// The files in testdata are what pandas writes; candles.py beside them makes
// them.
func TestParquetFromPandasIsRead(t *testing.T) {
	for _, name := range []string{"integers.parquet", "timestamps.parquet", "text.parquet"} {
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			s, err := parseParquet(file)
			if err != nil {
				t.Fatal(err)
			}
			if want := []float64{10, 11, 12}; !slices.Equal(s.values[closePrice], want) || s.times[0] != t0 {
				t.Errorf("closes are %v from %d, not %v from %d", s.values[closePrice], s.times[0], want, t0)
			}
			if bid := s.values[bestBid]; !math.IsNaN(bid[1]) || bid[2] != 9.5 {
				t.Errorf("best bids are %v, not missing in bar 1 and 9.5 in bar 2", bid)
			}
		})
	}
}

func TestANullOptionalValueIsMissing(t *testing.T) {
	rows := plainRows(3)
	bid := 9.0
	rows[2].Bid = &bid
	s, err := parseParquet(parquetFile(t, rows))
	if err != nil {
		t.Fatal(err)
	}
	if v := s.values[bestBid]; !math.IsNaN(v[0]) || !math.IsNaN(v[1]) || v[2] != 9 {
		t.Errorf("best bids are %v, not missing twice and 9", v)
	}
}

func TestParquetThatCannotBeRightIsRejectedWithItsPlace(t *testing.T) {
	changed := func(change func(rows []plainRow)) []byte {
		rows := plainRows(5)
		change(rows)
		return parquetFile(t, rows)
	}
	type narrow struct {
		Time                   float32 `parquet:"open_time"`
		Open, High, Low, Close float64
		Volume                 bool
	}
	type nested struct {
		Time                    int64 `parquet:"open_time"`
		Close                   struct{ Value float64 }
		Open, High, Low, Volume float64
	}
	type repeated struct {
		Time                    int64 `parquet:"open_time"`
		Close                   []float64
		Open, High, Low, Volume float64
	}
	type clocked struct {
		Time                           int32 `parquet:"open_time,time(millisecond)"`
		Open, High, Low, Close, Volume float64
	}
	type holed struct {
		Time                     int64    `parquet:"open_time"`
		Open                     *float64 `parquet:"open,optional"`
		High, Low, Close, Volume float64
	}
	whole := parquetFile(t, plainRows(5))
	lying := slices.Clone(whole)
	copy(lying[len(lying)-8:], "\xFF\xFF\xFF\x7F")
	for _, c := range []struct {
		name  string
		file  []byte
		tells []string
	}{
		{"nothing", nil, []string{"X.parquet cannot be read as Parquet", "0 bytes"}},
		{"text", []byte("open_time,open,high,low,close,volume"), []string{"cannot be read as Parquet"}},
		{"cut short", whole[:len(whole)-20], []string{"cannot be read as Parquet"}},
		{"a footer larger than the file", lying, []string{"footer claims 2147483647"}},
		{"no rows", parquetFile[plainRow](t, nil), []string{"has no rows"}},
		{"no close", parquetFile(t, []struct {
			Time            int64 `parquet:"open_time"`
			Open, High, Low float64
		}{{t0, 1, 1, 1}}), []string{"no column close"}},
		{"impossible", changed(func(r []plainRow) { r[3].Close = 21 }), []string{"X.parquet, row 4", "close is 21, above high 20", "correct or remove"}},
		{"NaN", changed(func(r []plainRow) { r[2].Volume = math.NaN() }), []string{"row 3", "volume is NaN", "remove this row"}},
		{"a row in seconds", changed(func(r []plainRow) { r[1].OpenTime /= 1000 }), []string{"row 2", "open_time 1704067500", "Unix seconds", "13 digits"}},
		{"two of one bar", changed(func(r []plainRow) { r[4].OpenTime = r[0].OpenTime }), []string{"close 10 at row 1", "14 at row 5"}},
		{"a null price", parquetFile(t, []holed{{t0, nil, 20, 5, 10, 100}}), []string{"row 1", "open is null", "remove this row"}},
		{"a time of 32 bits", parquetFile(t, []narrow{{}}), []string{"open_time as FLOAT", "timestamp"}},
		{"a nested column", parquetFile(t, []nested{{Time: t0}}), []string{"close as a nested column"}},
		{"a repeated column", parquetFile(t, []repeated{{Time: t0}}), []string{"close as a nested column"}},
		{"a time of the day", parquetFile(t, []clocked{{}}), []string{"open_time as TIME", "timestamp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseParquet(c.file)
			rejected(t, err, c.tells...)
		})
	}
}

func TestReadingParquetStopsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	file := parquetFile(t, plainRows(3))
	_, err := readParquet(ctx, bytes.NewReader(file), int64(len(file)), "X.parquet", nil)
	if !errors.Is(err, context.Canceled) || errors.Is(err, data.ErrInput) {
		t.Errorf("error is %v, not a cancellation", err)
	}
}

// FuzzParquetFile feeds damaged files: whatever the library does with them,
// what comes back is sound candles or an error that names the file.
func FuzzParquetFile(f *testing.F) {
	whole := parquetFile(f, plainRows(3))
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("PAR1PAR1"))
	f.Add([]byte("PAR1\x15\x00\x00\x00\x00\x05\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := parseParquet(file)
		if err != nil {
			if !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "X.parquet") {
				t.Fatalf("error %v does not tell the user which file to mend", err)
			}
			return
		}
		sound(t, s, 5*time.Minute)
	})
}

// FuzzParquetRows feeds rows of every kind that a column may have, below the
// file format.
func FuzzParquetRows(f *testing.F) {
	f.Add(uint8(0), uint64(t0), "10", 10.0)
	f.Add(uint8(1), uint64(t0)*1000, "1e-300", math.Inf(1))
	f.Add(uint8(2), math.Float64bits(float64(t0)), "NaN", math.NaN())
	f.Add(uint8(3), uint64(math.MaxUint64), "", -1.0)
	f.Add(uint8(4), uint64(1), "1704067200000", float64(t0))
	f.Fuzz(func(t *testing.T, kind uint8, bits uint64, text string, x float64) {
		values := []parquet.Value{
			parquet.Int64Value(int64(bits)), parquet.Int32Value(int32(bits)), parquet.DoubleValue(math.Float64frombits(bits)),
			parquet.FloatValue(float32(x)), parquet.ByteArrayValue([]byte(text)), parquet.NullValue(), parquet.BooleanValue(bits%2 == 0),
			parquet.FixedLenByteArrayValue([]byte(text)), parquet.DoubleValue(x),
		}
		v := values[int(kind)%len(values)]
		for _, as := range []encoding{{}, {unsigned: true}, {tick: time.Millisecond}, {tick: time.Microsecond}, {tick: time.Nanosecond}} {
			if at, err := as.time(v); err == nil && (at < 0 || at >= 1e13) {
				t.Errorf("%v as %+v is open time %d", v, as, at)
			}
			if got, present, err := as.number(v); err == nil && present && math.IsNaN(got) {
				t.Errorf("%v is NaN and said to be present", v)
			}
		}
		var at places
		s := newSeries(origin{path: "X.parquet", unit: "row"}, at)
		for q := range quantities {
			price := parquet.DoubleValue(10)
			if q == quantity(kind)%quantities {
				price = v
			}
			if s.addValue(price, encoding{}, q) != nil {
				return
			}
		}
		if s.addValue(values[0], encoding{}, openTime) != nil {
			return
		}
		s.places = []int{1}
		if c := s.candle(0); c.validate() == nil && s.order(time.Minute) == nil {
			sound(t, s, time.Minute)
		}
	})
}

func TestCompressionThatTheLibraryDecodesWronglyIsRejected(t *testing.T) {
	type row struct {
		OpenTime int64   `parquet:"open_time"`
		Open     float64 `parquet:"open"`
		High     float64 `parquet:"high"`
		Low      float64 `parquet:"low"`
		Close    float64 `parquet:"close"`
		Volume   float64 `parquet:"volume"`
	}
	rows := []row{{1704067200000, 10, 20, 5, 10, 100}, {1704067500000, 10, 20, 5, 11, 200}}
	for codec, rejected := range map[compress.Codec]bool{
		&parquet.Uncompressed: false, &parquet.Snappy: false, &parquet.Gzip: false, &parquet.Zstd: false, &parquet.Brotli: false,
		&parquet.Lz4Raw: true,
	} {
		t.Run(codec.String(), func(t *testing.T) {
			s, err := parseParquet(parquetFile(t, rows, parquet.Compression(codec)))
			if rejected {
				if !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "write it with snappy") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := s.values[baseVolume]; !slices.Equal(got, []float64{100, 200}) {
				t.Errorf("volumes are %v", got)
			}
		})
	}
}
