// Package checkpoint is the state of a training as a file: what is needed to
// go on to the same bits enters, and a file of PyTorch's format leaves, a plain
// dict of tensors that torch.load opens; and back again, where the file is not
// trusted. It knows neither libtorch nor where the files are kept.
package checkpoint

import "math"

// Epoch is what one pass over the training part gave.
type Epoch struct {
	Number    int // from 1
	TrainLoss float64
	ValidLoss float64
	Score     float64 // of the validation part; NaN where not judged
	Best      bool    // the best validation so far
	Seconds   float64 // of the training pass, validation not counted
	Metric    float64 // of the validation part, which decides Best; NaN where the loss does
}

// State is a training between two batches.
type State struct {
	Epochs    []Epoch // that have ended
	BestEpoch int     // 0: none yet
	EarlyStop bool    // nothing is left to train
	Pass      Pass
	Weights   []Weights // of each parameter, in the model's order
	Averaged  bool      // the weights have a moving average
	RNG       []byte    // of the generator that dropout draws from
}

// Pass is how far the epoch after the last ended one has come.
type Pass struct {
	Batches  int     `json:"batches"`  // that are done
	Labelled int     `json:"labelled"` // nodes in them
	LossSum  float64 `json:"loss_sum"` // over those nodes
	Seconds  float64 `json:"seconds"`
}

// Weights are one parameter and what the optimiser knows of it, row-major.
type Weights struct {
	Name             string // in the model's state_dict
	Shape            []int
	Value            []float32
	Best             []float32 // as of BestEpoch; without one, as the training began
	Average          []float32 // their moving average; nil: there is none
	ExpAvg, ExpAvgSq []float32 // Adam's moments
	Steps            float32   // that Adam has taken
}

// NonFinite names the first tensor that holds an infinite value or one that is
// not a number; "" where there is none. No training can be resumed from it.
func (s State) NonFinite() string {
	for _, w := range s.Weights {
		for _, t := range []struct {
			key    string
			values []float32
		}{{keyValue, w.Value}, {keyBest, w.Best}, {keyAverage, w.Average}, {keyExpAvg, w.ExpAvg}, {keyExpAvgSq, w.ExpAvgSq}, {keySteps, []float32{w.Steps}}} {
			for _, v := range t.values {
				if v64 := float64(v); math.IsNaN(v64) || math.IsInf(v64, 0) {
					return t.key + w.Name
				}
			}
		}
	}
	return ""
}
