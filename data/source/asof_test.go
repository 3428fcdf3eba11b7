package source

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// seen is a value of two quantities, and when it became known.
type seen struct {
	at     int64
	values [2]float64
}

// seenAt has another value at each of the times.
func seenAt(random *rand.Rand, times []int64) []seen {
	all := make([]seen, len(times))
	for i, at := range times {
		all[i] = seen{at, [2]float64{random.Float64(), random.Float64()}}
	}
	return all
}

// joined are the bars with what was seen, given in any order.
func joined(random *rand.Rand, times []int64, all []seen, interval time.Duration) *series {
	s, o := &series{times: times}, newAsOf(interval, fundingAge, fundingRate, bestBid)
	for _, i := range random.Perm(len(all)) {
		o.add(all[i].at, nil, all[i].values[:]...)
	}
	s.join(o)
	return s
}

// irregular are n rising times with an average distance.
func irregular(random *rand.Rand, n int, apart int64) (times []int64) {
	at := int64(1_700_000_000_000)
	for range n {
		at += 1 + random.Int64N(2*apart)
		times = append(times, at)
	}
	return times
}

// bars are those of a range of open times, some missing.
func barsOf(random *rand.Rand, from, to int64, interval time.Duration) *series {
	s := &series{}
	step := interval.Milliseconds()
	for open := from / step * step; open < to; open += step {
		if random.IntN(7) > 0 {
			s.times = append(s.times, open)
		}
	}
	return s
}

// What is seen at a bar's close or later, whatever it is, changes nothing up to
// that bar: the property of no look-ahead.
func TestNothingSeenAtABarsCloseOrLaterIsJoinedToIt(t *testing.T) {
	const interval = 5 * time.Minute
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		times := irregular(random, 300, int64(1+random.IntN(1_000_000)))
		if random.IntN(2) == 0 { // some exactly at a close
			for i := range times {
				if random.IntN(3) == 0 {
					times[i] = times[i] / interval.Milliseconds() * interval.Milliseconds()
				}
			}
			times = slices.Compact(times)
		}
		before := seenAt(random, times)
		bars := barsOf(random, times[0]-3_600_000, times[len(times)-1]+3_600_000, interval).times
		at := random.IntN(len(bars))
		closing := bars[at] + interval.Milliseconds()
		// The future is another one: other values, other times, fewer or more.
		cut, _ := slices.BinarySearch(times, closing)
		later := slices.Clone(times[cut:])
		for i := range later {
			later[i] += random.Int64N(1000) * int64(i)
		}
		after := append(slices.Clone(before[:cut]), seenAt(random, later)...)
		a, b := joined(random, bars, before, interval), joined(random, bars, after, interval)
		for _, q := range []quantity{fundingRate, bestBid} {
			for i := range at + 1 {
				if x, y := a.values[q][i], b.values[q][i]; x != y && !(math.IsNaN(x) && math.IsNaN(y)) {
					t.Fatalf("seed %d: the future after bar %d changed bar %d from %v to %v", seed, at, i, x, y)
				}
			}
		}
	}
}

func TestTheLastValueBeforeTheCloseIsJoinedWhileItIsYoung(t *testing.T) {
	const minute = int64(60_000)
	s := &series{times: []int64{0, 5 * minute, 10 * minute, 15 * minute, 200 * minute}}
	o := newAsOf(5*time.Minute, time.Hour, bestBid)
	for i, at := range []int64{5*minute - 1, 5 * minute, 9 * minute, 15 * minute, 16 * minute} {
		o.add(at, nil, float64(i+1))
	}
	s.join(o)
	want := []float64{1, 3, 3, 5, math.NaN()}
	for i, v := range want {
		if got := s.values[bestBid][i]; got != v && !(math.IsNaN(v) && math.IsNaN(got)) {
			t.Errorf("bar %d has %v, want %v", i, got, v)
		}
	}
}

func TestOfTwoValuesOfOneTimeTheHigherRankCountsInAnyOrder(t *testing.T) {
	for _, ranks := range [][]string{{"a", "b"}, {"b", "a"}, {"b", "a", "b"}} {
		o := newAsOf(5*time.Minute, time.Hour, bestBid)
		for _, rank := range ranks {
			o.add(7, []byte(rank), map[string]float64{"a": 1, "b": 2}[rank])
		}
		s := &series{times: []int64{0}}
		if s.join(o); s.values[bestBid][0] != 2 {
			t.Errorf("given as %v, %v counts", ranks, s.values[bestBid][0])
		}
	}
}

// Real candles and funding rates of a perpetual contract, joined as pandas does
// it.
func TestFundingRatesJoinAsPandasMergeAsofJoinsThem(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "shared", "market", "futures")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the real candles are not here: %v", err)
	}
	if testing.Short() {
		t.Skip("-short: starts Python")
	}
	python := cmp.Or(os.Getenv("PYTHON"), filepath.Join("..", "..", ".venv", "bin", "python"))
	if err := exec.Command(python, "-c", "import pandas").Run(); err != nil {
		t.Skipf("no Python with pandas (`make setup` brings it): %v", err)
	}
	candles, err := readFile(t.Context(), candleFile{filepath.Join(folder, "XRPUSDT-5m.csv"), fileName{symbol: "XRPUSDT"}}, query{interval: 5 * time.Minute, now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	s := candles.series[0]
	f, err := os.Open(filepath.Join(folder, "XRPUSDT-funding.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	o := newAsOf(5*time.Minute, fundingAge, fundingRate)
	for _, row := range rows[1:] {
		at, err := strconv.ParseInt(row[0], 10, 64)
		rate, err2 := strconv.ParseFloat(row[1], 64)
		if err != nil || err2 != nil {
			t.Fatal(row)
		}
		o.add(at, nil, rate)
	}
	s.join(o)
	script := `
import json, sys, pandas as pd
bars = pd.read_csv(sys.argv[1] + "/XRPUSDT-5m.csv", usecols=["open_time"])
rates = pd.read_csv(sys.argv[1] + "/XRPUSDT-funding.csv")
bars["closes"] = bars.open_time + 300_000
joined = pd.merge_asof(bars, rates, left_on="closes", right_on="funding_time", allow_exact_matches=False, tolerance=86_400_000)
print(json.dumps([None if pd.isna(v) else v for v in joined.funding_rate]))
`
	out, err := exec.CommandContext(t.Context(), python, "-c", script, folder).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []*float64
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	known := 0
	for i, v := range want {
		got := s.values[fundingRate][i]
		if v == nil != math.IsNaN(got) || v != nil && *v != got {
			t.Errorf("bar %d has %v, pandas %v", i, got, v)
		}
		if v != nil {
			known++
		}
	}
	if len(want) != len(s.times) || known < 1000 {
		t.Errorf("%d bars, %d of them with a rate", len(want), known)
	}
}
