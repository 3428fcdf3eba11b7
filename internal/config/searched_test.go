package config

import (
	"maps"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/tune"
)

func TestWhatIsSearchedHasItsKindAndTheOthersAReason(t *testing.T) {
	want := map[string]tune.Kind{
		"HIDDEN": tune.Whole, "LAYERS": tune.Whole, "EPOCHS": tune.Whole, "BATCH_SIZE": tune.Whole, "GRAPH_WINDOW": tune.Whole, "EDGE_TOP_K": tune.Whole,
		"LEARNING_RATE": tune.Real, "WEIGHT_DECAY": tune.Real, "DROPOUT": tune.Real, "EDGE_THRESHOLD": tune.Real,
		"MODEL_TYPE": tune.Text, "EDGE_RETURNS": tune.Text, "FEATURES": tune.List,
	}
	for _, v := range Variables() {
		kind, err := SearchKind(v.Name)
		if of, searched := want[v.Name]; searched && (err != nil || kind != of) {
			t.Errorf("%s: %s, %v, want %s", v.Name, kind, err, of)
		}
		if err != nil && (!strings.Contains(err.Error(), v.Name+" is not searched: ") || !strings.Contains(err.Error(), ": unset it, and set")) {
			t.Errorf("%s: %v", v.Name, err)
		}
		if (v.Secret || v.Required || v.Topic == "Run" || v.Topic == "Market" || v.Topic == "Kafka") && err == nil {
			t.Errorf("%s is searched", v.Name)
		}
	}
	for _, name := range []string{"SEED", "HORIZON", "TASK", "TARGET", "TRAIN_END", "FOLDS", "VALID_FRACTION"} {
		if _, err := SearchKind(name); err == nil {
			t.Errorf("%s is searched", name)
		}
	}
}

func TestWrongSearchesAreRejectedWithWhatToDo(t *testing.T) {
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{[]string{"TUNE_HIDEN=8..64"}, "TUNE_HIDEN is set, but HIDEN is no variable: set TUNE_HIDDEN, or unset it"},
		{[]string{"TUNE_TRIAL=8"}, "set TUNE_TRIALS, or unset it"},
		{[]string{"TUNE_QUEUE_ID=a,b"}, "TUNE_QUEUE_ID is set, but QUEUE_ID is not searched: it says what run this is"},
		{[]string{"TUNE_BINANCE_API_SECRET=a,b"}, "BINANCE_API_SECRET is not searched"},
		{[]string{"TUNE_SEED=1..9"}, "SEED is not searched: the best of several seeds is the luckiest one"},
		{[]string{"TUNE_HIDDEN=0..64"}, "TUNE_HIDDEN=0..64: HIDDEN is \"0\": search values that HIDDEN takes: a whole number from 1 to 4096"},
		{[]string{"TUNE_HIDDEN=8..5000"}, "HIDDEN is \"5000\""},
		{[]string{"TUNE_DROPOUT=0..1"}, "DROPOUT is \"1\""},
		{[]string{"TUNE_MODEL_TYPE=gcn,gat"}, "MODEL_TYPE is \"gat\""},
		{[]string{"TUNE_HEADS=1..4"}, "HEADS is set, but MODEL_TYPE=gcn does not read it"},
		{[]string{"TUNE_GRAPH_WINDOW=1..100"}, "GRAPH_WINDOW"},
		{[]string{"TUNE_ENCODER=none,tcn", "TUNE_ENCODER_WINDOW=5,9"}, "TUNE_ENCODER_WINDOW=5,9: ENCODER_WINDOW is 5, and the convolutions of ENCODER=tcn reach over 3, 9"},
		{nil, "no variable is searched"},
	} {
		c2, err := Load(environ(c.environ...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c2.Space(environ(c.environ...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.environ, err, c.want)
		}
	}
	if _, err := Load(environ("TUNE_TRIALS=0")); err == nil || !strings.Contains(err.Error(), "TUNE_TRIALS") {
		t.Errorf("%v", err)
	}
}

func TestWhatHasNoEffectInAConfigurationIsUnset(t *testing.T) {
	given := environ("HEADS=2", "MODEL_TYPE=gatv2", "TUNE_MODEL_TYPE=gcn,gatv2", "TUNE_HEADS=1..8")
	c, err := Load(given)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Space(given); err != nil {
		t.Error(err)
	}
	got, ok := Configuration(given, tune.Settings{"MODEL_TYPE": "gcn", "HEADS": "4"})
	if want := (tune.Settings{"MODEL_TYPE": "gcn", "HEADS": ""}); !ok || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, ok)
	}
	if got, ok := Configuration(given, tune.Settings{"MODEL_TYPE": "gatv2", "HEADS": "4"}); !ok || got["HEADS"] != "4" {
		t.Errorf("%v, %v", got, ok)
	}
	if _, ok := Configuration(given, tune.Settings{"HIDDEN": "0"}); ok {
		t.Error("HIDDEN=0 is accepted")
	}
	if own := c.Own([]string{"HEADS", "LEARNING_RATE"}); !maps.Equal(own, tune.Settings{"HEADS": "2", "LEARNING_RATE": "0.001"}) {
		t.Errorf("%v", own)
	}
}
