package audit

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

const (
	fewestRepeats = 5    // rows
	repeatShare   = 0.01 // of the test split's rows
	repeatRun     = 3    // bars one behind the other that are copies of others
	rareSample    = 4096 // rows that show how rare a value is
)

// repeats finds rows of the test split that the train split has too: a copied
// stretch of candles, files that overlap, nodes that were drawn twice. A row
// counts where its values are so rare that chance does not repeat it.
func repeats(in Input) func(*data.Dataset) outcome {
	var candles []repeated
	if in.Market != nil {
		candles = repeatedCandles(in.Market)
	}
	return func(d *data.Dataset) outcome {
		var o outcome
		if f := acrossSplits(d, candles); f != nil {
			o.findings = append(o.findings, *f)
		}
		f, looked := repeatedRows(d)
		if f != nil {
			o.findings = append(o.findings, *f)
		}
		o.message = fmt.Sprintf("%d rows of the test split compared with those of the train split", looked)
		return o
	}
}

// repeated is a stretch of candles of one symbol that equals an earlier one.
type repeated struct{ symbol, from, to, bars int }

// repeatedCandles finds stretches of at least repeatRun bars. Candles that did not
// move, or that nothing traded in, repeat by themselves.
func repeatedCandles(m *data.Market) (all []repeated) {
	type key struct{ open, high, low, close, volume float64 }
	for i := range m.Symbols {
		first := make(map[key]int, m.Bars)
		run := repeated{symbol: i, from: -2, to: -2}
		end := func() {
			if run.bars >= repeatRun {
				all = append(all, run)
			}
			run.bars = 0
		}
		for t := range m.Bars {
			k := key{m.Open[i][t], m.High[i][t], m.Low[i][t], m.Close[i][t], m.Volume[i][t]}
			if !(k.high > k.low && k.volume > 0) {
				continue
			}
			before, known := first[k]
			switch {
			case !known:
				first[k] = t
				end()
			case run.bars > 0 && before == run.from+run.bars && t == run.to+run.bars:
				run.bars++
			default:
				end()
				if before != t-1 { // a candle that was filled forward
					run = repeated{i, before, t, 1}
				}
			}
		}
		end()
	}
	return all
}

// acrossSplits is the finding of stretches of candles in the test split that the
// train split has too.
func acrossSplits(d *data.Dataset, all []repeated) *Finding {
	if len(all) == 0 {
		return nil
	}
	split := map[int]data.Split{}
	for s, bar := range d.Bars() {
		split[bar] = d.Splits[s]
	}
	var longest repeated
	bars := 0
	for _, r := range all {
		if split[r.to] == data.Test && split[r.from] == data.Train || split[r.to+r.bars-1] == data.Test && split[r.from+r.bars-1] == data.Train {
			if bars += r.bars; r.bars > longest.bars {
				longest = r
			}
		}
	}
	if bars == 0 {
		return nil
	}
	return &Finding{
		Column: "candles", Symbol: d.Symbols[longest.symbol], OpenTime: at(d.Axis.OpenTime(longest.to)), Value: number(float64(bars)), Expected: number(0),
		What: fmt.Sprintf("%d bars of the test split repeat bars of the train split; the longest stretch has %d bars of %s from %s on, which are those from %s on",
			bars, longest.bars, d.Symbols[longest.symbol], stamp(d.Axis.OpenTime(longest.to)), stamp(d.Axis.OpenTime(longest.from))),
		Cause:  "files were joined that overlap, or a stretch was copied to other times",
		Remedy: "remove the copied rows, and check how the files were put together",
	}
}

// rowAt is a present row: node i of snapshot t.
type rowAt struct {
	hash uint64
	t, i int32
}

// repeatedRows compares the features of the test split's rows with those of the
// train split's.
func repeatedRows(d *data.Dataset) (*Finding, int) {
	train, test := rowsOf(d, data.Train), rowsOf(d, data.Test)
	slices.SortFunc(train, func(a, b rowAt) int {
		switch {
		case a.hash != b.hash:
			return compare(a.hash, b.hash)
		case a.t != b.t:
			return int(a.t - b.t)
		}
		return int(a.i - b.i)
	})
	rare := newRarity(d, train)
	count := 0
	var first, twin rowAt
	for _, r := range test {
		at, found := slices.BinarySearchFunc(train, r.hash, func(a rowAt, h uint64) int { return compare(a.hash, h) })
		if !found || !slices.Equal(values(d, r), values(d, train[at])) || !rare.is(values(d, r), len(train)) {
			continue
		}
		if count == 0 || r.t < first.t {
			first, twin = r, train[at]
		}
		count++
	}
	if count < fewestRepeats || float64(count) < repeatShare*float64(len(test)) {
		return nil, len(test)
	}
	f := &Finding{
		Column: "all features", Symbol: d.Symbols[first.i], Value: number(float64(count)), Expected: number(0),
		What:   fmt.Sprintf("%d of the test split's %d rows have the features of a row of the train split, to the bit", count, len(test)),
		Cause:  "rows were copied, drawn with replacement or oversampled before they were split",
		Remedy: "split first, and copy or draw within the train split only; remove the copies from the test split",
	}
	if times := d.OpenTimes(); times != nil {
		f.OpenTime = at(times[first.t])
		f.What += fmt.Sprintf("; the first is %s at %s, which equals %s at %s", d.Symbols[first.i], stamp(times[first.t]), d.Symbols[twin.i], stamp(times[twin.t]))
	} else {
		f.What += fmt.Sprintf("; the first is %s, which equals %s", d.Symbols[first.i], d.Symbols[twin.i])
	}
	return f, len(test)
}

// rowsOf are the rows that a split evaluates.
func rowsOf(d *data.Dataset, split data.Split) (rows []rowAt) {
	for t, s := range d.Splits {
		if s != split {
			continue
		}
		for i, there := range d.EvalMask(t) {
			if there {
				r := rowAt{t: int32(t), i: int32(i)}
				r.hash = hash(values(d, r))
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func values(d *data.Dataset, r rowAt) []float32 {
	f := d.NumFeatures()
	return d.X(int(r.t))[int(r.i)*f : (int(r.i)+1)*f]
}

// hash is FNV-1a over the values, -0 counted as 0.
func hash(x []float32) uint64 {
	h := uint64(14695981039346656037)
	for _, v := range x {
		h = (h ^ uint64(math.Float32bits(v+0))) * 1099511628211
		h ^= h >> 29
	}
	return h
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// rarity is how often the values of each feature occur in some rows.
type rarity struct {
	counts []map[float32]int
	rows   int
}

func newRarity(d *data.Dataset, rows []rowAt) rarity {
	r := rarity{counts: make([]map[float32]int, d.NumFeatures())}
	for j := range r.counts {
		r.counts[j] = map[float32]int{}
	}
	step := max(1, len(rows)/rareSample)
	for k := 0; k < len(rows); k += step { // by hash, so at random
		for j, v := range values(d, rows[k]) {
			r.counts[j][v]++
		}
		r.rows++
	}
	return r
}

// is reports whether chance hardly makes a row again among so many: the three
// rarest of its values would meet less than once in a thousand such sets, were
// they independent.
func (r rarity) is(x []float32, among int) bool {
	rarest := []float64{1, 1, 1}
	for j, v := range x {
		share := float64(max(1, r.counts[j][v])) / float64(max(1, r.rows))
		if share < rarest[2] {
			rarest[2] = share
			slices.Sort(rarest)
		}
	}
	return rarest[0]*rarest[1]*rarest[2]*float64(among) < 1e-3
}
