package job

import (
	"bytes"
	"context"

	"github.com/streamforge/gnn-trainer/internal/report"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/store"
)

// putReport stores report.html. A page that cannot be made costs no result: it is
// left out, with a line in the log.
func (t *trainer) putReport(ctx context.Context, a *artefacts, m result.Metrics, metadata result.Metadata, predicted *predictions, status store.Status) error {
	var page bytes.Buffer
	err := report.Write(&page, report.Input{
		Lang: t.config.Kafka.Lang, Interrupted: status == store.Interrupted, Metadata: metadata, Metrics: m,
		Settings: t.config.Public(), Test: predicted.test(), Dataset: predicted.last().dataset,
	})
	if err != nil {
		t.reporter.metrics.Error()
		t.reporter.log.Error().Err(err).Msg("the result has no report.html")
		return nil
	}
	return a.putBytes(ctx, "report.html", page.Bytes())
}
