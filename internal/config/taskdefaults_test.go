package config

import "testing"

func TestATaskBringsItsRecipeAndWhatIsSetWins(t *testing.T) {
	for name, c := range map[string]struct {
		set  []string
		want map[string]string
	}{
		"the recipe": {[]string{"TASK=rank"}, map[string]string{
			"MODEL_TYPE": "peer", "ENCODER": "tcn", "ENCODER_WINDOW": "27", "FEATURES": "market", "EDGES": "partial", "GRAPH_WINDOW": "864", "HIDDEN": "32", "EPOCHS": "12", "ENSEMBLE": "3",
		}},
		"some of it":                 {[]string{"TASK=rank", "EPOCHS=7", "HIDDEN=8", "ENCODER=none"}, map[string]string{"EPOCHS": "7", "HIDDEN": "8", "ENCODER": "none", "MODEL_TYPE": "peer"}},
		"a model without signs":      {[]string{"TASK=rank", "MODEL_TYPE=gcn"}, map[string]string{"MODEL_TYPE": "gcn", "EDGES": "correlation", "GRAPH_WINDOW": "100", "ENCODER": "tcn"}},
		"other edges":                {[]string{"TASK=rank", "EDGES=correlation"}, map[string]string{"EDGES": "correlation", "GRAPH_WINDOW": "864", "MODEL_TYPE": "peer"}},
		"no edges":                   {[]string{"TASK=rank", "EDGES=none"}, map[string]string{"EDGES": "none", "MODEL_TYPE": "peer"}},
		"another task's are as ever": {[]string{"TASK=return"}, map[string]string{"MODEL_TYPE": "gcn", "EPOCHS": "100", "EDGES": "correlation"}},
	} {
		public := load(t, c.set...).Public()
		for variable, want := range c.want {
			if public[variable] != want {
				t.Errorf("%s: %s is %q, want %q", name, variable, public[variable], want)
			}
		}
	}
}
