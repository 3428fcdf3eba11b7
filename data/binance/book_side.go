package binance

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// side is one side of a book: its levels in one sorted slice, the best one last.
// Nearly all changes are near the best price, so they move few levels, and the
// best 20 lie side by side. (A map needs a sort for each look at the best, and
// a tree follows a pointer for each level.)
type side struct {
	sign   int64 // 1: the highest price is best; -1: the lowest
	levels []Level
	// far is the key of the farthest price that is known: the snapshot had no
	// level beyond it. What lies there is left out, since updates alone would
	// make up a book with holes.
	far int64
}

// everything is far of a side that is known to its end.
const everything = math.MinInt64

func (s *side) key(l Level) int64 { return s.sign * l.Price }

// set makes a level as l has it.
func (s *side) set(l Level) {
	key := s.key(l)
	if key < s.far {
		return
	}
	at, there := slices.BinarySearchFunc(s.levels, key, func(have Level, key int64) int { return cmp.Compare(s.key(have), key) })
	switch {
	case there && l.Size == 0:
		s.levels = slices.Delete(s.levels, at, at+1)
	case there:
		s.levels[at].Size = l.Size
	case l.Size > 0: // to remove what is not there is normal
		s.levels = slices.Insert(s.levels, at, l)
	}
}

// load takes the levels of a snapshot in; limit is how many were asked for, 0 all.
func (s *side) load(levels []Level, limit int) error {
	s.levels, s.far = make([]Level, 0, len(levels)+len(levels)/4), everything
	for _, l := range levels {
		if l.Size > 0 {
			s.levels = append(s.levels, l)
		}
	}
	// The exchange writes the best one first.
	slices.Reverse(s.levels)
	slices.SortFunc(s.levels, func(a, b Level) int { return cmp.Compare(s.key(a), s.key(b)) })
	for i := 1; i < len(s.levels); i++ {
		if s.levels[i].Price == s.levels[i-1].Price {
			return fmt.Errorf("a snapshot has the price %v twice", price(s.levels[i].Price))
		}
	}
	if limit > 0 && len(levels) >= limit && len(s.levels) > 0 {
		s.far = s.key(s.levels[0])
	}
	return nil
}

// best is the best level.
func (s *side) best() (Level, bool) {
	if len(s.levels) == 0 {
		return Level{}, false
	}
	return s.levels[len(s.levels)-1], true
}

// size sums the best levels, the best one first: the order of a sum of floats
// is part of its value.
func (s *side) size(levels int) (sum float64) {
	for i := len(s.levels) - 1; i >= max(0, len(s.levels)-levels); i-- {
		sum += s.levels[i].Size
	}
	return sum
}

// knows reports whether the best levels are known, however many there are.
func (s *side) knows(levels int) bool { return s.far == everything || len(s.levels) >= levels }

// all are the levels, the best one first.
func (s *side) all() []Level {
	all := slices.Clone(s.levels)
	slices.Reverse(all)
	return all
}
