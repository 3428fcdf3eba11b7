package job

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/tune"
	"github.com/streamforge/gnn-trainer/kafka"
)

// report emits that a training of a trial begins, and what the best has come to.
func (f *searched) report(t *trainer, trial, rung int) {
	number, of, epochs := trial+1, len(f.state.Trials), tune.EpochsAt(f.state.Trials[trial].Epochs, rung, f.state.Rungs)
	text := kafka.Text{
		Russian: fmt.Sprintf("Проба %d из %d, эпох: %d", number, of, epochs),
		English: fmt.Sprintf("Trial %d of %d for %d epochs", number, of, epochs),
	}
	if best, run, ok := f.state.Best(); ok {
		text.Russian += fmt.Sprintf("; лучшая — %d, %s %.5g", best.Number, f.state.Metric, f.shown(run))
		text.English += fmt.Sprintf("; the best is %d, %s %.5g", best.Number, f.state.Metric, f.shown(run))
	}
	t.reporter.handleTelemetryError(t.reporter.telemetry.Loading(text))
}

// shown is a run's value as a person reads it: a loss is positive.
func (f *searched) shown(r tune.Run) float64 { return shownValue(f.state.Metric, float64(r.Value)) }

func shownValue(metric string, value float64) float64 {
	if metric == validLossName {
		return -value
	}
	return value
}

// log logs a training of a trial that has ended, and the choice after the last one.
func (f *searched) log(t *trainer, trial, rung int) {
	run := f.state.Trials[trial].Runs[rung]
	done, of := f.state.Epochs()
	t.reporter.metrics.Search(float64(done) / float64(of))
	line := t.reporter.log.Info().Int("trial", trial+1).Int("trials", len(f.state.Trials)).Int("epochs", run.Epochs).Str("settings", named(f.state.Trials[trial].Settings))
	if run.Failed != "" {
		line.Str("why", run.Failed).Msg("trial failed")
	} else {
		line.Float64(f.state.Metric, f.shown(run)).Msg("trial validated")
	}
	if f.chosen != nil {
		t.reporter.log.Info().Int("trial", f.state.Chosen).Str("settings", named(f.state.Trials[f.state.Chosen-1].Settings)).Msg("settings chosen by the validation split")
	}
}

// named are settings in a line; those without effect are left out.
func named(s tune.Settings) string {
	return strings.Join(slices.DeleteFunc(s.Sorted(), func(line string) bool { return strings.HasSuffix(line, "=") }), " ")
}
