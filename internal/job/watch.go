package job

import (
	"fmt"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
)

// watch reports how far a source is; see watchSteps.
func (l *loader) watch() (watch data.Watcher, done func()) { return watchSteps(l.reporter, l.console) }

// watchSteps reports steps and waits on the console, in the metrics and in
// telemetry, which sends the newest step of a second.
func watchSteps(r *reporter, console *progress.Console) (watch data.Watcher, done func()) {
	display := progress.NewLoading(console, r.log)
	return func(s data.Step) {
			display.Step(s)
			r.metrics.Step(s)
			r.handleTelemetryError(r.telemetry.Loading(stepText(s)))
		}, func() {
			r.metrics.LoadDone()
			display.Done()
		}
}

// stepText is the message of a step's event.
func stepText(s data.Step) kafka.Text {
	count := ""
	if s.Total > 0 {
		count = fmt.Sprintf(" %d/%d", s.Done, s.Total)
	} else if s.Done > 0 {
		count = fmt.Sprintf(" %d", s.Done)
	}
	switch s.Phase {
	case data.Fetching:
		return kafka.Text{Russian: "Загрузка данных с биржи:" + count, English: "Fetching from the exchange:" + count}
	case data.ReadingCache:
		return kafka.Text{Russian: "Чтение кэша:" + count, English: "Reading the cache:" + count}
	case data.ReadingDatabase:
		return kafka.Text{Russian: "Чтение базы данных:" + count, English: "Reading the database:" + count}
	case data.Waiting:
		if s.Tries > 0 {
			return kafka.Text{
				Russian: fmt.Sprintf("Ожидание попытки %d из %d%s%s: %s", s.Try, s.Tries, clock(" в ", s.Until), clock(", отказ около ", s.GivesUp), s.Why),
				English: fmt.Sprintf("Waiting for try %d of %d%s%s: %s", s.Try, s.Tries, clock(" at ", s.Until), clock(", giving up about ", s.GivesUp), s.Why),
			}
		}
		return kafka.Text{Russian: "Ожидание" + clock(" до ", s.Until) + ": " + s.Why, English: "Waiting" + clock(" until ", s.Until) + ": " + s.Why}
	}
	return kafka.LoadingData
}

// clock is a time of day behind words; empty: it is not known.
func clock(words string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return words + t.UTC().Format("15:04:05 UTC")
}
