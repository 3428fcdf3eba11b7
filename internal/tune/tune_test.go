package tune

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

var kinds = map[string]Kind{"HIDDEN": Whole, "LEARNING_RATE": Real, "DROPOUT": Real, "EDGES": List, "MODEL_TYPE": Text}

func kindOf(name string) (Kind, error) {
	if kind, ok := kinds[name]; ok {
		return kind, nil
	}
	return "", fault.Input("%s is no variable", name).At("%s", Prefix+name).Fix("unset it")
}

func mustParse(t *testing.T, environ ...string) Space {
	t.Helper()
	space, err := Parse(environ, kindOf)
	if err != nil {
		t.Fatal(err)
	}
	return space
}

func TestARangeThatCannotBeSearchedIsRejectedWithWhatToSet(t *testing.T) {
	for setting, want := range map[string]string{
		"TUNE_HIDDEN=64..8":           `the range is empty, since 64 is not below 8: set a range such as 16..128`,
		"TUNE_HIDDEN=8..8":            `the range is empty`,
		"TUNE_HIDDEN=8.5..64":         `8.5 is no whole number`,
		"TUNE_HIDDEN=8..":             `"" is no number`,
		"TUNE_HIDDEN=8..many":         `"many" is no number`,
		"TUNE_LEARNING_RATE=0..inf":   `"inf" is no number`,
		"TUNE_LEARNING_RATE=NaN..1":   `"NaN" is no number`,
		"TUNE_HIDDEN=64":              `one choice leaves nothing to search`,
		"TUNE_HIDDEN=64,,32":          `a choice is empty`,
		"TUNE_HIDDEN=64,64":           `the choice 64 is there twice`,
		"TUNE_MODEL_TYPE=gcn,ga tv2":  `holds a blank`,
		"TUNE_MODEL_TYPE=a..b":        `one choice leaves nothing to search: set choices such as a,b`,
		"TUNE_EDGES=partial,none":     `one choice leaves nothing to search: set choices such as a,b;a,c`,
		"TUNE_HIDEN=8..64":            `HIDEN is no variable`,
		"TUNE_HIDDEN=":                `no variable is searched: set the range of one`,
		"TUNE_TRIALS=5":               `no variable is searched`,
		"HIDDEN=8..64":                `no variable is searched`,
		"TUNE_LEARNING_RATE=1e-3..1x": `"1x" is no number`,
	} {
		_, err := Parse([]string{setting}, kindOf)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, fault.ErrInput) {
			t.Errorf("%s: %v, want %q", setting, err, want)
		}
	}
	if _, err := Parse([]string{"TUNE_HIDDEN=9..8", "TUNE_DROPOUT=x"}, kindOf); strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("not all that is wrong is told: %v", err)
	}
}

func TestValuesFillTheirRangeBothEndsIncluded(t *testing.T) {
	space := mustParse(t, "TUNE_HIDDEN=3..5", "TUNE_DROPOUT=0..0.5", "TUNE_LEARNING_RATE=0.0001..0.01", "TUNE_MODEL_TYPE=gcn,sage,gatv2", "TUNE_EDGES=partial,leadlag;none")
	seen := map[string]map[string]int{}
	const n = 3000
	for i := range n {
		for _, r := range space {
			if seen[r.Variable] == nil {
				seen[r.Variable] = map[string]int{}
			}
			v := r.At((float64(i) + 0.5) / n)
			if !r.Holds(v) {
				t.Fatalf("%s=%s is out of %s", r.Variable, v, r.Text)
			}
			seen[r.Variable][v]++
		}
	}
	for variable, want := range map[string][]string{"HIDDEN": {"3", "4", "5"}, "MODEL_TYPE": {"gcn", "sage", "gatv2"}} {
		for _, v := range want {
			if got := seen[variable][v]; math.Abs(float64(got)-n/3) > 2 {
				t.Errorf("%s=%s %d times of %d", variable, v, got, n)
			}
		}
	}
	if len(seen["EDGES"]) != 2 || seen["EDGES"]["partial,leadlag"] != n/2 {
		t.Errorf("EDGES: %v", seen["EDGES"])
	}
	below := func(variable string, limit float64) float64 {
		count := 0
		for text, times := range seen[variable] {
			if v, _ := strconv.ParseFloat(text, 64); v < limit {
				count += times
			}
		}
		return float64(count) / n
	}
	// Each factor of ten gets as much where the ends are a factor of a hundred apart.
	if got := below("LEARNING_RATE", 0.001); math.Abs(got-0.5) > 0.01 {
		t.Errorf("%v of the learning rates are below the geometric mean", got)
	}
	if got := below("DROPOUT", 0.25); math.Abs(got-0.5) > 0.01 {
		t.Errorf("%v of the dropouts are below the mean", got)
	}
}

