package tune

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// FormatVersion is that of State.
const FormatVersion = 1

// State is a search as far as it has come. Its JSON is tune.json, and what a killed
// search goes on from. It holds no times: the same search has the same bytes.
type State struct {
	FormatVersion int `json:"format_version"`
	// Origin is what the search is of: one of another origin is another search.
	Origin Origin `json:"origin"`
	// Metric is what trials are compared by, on the validation split alone; empty: no
	// trial has been trained. Of valid_loss, which is better the lower it is, Value is
	// the negative.
	Metric string `json:"metric"`
	// Fixed are settings that all trials have, and the environment has not.
	Fixed  Settings `json:"fixed,omitempty"`
	Rungs  int      `json:"rungs"`
	Trials []Trial  `json:"trials"`
	Chosen int      `json:"chosen"` // number of the chosen trial, from 1; 0: none is yet
}

// Origin is what the trials of a search have in common.
type Origin struct {
	Settings map[string]string `json:"settings"` // that affect the result, but those searched
	Ranges   map[string]string `json:"ranges"`   // by variable, as they were given
	Data     string            `json:"data"`     // SHA-256 of the dataset without a search; empty: it is not loaded yet
}

// Trial is one configuration.
type Trial struct {
	Number   int      `json:"number"` // from 1
	Settings Settings `json:"settings"`
	Epochs   int      `json:"epochs"` // of the last rung
	Runs     []Run    `json:"runs"`   // by rung
}

// Run is a training of a trial.
type Run struct {
	Epochs int              `json:"epochs"` // at most
	Value  evaluation.Float `json:"value"`  // mean over the folds; NaN: it failed
	// Folds are what each fold came to, and BestEpochs where.
	Folds      []evaluation.Float `json:"folds"`
	BestEpochs []int              `json:"best_epochs"`
	Failed     string             `json:"failed,omitempty"` // why
}

// NewState begins a search of configurations. epochs are those of each.
func NewState(origin Origin, configurations []Settings, epochs []int) *State {
	s := &State{FormatVersion: FormatVersion, Origin: origin}
	for i, settings := range configurations {
		s.Trials = append(s.Trials, Trial{Number: i + 1, Settings: settings, Epochs: epochs[i], Runs: []Run{}})
	}
	s.Rungs = Rungs(slices.Min(epochs))
	return s
}

// Add takes what the training of a trial came to.
func (s *State) Add(trial int, r Run) {
	s.Trials[trial].Runs = append(s.Trials[trial].Runs, r)
}

// Choose notes the choice once the search is done. Where every trial failed it is
// an error.
func (s *State) Choose() error {
	trial, _, done := s.Next()
	switch {
	case !done:
		return nil
	case trial < 0:
		why := s.Trials[0].Runs[0].Failed
		return fault.Input("all %d trials failed, the first one since %s", len(s.Trials), why).Fix("search lower values of LEARNING_RATE")
	}
	s.Chosen = trial + 1
	return nil
}

// Best is the best training so far of the highest rung that any trial has come to;
// false: there is none.
func (s *State) Best() (Trial, Run, bool) {
	best, rung := -1, -1
	for i, t := range s.Trials {
		at := len(t.Runs) - 1
		if at >= 0 && t.worked() && (at > rung || at == rung && t.at(at) > s.Trials[best].at(at)) {
			best, rung = i, at
		}
	}
	if best < 0 {
		return Trial{}, Run{}, false
	}
	return s.Trials[best], s.Trials[best].Runs[rung], true
}

// JSON is the state as it is stored.
func (s *State) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the trials: %w", err)
	}
	return append(b, '\n'), nil
}

// ParseState reads what JSON wrote. The error is of another version, or of what
// is none.
func ParseState(content []byte) (*State, error) {
	var s State
	if err := json.Unmarshal(content, &s); err != nil {
		return nil, fmt.Errorf("reading the trials: %w", err)
	}
	if s.FormatVersion != FormatVersion || len(s.Trials) == 0 {
		return nil, fmt.Errorf("reading the trials: format version %d, and not %d", s.FormatVersion, FormatVersion)
	}
	return &s, nil
}

// Take goes on from an earlier state of the same search, whose trials may be more
// or fewer; "" where it does, else how the two differ.
func (s *State) Take(old *State) (difference string) {
	if difference = s.Origin.differs(old.Origin); difference != "" {
		return difference
	}
	if s.Rungs != old.Rungs {
		return fmt.Sprintf("its trials had %d rungs of epochs, and now %d", old.Rungs, s.Rungs)
	}
	for i := range s.Trials[:min(len(s.Trials), len(old.Trials))] {
		if was := old.Trials[i]; !maps.Equal(s.Trials[i].Settings, was.Settings) || s.Trials[i].Epochs != was.Epochs {
			return fmt.Sprintf("trial %d was another one", i+1)
		}
	}
	for i := range s.Trials[:min(len(s.Trials), len(old.Trials))] {
		s.Trials[i].Runs = old.Trials[i].Runs
	}
	s.Metric, s.Fixed, s.Origin.Data = old.Metric, old.Fixed, old.Origin.Data
	return ""
}

// differs tells how an origin differs from an earlier one; "": it does not.
func (o Origin) differs(old Origin) string {
	for _, of := range []struct {
		prefix   string
		now, was map[string]string
	}{{Prefix, o.Ranges, old.Ranges}, {"", o.Settings, old.Settings}} {
		names := map[string]bool{}
		for name := range of.now {
			names[name] = true
		}
		for name := range of.was {
			names[name] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if now, was := of.now[name], of.was[name]; now != was {
				return fmt.Sprintf("%s%s was %s and is %s", of.prefix, name, orUnset(was), orUnset(now))
			}
		}
	}
	return ""
}

func orUnset(value string) string {
	if value == "" {
		return "unset"
	}
	return value
}
