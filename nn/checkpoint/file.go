package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/pyg"
)

// FormatVersion grows when an older file can no longer be resumed.
const FormatVersion = 1

// ErrInvalid marks a file that is no checkpoint of this version.
var ErrInvalid = errors.New("invalid checkpoint")

// header is the text beside the tensors, JSON under the key "header".
type header struct {
	FormatVersion int      `json:"format_version"`
	Origin        Origin   `json:"origin"`
	Epochs        []epoch  `json:"epochs"`
	BestEpoch     int      `json:"best_epoch"`
	EarlyStop     bool     `json:"early_stop"`
	Averaged      bool     `json:"averaged,omitempty"`
	Pass          Pass     `json:"pass"`
	Parameters    []string `json:"parameters"`
}

// epoch is Epoch in JSON, which has no NaN.
type epoch struct {
	TrainLoss float64          `json:"train_loss"`
	ValidLoss float64          `json:"valid_loss"`
	Score     evaluation.Float `json:"score"`
	Best      bool             `json:"best"`
	Seconds   float64          `json:"seconds"`
	Metric    evaluation.Float `json:"metric"`
}

// The keys of a parameter's tensors, before its name.
const (
	keyValue    = "model."
	keyBest     = "best."
	keyAverage  = "average."
	keyExpAvg   = "adam.exp_avg."
	keyExpAvgSq = "adam.exp_avg_sq."
	keySteps    = "adam.step."
	keyRNG      = "rng"
	keyHeader   = "header"
)

// Encode writes the state of a training that came from origin. Equal input
// gives equal bytes.
func Encode(w io.Writer, origin Origin, s State) error {
	if what := s.NonFinite(); what != "" {
		return fmt.Errorf("encoding a checkpoint: %s is not finite", what)
	}
	h := header{
		FormatVersion: FormatVersion, Origin: origin, BestEpoch: s.BestEpoch, EarlyStop: s.EarlyStop, Averaged: s.Averaged, Pass: s.Pass,
	}
	for _, e := range s.Epochs {
		h.Epochs = append(h.Epochs, epoch{e.TrainLoss, e.ValidLoss, evaluation.Float(e.Score), e.Best, e.Seconds, evaluation.Float(e.Metric)})
	}
	var d pyg.Dict
	for _, p := range s.Weights {
		h.Parameters = append(h.Parameters, p.Name)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encoding a checkpoint: %w", err)
	}
	d.Set(keyHeader, string(text))
	for _, p := range s.Weights {
		d.Set(keyValue+p.Name, pyg.NewTensor(p.Value, p.Shape...))
		d.Set(keyBest+p.Name, pyg.NewTensor(p.Best, p.Shape...))
		if s.Averaged {
			d.Set(keyAverage+p.Name, pyg.NewTensor(p.Average, p.Shape...))
		}
		d.Set(keyExpAvg+p.Name, pyg.NewTensor(p.ExpAvg, p.Shape...))
		d.Set(keyExpAvgSq+p.Name, pyg.NewTensor(p.ExpAvgSq, p.Shape...))
		d.Set(keySteps+p.Name, pyg.NewTensor([]float32{p.Steps}))
	}
	d.Set(keyRNG, pyg.NewTensor(s.RNG, len(s.RNG)))
	if err := pyg.Save(w, &d); err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	return nil
}

// Decode reads what Encode wrote. The error wraps ErrInvalid.
func Decode(file []byte) (Origin, State, error) {
	o, s, err := decode(file)
	if err != nil {
		return Origin{}, State{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return o, s, nil
}

func decode(file []byte) (Origin, State, error) {
	l, err := pyg.Load(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return Origin{}, State{}, err
	}
	text, err := l.Text(keyHeader)
	if err != nil {
		return Origin{}, State{}, err
	}
	var h header
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return Origin{}, State{}, fmt.Errorf("reading its header: %w", err)
	}
	if h.FormatVersion != FormatVersion {
		return Origin{}, State{}, fmt.Errorf("it has format_version %d, and this version reads %d", h.FormatVersion, FormatVersion)
	}
	s := State{BestEpoch: h.BestEpoch, EarlyStop: h.EarlyStop, Averaged: h.Averaged, Pass: h.Pass}
	for i, e := range h.Epochs {
		s.Epochs = append(s.Epochs, Epoch{i + 1, e.TrainLoss, e.ValidLoss, float64(e.Score), e.Best, e.Seconds, float64(e.Metric)})
	}
	if s.BestEpoch < 0 || s.BestEpoch > len(s.Epochs) || s.Pass.Batches < 0 || s.Pass.Labelled < 0 {
		return Origin{}, State{}, errors.New("its header contradicts itself")
	}
	for _, name := range h.Parameters {
		p, err := decodeWeights(l, name, h.Averaged)
		if err != nil {
			return Origin{}, State{}, err
		}
		s.Weights = append(s.Weights, p)
	}
	if what := s.NonFinite(); what != "" {
		return Origin{}, State{}, fmt.Errorf("its training diverged: %s is not finite", what)
	}
	s.RNG, _, err = pyg.ReadTensor[uint8](l, keyRNG)
	return h.Origin, s, err
}

func decodeWeights(l *pyg.Loaded, name string, averaged bool) (Weights, error) {
	p := Weights{Name: name}
	var err error
	if p.Value, p.Shape, err = pyg.ReadTensor[float32](l, keyValue+name); err != nil {
		return p, err
	}
	type copied struct {
		key string
		to  *[]float32
	}
	parts := []copied{{keyBest, &p.Best}, {keyExpAvg, &p.ExpAvg}, {keyExpAvgSq, &p.ExpAvgSq}}
	if averaged {
		parts = append(parts, copied{keyAverage, &p.Average})
	}
	for _, part := range parts {
		if *part.to, _, err = pyg.ReadTensor[float32](l, part.key+name); err != nil {
			return p, err
		}
		if len(*part.to) != len(p.Value) {
			return p, fmt.Errorf("%s%s has %d values, and the parameter %d", part.key, name, len(*part.to), len(p.Value))
		}
	}
	steps, _, err := pyg.ReadTensor[float32](l, keySteps+name)
	if err != nil || len(steps) != 1 {
		return p, errors.Join(err, fmt.Errorf("%s%s has %d values, and 1 is needed", keySteps, name, len(steps)))
	}
	p.Steps = steps[0]
	return p, nil
}
