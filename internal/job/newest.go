package job

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/result"
)

// bar is what a model predicts of one bar.
type bar struct {
	openTime int64     // Unix ms
	closed   time.Time // when it did
	symbols  []string  // nodes of the market
	masked   []string  // those of them without a prediction
	rows     []evaluation.Prediction
}

// all are the rows, by node and horizon.
func (b *bar) all() iter.Seq[evaluation.Prediction] {
	return func(yield func(evaluation.Prediction) bool) {
		for _, row := range b.rows {
			if !yield(row) {
				return
			}
		}
	}
}

// newestSource is where the bars are that a model reads of the newest one: of a
// configured source, of which END alone still counts, the model's nodes and as many
// bars as its recipe reaches back.
func newestSource(c source.Config, m *result.Metadata) (source.Config, error) {
	span, err := c.Range()
	if err != nil {
		return c, err
	}
	recipe := m.Recipe()
	c.Interval, c.Symbol, c.Symbols, c.Exclude, c.Columns = m.Interval, m.Symbol, strings.Join(m.Symbols, ","), "", recipe.Features.Columns()
	if c.Source == source.Simulated { // whose bars depend on where it begins and ends
		return c, nil
	}
	c.Start, c.End, c.Lookback = "", "", ""
	if !span.End.IsZero() {
		c.End = span.End.Format(time.RFC3339Nano)
	}
	if m.Sessions { // how long so many bars are is not known before they are read
		return c, nil
	}
	c.Lookback = fmt.Sprintf("%dm", recipe.Reach(m.Window)*int(recipe.Interval/time.Minute))
	return c, nil
}

// seen is what a source has, whether its newest bar can be predicted or not.
type seen struct {
	openTime int64         // of the newest bar, Unix ms; 0: nothing was read
	ahead    time.Duration // of the clock that decides which bars have closed over this machine's
}

// loadNewest builds the panel whose last snapshot is of the newest closed bar.
func loadNewest(ctx context.Context, c source.Config, m *result.Metadata, log zerolog.Logger) (*data.Panel, seen, error) {
	c, err := newestSource(c, m)
	if err != nil {
		return nil, seen{}, err
	}
	market, report, err := source.Load(ctx, c)
	if err != nil {
		return nil, seen{}, err
	}
	at := seen{openTime: market.OpenTime(market.Bars - 1)}
	if !report.Now.IsZero() {
		at.ahead = time.Until(report.Now)
	}
	for _, line := range report.Warnings[:min(len(report.Warnings), maxWarnings)] {
		log.Warn().Msg(line)
	}
	if (market.Times != nil) != m.Sessions {
		had, has := "no closing hours", "some"
		if m.Sessions {
			had, has = "closing hours", "none"
		}
		return nil, seen{}, fault.Input("the model's market had %s, and this one has %s", had, has).At("DATA_SOURCE").Fix("set the source that the model was trained on, and let it have the same hours")
	}
	recipe := m.Recipe()
	if reach := recipe.Reach(m.Window); market.Bars < reach {
		log.Warn().Int("bars", market.Bars).Int("reach", reach).
			Msgf("the source has %d bars up to the newest, and the recipe reaches back over %d: the last digits may differ from those of a longer history", market.Bars, reach)
	}
	panel, err := await(ctx, func() (*data.Panel, error) { return recipe.BuildNewest(market, m.Window) })
	return panel, at, err
}

// predictNewest predicts the last snapshot of a panel.
func predictNewest(ctx context.Context, p *data.Panel, model *servedModel) (*bar, error) {
	t, m, task := p.Len()-1, model.metadata, model.task
	out, err := model.predictor.Predict(ctx, p, []int{t})
	if err != nil {
		return nil, fmt.Errorf("predicting: %w", err)
	}
	b := &bar{openTime: p.OpenTimes()[t], closed: time.UnixMilli(p.Axis.CloseTime(p.Bar(t))).UTC(), symbols: p.Symbols}
	for i, present := range p.Mask(t) {
		if !present {
			b.masked = append(b.masked, p.Symbols[i])
			continue
		}
		for h, horizon := range m.Horizons {
			at := (i*out.Horizons + h) * out.Columns
			values := out.Values[at : at+out.Columns]
			row := evaluation.Prediction{OpenTime: b.openTime, Symbol: p.Symbols[i], Split: string(data.Live), Horizon: int64(horizon), Fold: int64(m.Fold), Score: task.Score(values)}
			row.SetProbabilities(task.Columns(), values)
			b.rows = append(b.rows, row)
		}
	}
	return b, nil
}
