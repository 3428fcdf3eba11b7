package job

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/internal/tune"
)

// writeTrials writes the trials of a search, those that were trained longest first
// and the best of them before the others. Its lines take fewer than columns.
func writeTrials(w io.Writer, columns int, s *tune.State) error {
	trials := slices.DeleteFunc(slices.Clone(s.Trials), func(t tune.Trial) bool { return len(t.Runs) == 0 })
	if len(trials) == 0 {
		return nil
	}
	last := func(t tune.Trial) tune.Run { return t.Runs[len(t.Runs)-1] }
	value := func(t tune.Trial) float64 {
		if v := float64(last(t).Value); !math.IsNaN(v) {
			return v
		}
		return math.Inf(-1)
	}
	slices.SortStableFunc(trials, func(a, b tune.Trial) int {
		switch {
		case a.Number == s.Chosen || len(a.Runs) > len(b.Runs) && b.Number != s.Chosen:
			return -1
		case b.Number == s.Chosen || len(a.Runs) < len(b.Runs):
			return 1
		case value(a) > value(b):
			return -1
		case value(a) < value(b):
			return 1
		}
		return 0
	})
	var b strings.Builder
	metric := strings.ReplaceAll(s.Metric, "_", " ")
	width := max(len(metric), len("failed"))
	done, of := s.Trainings()
	fmt.Fprintf(&b, "\n%-*s%5s  %6s  %*s  settings\n", margin, "trials", "trial", "epochs", width, metric)
	for _, t := range trials {
		came := "failed"
		if last(t).Failed == "" {
			came = fmt.Sprintf("%.5f", shownValue(s.Metric, float64(last(t).Value)))
		}
		mark := ""
		if t.Number == s.Chosen {
			mark = "chosen"
		}
		line := fmt.Sprintf("%-*s%5d  %6d  %*s  %s", margin, mark, t.Number, last(t).Epochs, width, came, named(t.Settings))
		if utf8.RuneCountInString(line) >= columns {
			line = string([]rune(line)[:columns-2]) + "…"
		}
		b.WriteString(line + "\n")
	}
	if s.Chosen == 0 {
		fmt.Fprintf(&b, "%-*s%d of %d trainings are done: the next start of this QUEUE_ID goes on\n", margin, "", done, of)
	}
	_, err := io.WriteString(w, progress.Wrap(b.String(), columns, margin))
	return err
}
