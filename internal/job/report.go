package job

import (
	"bytes"
	"context"
	"time"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/report"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/store"
)

// putReport stores report.html. A page that cannot be made costs no result: it is
// left out, with a line in the log.
func (t *trainer) putReport(ctx context.Context, a *artefacts, m result.Metrics, metadata result.Metadata, predicted *predictions, status store.Status) error {
	var page bytes.Buffer
	begin := time.Now()
	err := report.Write(&page, report.Input{
		Lang: t.config.Kafka.Lang, Interrupted: status == store.Interrupted, Metadata: metadata, Metrics: m,
		Settings: t.config.Public(), Audit: shownAudit(m), Test: predicted.test(), Dataset: predicted.last().dataset,
	})
	if err != nil {
		t.reporter.metrics.Error()
		t.reporter.log.Error().Err(err).Msg("the result has no report.html")
		return nil
	}
	t.reporter.log.Debug().Float64("seconds", round(evaluation.Float(time.Since(begin).Seconds()))).Int("bytes", page.Len()).Msg("report written")
	return a.putBytes(ctx, "report.html", page.Bytes())
}
