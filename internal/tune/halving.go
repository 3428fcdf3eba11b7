package tune

import (
	"cmp"
	"math"
	"slices"
)

// Successive halving (Jamieson and Talwalkar, Non-stochastic best arm
// identification, 2016), with rungs a factor eta apart: all configurations are
// trained for a few epochs, the best third of them for three times as many, and so
// on. A rung is a whole training of so many epochs from the start, its schedule
// included: a training that was cut short would be compared at a learning rate that
// has not fallen yet.
const (
	eta      = 3
	maxRungs = 3
)

// Rungs is how many rungs trainings of so many epochs have: no rung has fewer than
// one epoch, and no two the same.
func Rungs(epochs int) int {
	rungs := 1
	for rungs < maxRungs && epochs >= int(math.Pow(eta, float64(rungs))) {
		rungs++
	}
	return rungs
}

// EpochsAt are those of a rung, from 0, of a configuration that is trained for so
// many in the end.
func EpochsAt(epochs, rung, rungs int) int {
	share := int(math.Pow(eta, float64(rungs-1-rung)))
	return (epochs + share - 1) / share
}

// widths are how many of so many trials each rung takes; a rung that would take
// one alone is left out, since nothing is left to choose.
func widths(trials, rungs int) []int {
	var list []int
	for n := trials; len(list) < rungs && (n > 1 || len(list) == 0); n = (n + eta - 1) / eta {
		list = append(list, n)
	}
	return list
}

// Next is the trial to train next, from 0, and its rung; done is true where none
// is left, and trial is the chosen one, -1 where every training of all diverged.
func (s *State) Next() (trial, rung int, done bool) {
	in := make([]int, len(s.Trials))
	for i := range in {
		in[i] = i
	}
	for rung, width := range widths(len(s.Trials), s.Rungs) {
		in = s.best(in, rung-1)[:min(width, len(in))]
		if rung > 0 {
			in = slices.DeleteFunc(in, func(trial int) bool { return math.IsInf(s.Trials[trial].at(rung-1), -1) })
		}
		slices.Sort(in)
		for _, trial := range in {
			if len(s.Trials[trial].Runs) <= rung {
				return trial, rung, false
			}
		}
	}
	if len(in) > 0 {
		in = s.best(in, len(widths(len(s.Trials), s.Rungs))-1)
	}
	if len(in) == 0 || !s.Trials[in[0]].worked() {
		return -1, 0, true
	}
	return in[0], 0, true
}

// best are trials by what they came to at a rung, the best first; those that
// failed come last, and of equal ones the earlier comes first. At rung -1 all are
// equal.
func (s *State) best(trials []int, rung int) []int {
	if rung < 0 {
		return trials
	}
	sorted := slices.Clone(trials)
	slices.SortStableFunc(sorted, func(a, b int) int {
		return cmp.Compare(s.Trials[b].at(rung), s.Trials[a].at(rung))
	})
	return sorted
}

// at is what a trial came to at a rung, to be compared; -Inf where it failed.
func (t Trial) at(rung int) float64 {
	if v := float64(t.Runs[rung].Value); !math.IsNaN(v) {
		return v
	}
	return math.Inf(-1)
}

func (t Trial) worked() bool {
	return len(t.Runs) > 0 && !math.IsInf(t.at(len(t.Runs)-1), -1)
}

// Trainings are how many runs the search has, and how many of them are done.
func (s *State) Trainings() (done, of int) {
	for _, width := range widths(len(s.Trials), s.Rungs) {
		of += width
	}
	for _, t := range s.Trials {
		done += len(t.Runs)
	}
	return done, of
}

// Epochs are those of all runs, at most, and of the runs that are done.
func (s *State) Epochs() (done, of int) {
	for rung, width := range widths(len(s.Trials), s.Rungs) {
		counted := 0
		for _, t := range s.Trials {
			if len(t.Runs) > rung {
				counted++
				done += EpochsAt(t.Epochs, rung, s.Rungs)
				of += EpochsAt(t.Epochs, rung, s.Rungs)
			}
		}
		of += (width - counted) * EpochsAt(s.Trials[0].Epochs, rung, s.Rungs)
	}
	return done, of
}
