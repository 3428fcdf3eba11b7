package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/pyg"
)

// naiveSigma is sigma at bar t by its definition: weights of each return since the
// block before that of bar t, blocks of 1152 bars since 1970.
func naiveSigma(m *Market, jumps []Jump, i, t, maxGap int) float64 {
	step := m.Interval.Milliseconds()
	block := m.OpenTime(t) / step / 1152
	from := 0
	for m.OpenTime(from)/step/1152 < block-1 {
		from++
	}
	const slow, fast = 1 - 2.0/577, 1 - 2.0/289 // what a bar's weight is of the next one's
	var squares, slowWeights, clipped, fastWeights float64
	for b := max(from, 1); b <= t; b++ {
		r := math.NaN()
		for age := range maxGap + 1 {
			if b-1-age >= 0 && math.IsNaN(r) {
				r = math.Log(m.Close[i][b] / m.Close[i][b-1-age])
			}
		}
		if math.IsNaN(r) || slices.ContainsFunc(jumps, func(j Jump) bool { return j.bar == b }) {
			continue
		}
		squares, slowWeights = slow*squares+r*r, slow*slowWeights+1
		clipped, fastWeights = fast*clipped+min(r*r, 25*squares/slowWeights), fast*fastWeights+1
	}
	return math.Sqrt(clipped/fastWeights) + 1e-5
}

func relativeConfig(task string, horizons ...int) Config {
	c := defaultConfig()
	c.Task, c.Target, c.Horizons = task, TargetOpen, horizons
	return c
}

func TestRelativeTargetsEqualTheirDefinition(t *testing.T) {
	for _, task := range []string{TaskRank, TaskReturn} {
		m := randomMarket(newRand(51), 9, 3600)
		rescale(m, 0, 2900, 2)
		c := relativeConfig(task, 6, 1)
		d := mustBuild(t, m, c)
		plain := c
		plain.Task = TaskDirection
		same := mustBuild(t, m, plain)
		if same.Targets.Relative(0) != nil || same.Targets.Scale(0) != nil {
			t.Error("the direction task has relative targets")
		}
		compared, jumps := 0, m.jumps(lookback)
		for s := 0; s < d.Len(); s += 97 {
			class, value := d.Targets.At(s)
			if wantClass, wantValue := same.Targets.At(s); !slices.Equal(class, wantClass) || !sameBits(value, wantValue) {
				t.Fatalf("%s: classes and returns differ from those of the direction task", task)
			}
			got, scale := d.Targets.Relative(s), d.Targets.Scale(s)
			for h, horizon := range c.Horizons {
				want, mean, known := make([]float64, 9), 0.0, 0.0
				for i := range 9 {
					at := i*2 + h
					if class[at] == pyg.Unlabelled {
						continue
					}
					sigma := naiveSigma(m, jumps[i], i, d.bars[s], c.MaxGap)
					if math.Abs(float64(scale[i])/sigma-1) > 1e-5 {
						t.Fatalf("bar %d, symbol %d: sigma is %v, its definition gives %v", d.bars[s], i, scale[i], sigma)
					}
					want[i] = max(-6, min(6, float64(value[at])/sigma/math.Sqrt(float64(horizon))))
					mean, known = mean+want[i], known+1
				}
				for i := range 9 {
					at := i*2 + h
					if class[at] == pyg.Unlabelled {
						want[i] = 0
					} else if compared++; task == TaskRank {
						want[i] -= mean / known
					}
					if math.Abs(float64(got[at])-want[i]) > 1e-4 {
						t.Fatalf("%s: bar %d, symbol %d, horizon %d: %v, want %v", task, d.bars[s], i, horizon, got[at], want[i])
					}
				}
			}
		}
		if compared < 200 {
			t.Errorf("only %d compared", compared)
		}
	}
}

func TestRelativeTargetsOfRankSumToZeroOverABar(t *testing.T) {
	c := relativeConfig(TaskRank, 1, 6, 12)
	d := mustBuild(t, randomMarket(newRand(52), 9, 700), c)
	wild := 0
	for s := range d.Len() {
		class, _ := d.Targets.At(s)
		for h := range c.Horizons {
			sum := 0.0
			for i := range 9 {
				v, at := d.Targets.Relative(s)[i*3+h], i*3+h
				sum += float64(v)
				if class[at] == pyg.Unlabelled && v != 0 {
					t.Fatalf("snapshot %d: an unlabelled node has %v", s, v)
				}
				if math.Abs(float64(v)) > 2 {
					wild++
				}
			}
			if math.Abs(sum) > 1e-5 {
				t.Fatalf("snapshot %d, horizon %d: the sum is %v", s, c.Horizons[h], sum)
			}
		}
	}
	if wild == 0 {
		t.Error("no target is far from 0")
	}
}

func TestVolatilityKnowsNoLaterBarAndForgetsOldOnes(t *testing.T) {
	for seed := range uint64(4) {
		r := newRand(seed + 60)
		m := randomMarket(r, 9, 5200)
		rescale(m, r.IntN(9), 2000, 1000)
		at := 3000 + r.IntN(2000)
		c := relativeConfig(TaskRank, 1)
		want, got := mustBuild(t, m, c), mustBuild(t, changeAfter(r, m, at), c)
		late := mustBuild(t, m.Cut(300, m.Bars), c) // a market that begins later
		compared, recalled := 0, 0
		for s := 0; s < want.Len() && want.bars[s] <= at; s++ {
			if !sameBits(want.Targets.Scale(s), got.Targets.Scale(s)) {
				t.Fatalf("seed %d: the future after bar %d changed the volatility of bar %d", seed, at, want.bars[s])
			}
			compared++
			if k := slices.Index(late.openTime, want.openTime[s]); k >= 0 && want.bars[s] > 300+emaMemory {
				if !sameBits(want.Targets.Scale(s), late.Targets.Scale(k)) {
					t.Fatalf("seed %d: the volatility of bar %d depends on where the market begins", seed, want.bars[s])
				}
				recalled++
			}
		}
		if compared < 1000 || recalled < 100 {
			t.Errorf("only %d and %d bars compared", compared, recalled)
		}
	}
}

func TestARelativeTaskOfAPreparedGraphNeedsItsPrices(t *testing.T) {
	d := mustBuild(t, randomMarket(newRand(53), 9, 500), defaultConfig())
	s := &Snapshots{Symbols: d.Symbols, Features: d.Features, Interval: d.Axis.Interval, Times: d.openTime, X: d.x, Mask: d.mask, Edges: d.edges, Y: slices.Clone(d.Targets.class)}
	c := relativeConfig(TaskRank, 1)
	if _, err := FromSnapshots(s, c); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "TASK=rank is learned from returns, and the graph has no prices") {
		t.Errorf("without prices: %v", err)
	}
	s.Close = make([]float64, len(d.openTime)*9)
	r := newRand(54)
	for k := range s.Close {
		s.Close[k] = math.NaN()
		if d.mask[k] {
			s.Close[k] = math.Exp(r.NormFloat64() / 100)
		}
	}
	given, err := FromSnapshots(s, c)
	if err != nil {
		t.Fatal(err)
	}
	learned := 0
	for t0 := range given.Len() {
		class, value := given.Targets.At(t0)
		for i, v := range given.Targets.Relative(t0) {
			if v != 0 {
				learned++
			}
			if class[i] != pyg.Unlabelled && (value[i] == 0 || given.Targets.Scale(t0)[i] == 0) {
				t.Fatalf("moment %d, node %d has a class, and no return in units of volatility", t0, i)
			}
		}
	}
	if learned < 1000 {
		t.Errorf("only %d targets", learned)
	}
}
