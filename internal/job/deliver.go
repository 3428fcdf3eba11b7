package job

import (
	"context"
	"fmt"
	"time"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// write writes a bar to stdout, first of all, since that is the fastest.
func (p *prediction) write(b *bar) error {
	if err := evaluation.WriteLines(p.lines, b.all(), p.model.queueID); err != nil {
		return fault.Transient("%w", err)
	}
	return nil
}

// handOn gives a bar to Kafka's topic and to the store. Each gets the same bytes for
// the same bar of the same model.
func (p *prediction) handOn(ctx context.Context, b *bar) error {
	if p.topic != nil {
		if err := p.publish(ctx, b); err != nil {
			return err
		}
	}
	if p.config.Predict.Keep {
		return p.keep(ctx, b)
	}
	return nil
}

// publish sends a bar to PREDICTIONS_TOPIC, by a key that bars of one model name and
// interval share.
func (p *prediction) publish(ctx context.Context, b *bar) error {
	m := p.model.metadata
	message, err := evaluation.Message(evaluation.Bar{
		ModelName: p.config.Store.ModelName, ModelQueueID: p.model.queueID, Interval: m.Interval, OpenTime: b.openTime, CloseTime: b.closed.UnixMilli(),
	}, b.all())
	if err != nil {
		return err
	}
	return p.topic.Send(ctx, p.config.Store.ModelName+"/"+m.Interval, message)
}

// keep adds a bar to the file of its day (UTC), unless that has it.
func (p *prediction) keep(ctx context.Context, b *bar) error {
	c := p.config
	c.IDs.QueueID = p.model.queueID
	storage, err := newStorage(c, func(line string) { p.log.Warn().Msg(line) })
	if err != nil {
		return fault.Input("%w", err)
	}
	defer storage.Access.Close()
	name := time.UnixMilli(b.openTime).UTC().Format(time.DateOnly) + ".parquet"
	err = storage.Models.UpdatePredictions(ctx, name, func(old []byte) ([]byte, error) {
		more, err := evaluation.AppendBar(old, b.all(), p.model.queueID)
		if err != nil {
			err = fault.Input("%w", err).At("%s", name).Fix("move that file away, or restore it from a copy")
		}
		return more, err
	})
	if err != nil {
		return fmt.Errorf("keeping the predictions (PREDICTIONS_STORE=false does not): %w", err)
	}
	return nil
}
