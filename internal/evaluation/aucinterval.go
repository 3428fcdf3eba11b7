package evaluation

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// aucInterval is the percentile interval of the AUC of rows, whose times rise, by
// a bootstrap over the blocks of time that MeanInterval draws: a block that is
// drawn twice has all its rows twice.
func aucInterval(rows []realised) Interval {
	none := Interval{Float(math.NaN()), Float(math.NaN())}
	times := make([]int64, len(rows))
	for i, r := range rows {
		if math.IsNaN(r.score) {
			return none
		}
		times[i] = r.openTime
	}
	block, blocks := blockNumbers(times)
	if blocks < 2 {
		return none
	}
	s := newScoredBlocks(rows, block, blocks)
	r := rand.New(rand.NewPCG(resampleSeed, uint64(blocks)))
	var aucs []float64
	drawn := make([]int64, blocks)
	for range resamples {
		clear(drawn)
		for range blocks {
			drawn[r.IntN(blocks)]++
		}
		if auc := s.auc(drawn); !math.IsNaN(auc) {
			aucs = append(aucs, auc)
		}
	}
	if len(aucs) < resamples/2 { // most draws have no rise, or nothing else
		return none
	}
	slices.Sort(aucs)
	return intervalOf(aucs)
}

// scoredBlocks counts pairs of rises and other rows of drawn blocks.
type scoredBlocks struct {
	rises, others []int64 // [B] rows of each block
	// halves [B, B] are, of each block's rises with each block's others, the pairs
	// in which the rise has the higher score, ties counting half, in halves. nil
	// where there are so many blocks that a walk over the rows is shorter.
	halves []int64
	order  []scored // by score
	some   []int    // blocks of a draw
}

// walkedRow is how many pairs of blocks a row of a walk takes as long as.
const walkedRow = 4

// scored is a row in the order of scores.
type scored struct {
	score float64
	block int
	rise  bool
}

func newScoredBlocks(rows []realised, block []int, blocks int) *scoredBlocks {
	s := &scoredBlocks{rises: make([]int64, blocks), others: make([]int64, blocks), order: make([]scored, len(rows))}
	for i, r := range rows {
		s.order[i] = scored{r.score, block[i], r.ret > 0}
		if r.ret > 0 {
			s.rises[block[i]]++
		} else {
			s.others[block[i]]++
		}
	}
	slices.SortFunc(s.order, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	if blocks*blocks < walkedRow*len(rows) {
		s.count(blocks)
	}
	return s
}

// count fills halves.
func (s *scoredBlocks) count(blocks int) {
	s.halves = make([]int64, blocks*blocks)
	below := make([]int64, blocks) // others under the score, and with the equal ones twice over, in halves
	for from, to := 0, 0; from < len(s.order); from = to {
		to = s.equalTo(from)
		for _, r := range s.order[from:to] {
			if !r.rise {
				below[r.block]++
			}
		}
		for _, r := range s.order[from:to] {
			if r.rise {
				row := s.halves[r.block*blocks : (r.block+1)*blocks]
				for j, n := range below {
					row[j] += n
				}
			}
		}
		for _, r := range s.order[from:to] {
			if !r.rise {
				below[r.block]++
			}
		}
	}
}

// equalTo is the end of the rows whose score is that of row from.
func (s *scoredBlocks) equalTo(from int) int {
	to := from + 1
	for to < len(s.order) && s.order[to].score == s.order[from].score {
		to++
	}
	return to
}

// auc is that of all rows, those of block b drawn[b] times; NaN where there is no
// pair. It counts whole halves, so that both ways give the same bits.
func (s *scoredBlocks) auc(drawn []int64) float64 {
	var rises, others, halves int64
	for b, n := range drawn {
		rises += n * s.rises[b]
		others += n * s.others[b]
	}
	if rises == 0 || others == 0 {
		return math.NaN()
	}
	if s.halves != nil {
		s.some = s.some[:0]
		for b, n := range drawn {
			if n > 0 {
				s.some = append(s.some, b)
			}
		}
		for _, i := range s.some {
			row, sum := s.halves[i*len(drawn):(i+1)*len(drawn)], int64(0)
			for _, j := range s.some {
				sum += drawn[j] * row[j]
			}
			halves += drawn[i] * sum
		}
	} else {
		below := int64(0)
		for from, to := 0, 0; from < len(s.order); from = to {
			to = s.equalTo(from)
			rise, other := int64(0), int64(0)
			for _, r := range s.order[from:to] {
				if r.rise {
					rise += drawn[r.block]
				} else {
					other += drawn[r.block]
				}
			}
			halves += rise * (2*below + other)
			below += other
		}
	}
	return float64(halves) / (2 * float64(rises) * float64(others))
}
