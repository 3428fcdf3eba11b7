package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// run is one row of the table.
type run struct {
	title   string
	process string // under /proc
	loss    func() float64
	epoch   func() float64 // nil: ours, whose epochs lead the rounds

	seconds       []float64 // of the counted turns
	ratios        []float64 // to ours, turn by turn
	before, after float64   // loss
	megabytes     float64   // peak resident memory
}

// table is markdown.
func table(ours *run, all []*run) string {
	var b strings.Builder
	b.WriteString("| configuration | epoch: median | fastest | times ours: median (range) | loss before, after | peak memory |\n")
	b.WriteString("|---|---|---|---|---|---|\n")
	for _, r := range all {
		times := "1"
		if r != ours {
			times = fmt.Sprintf("%.2f (%.2f to %.2f)", median(r.ratios), slices.Min(r.ratios), slices.Max(r.ratios))
		}
		fmt.Fprintf(&b, "| %s | %.3f s | %.3f s | %s | %.4f, %.4f | %.0f MB |\n",
			r.title, median(r.seconds), slices.Min(r.seconds), times, r.before, r.after, r.megabytes)
	}
	best := slices.MinFunc(all[1:], func(a, b *run) int { return cmp.Compare(median(a.ratios), median(b.ratios)) })
	fmt.Fprintf(&b, "\nThe fastest peer: %s, %.2f times our time.\n", best.title, median(best.ratios))
	return b.String()
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