func accept(s Settings) (Settings, bool) { return s, true }

func TestTheSameSeedDrawsTheSameAndMoreBeginWithFewer(t *testing.T) {
	space := mustParse(t, "TUNE_HIDDEN=8..128", "TUNE_LEARNING_RATE=0.0001..0.01", "TUNE_MODEL_TYPE=gcn,sage")
	own := Settings{"HIDDEN": "64", "LEARNING_RATE": "0.001", "MODEL_TYPE": "gcn"}
	few, many, other := space.Draw(7, 42, own, accept), space.Draw(30, 42, own, accept), space.Draw(7, 43, own, accept)
	if !maps.Equal(few[0], own) {
		t.Errorf("the first is %v, and not the values without a search", few[0])
	}
	for i := range few {
		if !maps.Equal(few[i], many[i]) {
			t.Errorf("of 7 the %dth is %v, of 30 %v", i, few[i], many[i])
		}
	}
	if maps.Equal(few[1], other[1]) {
		t.Error("another seed draws the same")
	}
	own["HIDDEN"] = "4" // out of the range
	if first := space.Draw(1, 42, own, accept)[0]; first["HIDDEN"] == "4" {
		t.Errorf("%v", first)
	}
}

func TestConfigurationsAreDifferentAndAllCanBeTrained(t *testing.T) {
	space := mustParse(t, "TUNE_HIDDEN=1..3", "TUNE_MODEL_TYPE=gcn,sage")
	if all := space.Draw(20, 1, nil, accept); len(all) != 6 {
		t.Errorf("%d configurations of 6: %v", len(all), all)
	}
	odd := func(s Settings) (Settings, bool) { return s, s["HIDDEN"] != "2" }
	if all := space.Draw(20, 1, nil, odd); len(all) != 4 {
		t.Errorf("%d configurations of 4: %v", len(all), all)
	}
	if all := space.Draw(20, 1, nil, func(s Settings) (Settings, bool) { return s, false }); len(all) != 0 {
		t.Errorf("%v", all)
	}
}

// quality is what a trial of a known best one comes to, the more epochs the surer.
func quality(trial, epochs int) float64 {
	r := rand.New(rand.NewPCG(uint64(trial), uint64(epochs)))
	return -math.Abs(float64(trial-11)) + 0.2*r.NormFloat64()/float64(epochs)
}

// searchOf runs a search to its end or so many trainings, and returns what was
// trained.
func searchOf(s *State, most int) (trained []string) {
	for range most {
		trial, rung, done := s.Next()
		if done {
			break
		}
		epochs := EpochsAt(s.Trials[trial].Epochs, rung, s.Rungs)
		trained = append(trained, fmt.Sprintf("%d/%d", trial, epochs))
		s.Add(trial, Run{Epochs: epochs, Value: evaluation.Float(quality(trial, epochs))})
	}
	return trained
}

func newSearch(trials, epochs int) *State {
	var settings []Settings
	for i := range trials {
		settings = append(settings, Settings{"HIDDEN": fmt.Sprint(i + 1)})
	}
	return NewState(Origin{Settings: map[string]string{"SEED": "1"}, Ranges: map[string]string{"HIDDEN": "1..20"}}, settings, slices.Repeat([]int{epochs}, trials))
}

func TestTheBestThirdIsTrainedForThreeTimesAsLong(t *testing.T) {
	s := newSearch(20, 100)
	trained := searchOf(s, 1000)
	counts := map[string]int{}
	for _, one := range trained {
		counts[one[strings.Index(one, "/"):]]++
	}
	if !maps.Equal(counts, map[string]int{"/12": 20, "/34": 7, "/100": 3}) {
		t.Errorf("trained %v", counts)
	}
	if err := s.Choose(); err != nil || s.Chosen != 12 {
		t.Errorf("chosen is %d, %v", s.Chosen, err)
	}
	if done, of := s.Trainings(); done != 30 || of != 30 {
		t.Errorf("%d of %d trainings", done, of)
	}
	if done, of := s.Epochs(); done != of || of != 20*12+7*34+3*100 {
		t.Errorf("%d of %d epochs", done, of)
	}
	for epochs, want := range map[int]int{1: 1, 2: 1, 3: 2, 8: 2, 9: 3, 1000: 3} {
		if got := Rungs(epochs); got != want {
			t.Errorf("%d epochs have %d rungs, want %d", epochs, got, want)
		}
	}
	one := newSearch(1, 100)
	if trained := searchOf(one, 10); len(trained) != 1 || one.Choose() != nil || one.Chosen != 1 {
		t.Errorf("of one trial: %v, chosen %d", trained, one.Chosen)
	}
}

