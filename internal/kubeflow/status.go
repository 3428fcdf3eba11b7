package kubeflow

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// Status is how far a TrainJob has come.
type Status struct {
	Done      float64       // share, 0 to 1
	Remaining time.Duration // negative: not known
	Metrics   []Metric
}

// Metric is one value that is shown beside the progress. One that is not finite
// is left out.
type Metric struct {
	Name  string // 1 to 64 bytes
	Value float64
}

// The limits are those of the TrainJob's resource: 32 bits, and 256 metrics.
const maxMetrics = 256

// body is the request that tells s, as of now. The server takes none without
// the time, and values as text only.
func (s Status) body(now time.Time) ([]byte, error) {
	type metric struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	var b struct {
		TrainerStatus struct {
			ProgressPercentage        int32    `json:"progressPercentage"`
			EstimatedRemainingSeconds *int32   `json:"estimatedRemainingSeconds,omitempty"`
			Metrics                   []metric `json:"metrics,omitempty"`
			LastUpdatedTime           string   `json:"lastUpdatedTime"`
		} `json:"trainerStatus"`
	}
	t := &b.TrainerStatus
	// Rounded down: 100 says that nothing is left to do.
	if s.Done > 0 { // and no NaN
		t.ProgressPercentage = int32(100 * min(s.Done, 1))
	}
	if s.Remaining >= 0 {
		t.EstimatedRemainingSeconds = new(int32(min(math.Ceil(s.Remaining.Seconds()), math.MaxInt32)))
	}
	for _, m := range s.Metrics {
		if !math.IsNaN(m.Value) && !math.IsInf(m.Value, 0) && len(t.Metrics) < maxMetrics {
			t.Metrics = append(t.Metrics, metric{m.Name, strconv.FormatFloat(m.Value, 'g', -1, 64)})
		}
	}
	t.LastUpdatedTime = now.UTC().Format(time.RFC3339)
	return json.Marshal(b)
}
