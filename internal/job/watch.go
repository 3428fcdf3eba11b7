package job

import (
	"fmt"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
)

// watch reports how far a source is, on the console, in the metrics and in
// telemetry, which sends the newest step of a second.
func (l *loader) watch() (watch data.Watcher, done func()) {
	r := l.reporter
	display := progress.NewLoading(l.console, r.log)
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
		until := ""
		if !s.Until.IsZero() {
			until = s.Until.UTC().Format(" (15:04:05 UTC)")
		}
		if s.Tries > 0 {
			return kafka.Text{
				Russian: fmt.Sprintf("Ожидание попытки %d из %d%s: %s", s.Try, s.Tries, until, s.Why),
				English: fmt.Sprintf("Waiting for try %d of %d%s: %s", s.Try, s.Tries, until, s.Why),
			}
		}
		return kafka.Text{Russian: "Ожидание" + until + ": " + s.Why, English: "Waiting" + until + ": " + s.Why}
	}
	return kafka.LoadingData
}
