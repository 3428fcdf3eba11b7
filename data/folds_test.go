package data

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// letters writes parts as one letter each: t train, v valid, x test, l live,
// a dot for a gap.
func letters(splits []Split) string {
	s := ""
	for _, part := range splits {
		s += map[Split]string{Train: "t", Valid: "v", Test: "x", Live: "l", Gap: "."}[part]
	}
	return s
}

func TestSplitsFollowTimeWithAGapOfHorizonBarsBeforeEachBoundary(t *testing.T) {
	at := func(m *Market, bar int) time.Time { return time.UnixMilli(m.OpenTime(bar)) }
	for _, test := range []struct {
		name    string
		horizon int
		bars    []int // nil: 10 to 29
		change  func(c *Config, m *Market)
		want    string
	}{
		{"shares", 1, nil, nil, "tttttttttt.vvv.xxxxl"},
		{"shares at horizon 3", 3, nil, nil, "ttttttt...v...xxxlll"},
		{"shares whose sum is a hair short", 1, nil, func(c *Config, _ *Market) { c.TrainFraction, c.ValidFraction = 0.7, 0.1 }, "tttttttttttt.v.xxxxl"},
		{"ends on bars", 2, nil, func(c *Config, m *Market) { c.TrainEnd, c.ValidEnd = at(m, 18), at(m, 24) }, "tttttt..vvvv..xxxxll"},
		{"ends between bars", 2, nil, func(c *Config, m *Market) {
			c.TrainEnd, c.ValidEnd = at(m, 17).Add(time.Second), at(m, 23).Add(4*time.Minute)
		}, "tttttt..vvvv..xxxxll"},
		{"an end a moment after a bar opens leaves that bar before it", 1, nil, func(c *Config, m *Market) {
			c.TrainEnd, c.ValidEnd = at(m, 18).Add(time.Microsecond), at(m, 24)
		}, "tttttttt.vvvv.xxxxxl"},
		{
			"dropped snapshots do not shorten the gap in time", 3,
			[]int{10, 11, 12, 13, 17, 18, 19, 22, 23, 24, 25, 26, 27, 28, 29},
			func(c *Config, m *Market) { c.TrainEnd, c.ValidEnd = at(m, 18), at(m, 23) }, "tttt.vv.xxxxlll",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := emptyMarket(1, 30)
			cfg := defaultConfig()
			cfg.Horizons = Horizons{test.horizon}
			if test.change != nil {
				test.change(&cfg, m)
			}
			bars := test.bars
			for b := 10; test.bars == nil && b < 30; b++ {
				bars = append(bars, b)
			}
			folds, err := cfg.divide(m.Axis(), bars, emptyTargets(cfg.TargetConfig, m.Bars, 1))
			if err != nil {
				t.Fatal(err)
			}
			if got := letters(folds[0].Splits); got != test.want {
				t.Errorf("splits are %s, want %s", got, test.want)
			}
		})
	}
}

func TestAnEmptySplitIsRejectedWithTheVariableThatMakesIt(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(c *Config, m *Market)
		want   []string
	}{
		{"no train", func(c *Config, _ *Market) { c.TrainFraction = 0.01 }, []string{"train split is empty", "TRAIN_FRACTION=0.01"}},
		{"no valid", func(c *Config, _ *Market) { c.ValidFraction = 0.05 }, []string{"valid split is empty", "VALID_FRACTION=0.05"}},
		{"no test", func(c *Config, _ *Market) { c.TrainFraction, c.ValidFraction = 0.5, 0.49 }, []string{"test split is empty"}},
		{"the gap takes the split", func(c *Config, _ *Market) { c.Horizons = Horizons{4} }, []string{"valid split is empty", "HORIZON=4"}},
		{"no label is known", func(c *Config, _ *Market) { c.Horizons = Horizons{25} }, []string{"HORIZON=25"}},
		{"TRAIN_END before the data", func(c *Config, m *Market) {
			c.TrainEnd, c.ValidEnd = testStart.Add(-time.Hour), time.UnixMilli(m.OpenTime(20))
		}, []string{"TRAIN_END 2024-06-01T20:15:00Z", "2024-06-01T22:05:00Z"}},
		{"VALID_END after the data", func(c *Config, m *Market) {
			c.TrainEnd, c.ValidEnd = time.UnixMilli(m.OpenTime(20)), testStart.Add(24*time.Hour)
		}, []string{"VALID_END 2024-06-02T21:15:00Z", "2024-06-01T23:35:00Z"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := emptyMarket(1, 30)
			cfg := defaultConfig()
			test.change(&cfg, m)
			bars := make([]int, 20)
			for k := range bars {
				bars[k] = 10 + k
			}
			_, err := cfg.divide(m.Axis(), bars, emptyTargets(cfg.TargetConfig, m.Bars, 1))
			if !errors.Is(err, ErrInput) {
				t.Fatalf("error is %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

// EmptySplit tells beforehand what a split would say of a market without gaps.
func TestAnEmptySplitIsKnownFromTheNumberOfBars(t *testing.T) {
	cfg := defaultConfig()
	for _, horizon := range []int{1, 3, 10} {
		for _, folds := range []int{1, 2, 5} {
			for _, shares := range [][2]float64{{0.6, 0.2}, {0.7, 0.1}, {0.05, 0.9}, {0.9, 0.05}} {
				cfg.Count, cfg.Horizons, cfg.TrainFraction, cfg.ValidFraction = folds, Horizons{horizon}, shares[0], shares[1]
				for n := cfg.LeastBars(); n < cfg.LeastBars()+80; n++ {
					if err := cfg.CheckBars(n); err != nil {
						t.Fatal(err)
					}
					var bars []int
					for b := cfg.firstBar(); b < n; b++ {
						bars = append(bars, b)
					}
					_, err := cfg.divide(emptyMarket(1, n).Axis(), bars, emptyTargets(cfg.TargetConfig, n, 1))
					split := cfg.EmptySplit(n)
					if (err == nil) != (split == "") || err != nil && folds == 1 && !strings.Contains(err.Error(), "the "+string(split)+" split is empty") {
						t.Fatalf("HORIZON=%d, shares %v, %d bars: %q is said to be empty, and a split says %v", horizon, shares, n, split, err)
					}
				}
				if err := cfg.CheckBars(cfg.LeastBars() - 1); !errors.Is(err, ErrInput) {
					t.Errorf("a bar less than the least gives %v", err)
				}
			}
		}
	}
}
