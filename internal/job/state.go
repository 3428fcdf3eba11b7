package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// stateKind is the first part of the names of run states, which lie among the
// checkpoints; a number follows.
const stateKind = "run"

// stateVersion is the format of a runState.
const stateVersion = 1

// runState is what a start of a run leaves for the next one beside checkpoints.
type runState struct {
	FormatVersion int               `json:"format_version"`
	Number        int               `json:"number"`   // of this file, rising
	Started       time.Time         `json:"started"`  // of the first start
	Settings      map[string]string `json:"settings"` // that the pin came from
	Pin           *source.Pin       `json:"pin"`      // extent of the data; nil: not known, or always the same
	Served        []kafka.Position  `json:"served"`   // stops that were handled to the end
}

// loadRunState is the newest whole state, or that of a first start.
func loadRunState(ctx context.Context, c *checkpoints, started time.Time, log zerolog.Logger) (runState, error) {
	for _, info := range slices.Backward(c.ofKind(stateKind)) {
		content, err := c.store.ReadCheckpoint(ctx, info)
		if errors.Is(err, store.ErrInvalid) {
			log.Warn().Err(err).Msg("skipping a torn run state of an earlier start")
			continue
		}
		if err != nil {
			return runState{}, err
		}
		var s runState
		if err := json.Unmarshal(content, &s); err != nil || s.FormatVersion != stateVersion {
			log.Warn().Str("name", info.Name).Msg("skipping the run state of another version")
			continue
		}
		return s, nil
	}
	return runState{FormatVersion: stateVersion, Started: started.UTC()}, nil
}

// save stores s as the newest state.
func (s *runState) save(ctx context.Context, c *checkpoints) error {
	s.Number++
	content, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding the run state: %w", err)
	}
	return c.put(ctx, stateKind, fmt.Sprintf("%s-%09d.json", stateKind, s.Number), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// pinned is the source's configuration, for the extent of the first start where
// that had the same settings.
func (s runState) pinned(c source.Config, settings map[string]string) source.Config {
	if !sameTraining(s.Settings, settings) {
		return c
	}
	return c.Pinned(s.Pin)
}

// sameTraining tells whether one may resume from the other.
func sameTraining(a, b map[string]string) bool {
	fixed := func(m map[string]string) map[string]string {
		m = maps.Clone(m)
		for _, name := range mutableSettings(b) {
			delete(m, name)
		}
		return m
	}
	return maps.Equal(fixed(a), fixed(b))
}
