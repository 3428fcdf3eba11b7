package config

import (
	"maps"
	"reflect"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/spelling"
	"github.com/streamforge/gnn-trainer/internal/tune"
)

// Tune is how settings are searched. Which ones is in no struct: each variable may
// be, and has its range in the variable TUNE_ and its name.
type Tune struct {
	Trials int `env:"TUNE_TRIALS" envDefault:"20"`
}

// maxTrials bounds the trials of a search.
const maxTrials = 10_000

// searchedTopics are those whose variables make the model what it is.
var searchedTopics = []string{"Graph and labels", "Model", "Training"}

// notSearched are variables of these topics that a search by the validation split
// has no say in, and why.
var notSearched = map[string]string{
	"HORIZON":        "another horizon is another question, whose validation scores do not compare",
	"TARGET":         "another target is another question, whose validation scores do not compare",
	"TASK":           "another task is another question, whose validation scores do not compare",
	"TRAIN_END":      "it moves the validation split, by which trials are compared",
	"VALID_END":      "it moves the validation split, by which trials are compared",
	"TRAIN_FRACTION": "it moves the validation split, by which trials are compared",
	"VALID_FRACTION": "it moves the validation split, by which trials are compared",
	"FOLDS":          "it moves the validation split, by which trials are compared",
	"FOLD_TRAIN":     "it moves the validation split, by which trials are compared",
	"FOLD_WARM":      "a trial trains each fold from the start",
	"SEED":           "the best of several seeds is the luckiest one",
	"DEVICE":         "it does not affect the result",
	"BASELINES":      "it does not affect the model",
	"SELECT":         "it chooses after the training",
	"INIT_FROM":      "the weights that a training begins with have the shape of one network",
	"EDGES_FILE":     "it is read once for all trials",
}

// lossesOwn are variables that change what the validation loss is: trials that
// differ in them do not compare by it.
var lossesOwn = []string{"LOSS", "LABEL_SMOOTHING", "CLASS_WEIGHTS"}

// SearchKind is the kind of a variable's values, of one that can be searched. The
// error says why it cannot, with the name that the search has of it as its place.
func SearchKind(name string) (tune.Kind, error) {
	as := tune.Prefix + name
	topic, known := topicOf(name)
	if !known {
		remedy := "unset it; `gnn-trainer env` lists all variables"
		if meant := spelling.Nearest(name, maps.Keys(knownNames())); meant != "" {
			remedy = "set " + tune.Prefix + meant + ", or unset it"
		}
		if spelling.Distance(as, tune.TrialsVariable) <= 2 {
			remedy = "set " + tune.TrialsVariable + ", or unset it"
		}
		return "", fault.Input("%s is set, but %.60s is no variable", as, name).At("%s", as).Fix("%s", remedy)
	}
	why, no := notSearched[name]
	v := lookup(name)
	if !no && (v.operational || v.secret || !slices.Contains(searchedTopics, topic)) {
		why, no = "it says what run this is and where its data are, and not what the model is", true
	}
	if no {
		return "", fault.Input("%s is set, but %s is not searched: %s", as, name, why).At("%s", as).Fix("unset it, and set %s to one value", name)
	}
	field := new(Config).fields()[name].Type()
	if field.Kind() == reflect.Pointer {
		field = field.Elem()
	}
	switch field.Kind() {
	case reflect.Int, reflect.Int64:
		if field.PkgPath() == "" { // a length of time is none
			return tune.Whole, nil
		}
	case reflect.Float64:
		return tune.Real, nil
	case reflect.Slice:
		return tune.List, nil
	}
	return tune.Text, nil
}

// topicOf is the topic of a variable, by its own name.
func topicOf(name string) (topic string, known bool) {
	for _, g := range groups {
		for _, v := range g.vars {
			if v.name == name {
				return g.title, true
			}
		}
	}
	return "", false
}

// Space reads which variables are searched, and in what ranges. The error holds
// all that is wrong, values outside a variable's own limits included, unless environ
// is wrong without a search. c is of the same environ.
func (c Config) Space(environ []string) (tune.Space, error) {
	space, err := tune.Parse(environ, SearchKind)
	if err != nil {
		return nil, err
	}
	if _, err := Load(environ); err != nil {
		return space, nil
	}
	var faults fault.List
	for _, r := range space {
		if slices.Contains(lossesOwn, r.Variable) && c.Data.Task != "rank" {
			as := tune.Prefix + r.Variable
			faults.Add(fault.Input("%s is set, but trials of TASK=%s are compared by their validation loss, which %s changes", as, c.Data.Task, r.Variable).
				At("%s", as).Fix("unset it, and set %s to one value", r.Variable))
			continue
		}
		for _, end := range r.Ends() {
			faults.Add(checkEnd(environ, space, r, end))
		}
	}
	return space, faults.Err()
}

// othersTried is how many configurations around a value are looked at that is
// wrong beside the environment's own values: HEADS=3 is right with HIDDEN=48.
const othersTried = 50

// checkEnd is the fault of a value that no configuration of the space can have.
func checkEnd(environ []string, space tune.Space, r tune.Range, value string) error {
	_, wrong := Load(tune.Settings{r.Variable: value}.Environ(environ))
	if wrong == nil {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(space), func(other tune.Range) bool { return other.Variable == r.Variable })
	for _, s := range others.Draw(othersTried, 1, nil, func(s tune.Settings) (tune.Settings, bool) { return s, true }) {
		s[r.Variable] = value
		got, ok := Configuration(environ, s)
		switch {
		case got[r.Variable] == "": // it has no effect beside these
		case ok:
			return nil
		default:
			_, wrong = Load(got.Environ(environ))
		}
	}
	as := tune.Prefix + r.Variable
	first := fault.Of(firstOf(wrong))
	return fault.Input("%s=%.80s: %s", as, r.Text, first.What).At("%s", as).Fix("search values that %s takes: %s", r.Variable, orAny(lookup(r.Variable).want()))
}

func orAny(want string) string {
	if want == "" {
		return "gnn-trainer env says which"
	}
	return want
}

// firstOf is the first of several faults.
func firstOf(err error) error {
	var faults fault.List
	faults.Add(err)
	return faults[0]
}

// Configuration is what settings beside those of environ come to: those that have
// no effect beside the others, such as HEADS of a model without heads, are empty,
// which counts as unset. It is false where no run can have them.
func Configuration(environ []string, s tune.Settings) (tune.Settings, bool) {
	with, err := Load(s.Environ(environ))
	idle, effective := with.ineffective(), maps.Clone(s)
	for name := range s {
		if _, is := idle[name]; is {
			effective[name] = ""
		}
	}
	if !maps.Equal(effective, s) {
		_, err = Load(effective.Environ(environ))
	}
	return effective, err == nil
}

// Own are the values that the variables have without a search.
func (c Config) Own(variables []string) tune.Settings {
	fields, own := c.fields(), tune.Settings{}
	for _, name := range variables {
		own[name] = format(fields[name])
	}
	return own
}