func TestASearchKilledAnywhereGoesOnToTheSameChoice(t *testing.T) {
	whole := newSearch(20, 100)
	want := searchOf(whole, 1000)
	if err := whole.Choose(); err != nil {
		t.Fatal(err)
	}
	bytes, err := whole.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for killed := range len(want) {
		first := newSearch(20, 100)
		trained := searchOf(first, killed)
		stored, err := first.JSON()
		if err != nil {
			t.Fatal(err)
		}
		old, err := ParseState(stored)
		if err != nil {
			t.Fatal(err)
		}
		second := newSearch(20, 100)
		if difference := second.Take(old); difference != "" {
			t.Fatal(difference)
		}
		trained = append(trained, searchOf(second, 1000)...)
		if err := second.Choose(); err != nil {
			t.Fatal(err)
		}
		again, err := second.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(trained, want) || string(again) != string(bytes) {
			t.Fatalf("killed after %d: %v, want %v", killed, trained, want)
		}
	}
}

func TestTrialsOfAnotherSearchAreNotTaken(t *testing.T) {
	old := newSearch(9, 100)
	searchOf(old, 5)
	more := newSearch(20, 100)
	if difference := more.Take(old); difference != "" {
		t.Errorf("more trials: %s", difference)
	}
	if done, _ := more.Trainings(); done != 5 {
		t.Errorf("%d trainings are taken", done)
	}
	for want, change := range map[string]func(*State){
		"SEED was 1 and is 2":                         func(s *State) { s.Origin.Settings = map[string]string{"SEED": "2"} },
		"TUNE_HIDDEN was 1..20 and is 1..30":          func(s *State) { s.Origin.Ranges = map[string]string{"HIDDEN": "1..30"} },
		"DROPOUT was unset and is 0.5":                func(s *State) { s.Origin.Settings = map[string]string{"SEED": "1", "DROPOUT": "0.5"} },
		"trial 3 was another one":                     func(s *State) { s.Trials[2].Settings = Settings{"HIDDEN": "77"} },
		"its trials had 3 rungs of epochs, and now 2": func(s *State) { s.Rungs = 2 },
	} {
		now := newSearch(9, 100)
		change(now)
		if got := now.Take(old); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTrialsThatDivergedAreNeverChosen(t *testing.T) {
	s := newSearch(9, 9)
	for {
		trial, rung, done := s.Next()
		if done {
			break
		}
		r := Run{Epochs: EpochsAt(9, rung, s.Rungs), Value: evaluation.Float(-float64(trial))}
		if trial != 5 {
			r.Value, r.Failed = evaluation.Float(math.NaN()), "it diverged"
		}
		s.Add(trial, r)
	}
	if err := s.Choose(); err != nil || s.Chosen != 6 || len(s.Trials[0].Runs) != 1 {
		t.Errorf("chosen is %d, %v", s.Chosen, err)
	}
	s = newSearch(4, 9)
	for {
		trial, _, done := s.Next()
		if done {
			break
		}
		s.Add(trial, Run{Value: evaluation.Float(math.NaN()), Failed: "the training diverged"})
	}
	if err := s.Choose(); err == nil || !errors.Is(err, fault.ErrInput) || !strings.Contains(err.Error(), "all 4 trials failed, the first one since the training diverged") {
		t.Errorf("%v", err)
	}
}

func TestAnEnvironmentFileReplacesWhatTheEnvironmentHas(t *testing.T) {
	s := Settings{"HIDDEN": "32", "HEADS": "", "MODEL_TYPE": "gcn"}
	if got := string(s.File()); got != "HEADS=\nHIDDEN=32\nMODEL_TYPE=gcn\n" {
		t.Errorf("%q", got)
	}
	got := s.Environ([]string{"SEED=1", "HEADS=4", "HIDDEN=8"})
	if want := []string{"SEED=1", "HEADS=", "HIDDEN=32", "MODEL_TYPE=gcn"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}
