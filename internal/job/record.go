package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// recordKind is the first part of the name under which records are kept, among
// the checkpoints; a number follows.
const recordKind = "run"

// record is what a start of a run leaves for the next one beside checkpoints.
type record struct {
	FormatVersion int               `json:"format_version"`
	Number        int               `json:"number"`   // of this record, rising
	Started       time.Time         `json:"started"`  // of the first start
	Settings      map[string]string `json:"settings"` // that the pin came from
	Pin           *source.Pin       `json:"pin"`      // what the data came to; nil: not known, or always the same
	Served        []kafka.Position  `json:"served"`   // stops that were obeyed to the end
}

const recordVersion = 1

// loadRecord is the newest record that is whole; without one, that of a first
// start.
func (j *Job) loadRecord(ctx context.Context) (record, error) {
	for _, info := range slices.Backward(ofKind(j.kept, recordKind)) {
		content, err := j.Store.ReadCheckpoint(ctx, info)
		if errors.Is(err, store.ErrInvalid) {
			j.Log.Warn().Err(err).Msg("a record of an earlier start is passed over")
			continue
		}
		if err != nil {
			return record{}, err
		}
		var r record
		if err := json.Unmarshal(content, &r); err != nil || r.FormatVersion != recordVersion {
			j.Log.Warn().Str("name", info.Name).Msg("a record of an earlier start is of another version and is passed over")
			continue
		}
		return r, nil
	}
	return record{FormatVersion: recordVersion, Started: j.begun.UTC()}, nil
}

// saveRecord stores r as the newest one.
func (j *Job) saveRecord(ctx context.Context, r *record) error {
	r.Number++
	content, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the record of the run: %w", err)
	}
	return j.putCheckpoint(ctx, recordKind, fmt.Sprintf("%s-%09d.json", recordKind, r.Number), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// ofKind are the files whose name begins with kind.
func ofKind(list []store.FileInfo, kind string) []store.FileInfo {
	return slices.DeleteFunc(slices.Clone(list), func(f store.FileInfo) bool { return !strings.HasPrefix(f.Name, kind+"-") })
}

// keepOf is how many files of a kind are kept: the newest, and the one before
// for the case that it is torn.
const keepOf = 2

// putCheckpoint stores a checkpoint or record and removes the old ones of its kind. It
// asks the store for nothing that it has to ask for elsewhere, since a
// training waits for it.
func (j *Job) putCheckpoint(ctx context.Context, kind, name string, write func(io.Writer) error) error {
	info, err := j.Store.PutCheckpoint(ctx, name, write)
	if err != nil {
		return err
	}
	if !slices.Contains(j.kept, info) {
		j.kept = append(j.kept, info)
	}
	list := ofKind(j.kept, kind)
	return j.remove(ctx, list[:max(0, len(list)-keepOf)])
}

// remove removes checkpoints and records.
func (j *Job) remove(ctx context.Context, list []store.FileInfo) error {
	for _, f := range list {
		if err := j.Store.RemoveCheckpoint(ctx, f); err != nil {
			return err
		}
		j.kept = slices.DeleteFunc(slices.Clone(j.kept), func(k store.FileInfo) bool { return k == f })
	}
	return nil
}

// pinned is the source's configuration, for the data of the first start where
// there was one with the same settings.
func (r record) pinned(c source.Config, settings map[string]string) source.Config {
	if !sameTraining(r.Settings, settings) {
		return c
	}
	return c.Pinned(r.Pin)
}

// sameTraining tells whether one may go on from the other.
func sameTraining(a, b map[string]string) bool {
	aside := func(m map[string]string) map[string]string {
		m = maps.Clone(m)
		for _, name := range freely {
			delete(m, name)
		}
		return m
	}
	return maps.Equal(aside(a), aside(b))
}
