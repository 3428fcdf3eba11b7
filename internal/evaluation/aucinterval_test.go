package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// realisedRows are so many days of rows of a few symbols, with ties.
func realisedRows(seed uint64, days, symbols int, skill float64) []realised {
	r := rand.New(rand.NewPCG(seed, 5))
	var rows []realised
	for day := range days {
		for hour := range 6 {
			for range symbols {
				ret := r.NormFloat64()
				rows = append(rows, realised{int64(day)*dayMillis + int64(hour)*3_600_000, math.Round(4 * (skill*ret + r.NormFloat64())), ret})
			}
		}
	}
	return rows
}

// redrawn are the AUCs of rows that are laid out anew for each draw of blocks.
func redrawn(rows []realised) []float64 {
	times := make([]int64, len(rows))
	for i, r := range rows {
		times[i] = r.openTime
	}
	number, count := blockNumbers(times)
	r := rand.New(rand.NewPCG(resampleSeed, uint64(count)))
	var aucs []float64
	for range resamples {
		var score, ret []float64
		for range count {
			block := r.IntN(count)
			for i, row := range rows {
				if number[i] == block {
					score, ret = append(score, row.score), append(ret, row.ret)
				}
			}
		}
		aucs = append(aucs, AUC(score, ret))
	}
	slices.Sort(aucs)
	return aucs
}

func TestTheIntervalOfAUCIsThatOfRowsDrawnByDays(t *testing.T) {
	for name, rows := range map[string][]realised{
		"days, pairs counted":   realisedRows(1, 12, 9, 0.2), // 648 rows, 144 pairs of blocks
		"days, rows walked":     realisedRows(2, 30, 1, 0.2), // 180 rows, 900 pairs
		"few days":              realisedRows(3, 3, 4, 0.2),
		"one time, each itself": realisedRows(4, 1, 1, 0.2)[:6],
	} {
		if got, want := aucInterval(rows), intervalOf(redrawn(rows)); got != want && !(len(rows) == 6 && math.IsNaN(float64(want.Low))) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestBothWaysToCountPairsGiveTheSameBits(t *testing.T) {
	rows := realisedRows(5, 12, 9, 0.1)
	times := make([]int64, len(rows))
	for i, r := range rows {
		times[i] = r.openTime
	}
	number, count := blockNumbers(times)
	s := newScoredBlocks(rows, number, count)
	if s.halves == nil {
		t.Fatal("it would walk")
	}
	walked := *s
	walked.halves = nil
	r := rand.New(rand.NewPCG(6, 6))
	for range 50 {
		drawn := make([]int64, count)
		for i := range drawn {
			drawn[i] = int64(r.IntN(4))
		}
		if a, b := s.auc(drawn), walked.auc(drawn); a != b && !(math.IsNaN(a) && math.IsNaN(b)) {
			t.Fatalf("%v and %v of %v", a, b, drawn)
		}
	}
	each := slices.Repeat([]int64{1}, count)
	var score, ret []float64
	for _, row := range rows {
		score, ret = append(score, row.score), append(ret, row.ret)
	}
	if got, want := s.auc(each), AUC(score, ret); got != want {
		t.Errorf("each block once: %v, want %v", got, want)
	}
}

func TestTheIntervalOfAUCHoldsOneHalfWithoutSkill(t *testing.T) {
	const markets = 80
	holds := 0
	for seed := range uint64(markets) {
		if i := aucInterval(realisedRows(100+seed, 20, 4, 0)); i.Low <= 0.5 && i.High >= 0.5 {
			holds++
		}
	}
	if holds < 70 || holds > 79 { // 76 are expected
		t.Errorf("%d of %d intervals hold 1/2", holds, markets)
	}
	if i := aucInterval(realisedRows(7, 25, 6, 0.3)); i.Low < 0.52 {
		t.Errorf("with skill: %v", i)
	}
}

func TestRowsWithoutAnAUCHaveNoInterval(t *testing.T) {
	falls := realisedRows(8, 12, 3, 0)
	for i := range falls {
		falls[i].ret = -1
	}
	for name, rows := range map[string][]realised{"nothing": nil, "one row": falls[:1], "falls only": falls} {
		if i := aucInterval(rows); !math.IsNaN(float64(i.Low)) || !math.IsNaN(float64(i.High)) {
			t.Errorf("%s: %v", name, i)
		}
	}
}
