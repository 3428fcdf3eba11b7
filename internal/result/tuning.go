package result

import "github.com/streamforge/gnn-trainer/internal/evaluation"

// Tuning is a search of settings by the validation split. tune.json has each trial.
type Tuning struct {
	Ranges    map[string]string `json:"ranges"`    // by variable, as they were given
	Trials    int               `json:"trials"`    // configurations
	Trainings int               `json:"trainings"` // of them: some were trained at several rungs of epochs
	Chosen    map[string]string `json:"chosen"`    // settings of this result
	// Metric is what trials were compared by, and Value what the chosen one came to
	// at the highest of its rungs, the higher the better.
	Metric string           `json:"metric"`
	Value  evaluation.Float `json:"value"`
	// TestConfigurations is how many configurations were measured on the test split:
	// this one, and the other runs of MODEL_NAME in the store. Trials are not.
	TestConfigurations int `json:"test_configurations"`
}
