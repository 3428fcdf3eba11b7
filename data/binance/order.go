package binance

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// tolerated counts what was wrong in answers and put right.
type tolerated struct{ duplicates, disordered atomic.Int64 }

// Tolerated is how many rows of the answers were there before with the same
// values, and how many came after a later one: mirrors serve such.
func (c *Client) Tolerated() (duplicates, disordered int) {
	return int(c.tolerated.duplicates.Load()), int(c.tolerated.disordered.Load())
}

// inOrder sorts the rows of an answer by time and drops repetitions, counting
// both. Rows of another time than [from, to) and two that differ at one time are
// a failure of the server.
func inOrder[R row](c *Client, rows []R, of string, from, to int64) ([]R, error) {
	newest := from - 1
	for _, r := range rows {
		if r.at() < from || r.at() >= to {
			return nil, fault.Transient("%s answers with a row of %d (%s) when asked for %d to %d", c.url, r.at(), of, from, to).At("%s", c.url)
		}
		if r.at() < newest {
			c.tolerated.disordered.Add(1)
		}
		newest = max(newest, r.at())
	}
	slices.SortStableFunc(rows, func(a, b R) int { return cmp.Compare(a.at(), b.at()) })
	kept := rows[:0]
	for _, r := range rows {
		if len(kept) == 0 || r.at() != kept[len(kept)-1].at() {
			kept = append(kept, r)
			continue
		}
		if any(r) != any(kept[len(kept)-1]) {
			return nil, fault.Transient("%s answers with two different rows of %d (%s)", c.url, r.at(), of).At("%s", c.url)
		}
		c.tolerated.duplicates.Add(1)
	}
	return kept, nil
}
