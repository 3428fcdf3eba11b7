package data

import (
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/spelling"
)

// FeatureList is the columns of x by name: of a set of features those that the
// market supports, a feature, or a column of the market, which enters as it is.
// nil is the set FeaturesStreamForge.
type FeatureList []string

// FeaturesStreamForge is the set of the features of StreamForge's Python service
// and ours.
const FeaturesStreamForge = "streamforge"

// featureSets are all there are, by the name that FEATURES has for them.
var featureSets = []struct {
	name     string
	features []feature
}{
	{FeaturesStreamForge, features},
	{FeaturesMarket, marketFeatures},
	{FeaturesAll, allFeatures()},
}

// barColumns are the columns that every market has.
var barColumns = []string{"open", "high", "low", "close", "volume"}

// maxListed bounds the columns of x that a list may name.
const maxListed = 1000

// UnmarshalText implements encoding.TextUnmarshaler: names, separated by commas.
func (l *FeatureList) UnmarshalText(text []byte) error {
	*l = nil
	for _, word := range strings.Split(string(text), ",") {
		if word = strings.TrimSpace(word); !slices.Contains(*l, word) {
			*l = append(*l, word)
		}
	}
	return nil
}

// String is the inverse of UnmarshalText.
func (l FeatureList) String() string {
	if l == nil {
		return FeaturesStreamForge
	}
	return strings.Join(l, ",")
}

// Columns are the names that are neither a set nor a feature nor a column of
// every market: columns of the user's files.
func (l FeatureList) Columns() []string {
	var names []string
	for _, name := range l {
		if _, isSet := setNamed(name); isSet || isKnownColumn(name) {
			continue
		}
		if _, isFeature := featureNamed(name); !isFeature {
			names = append(names, name)
		}
	}
	return names
}

// Most is F where nothing is left out.
func (l FeatureList) Most() int {
	if l == nil {
		return len(features)
	}
	names := map[string]bool{}
	for _, name := range l {
		set, isSet := setNamed(name)
		if !isSet {
			names[name] = true
		}
		for _, f := range set {
			names[f.name] = true
		}
	}
	return len(names)
}

// each calls f with every feature of the list that the program makes.
func (l FeatureList) each(f func(feature)) {
	if l == nil {
		l = FeatureList{FeaturesStreamForge}
	}
	for _, name := range l {
		if set, isSet := setNamed(name); isSet {
			for _, one := range set {
				f(one)
			}
		} else if one, isFeature := featureNamed(name); isFeature {
			f(one)
		}
	}
}

// lookback is the longest window of the list's features, in bars before the
// snapshot's.
func (l FeatureList) lookback() int {
	longest := lookback
	l.each(func(f feature) { longest = max(longest, f.lookback) })
	return longest
}

// memory is how many bars before its own a feature's last digits may depend on.
func (l FeatureList) memory() int {
	longest := 0
	l.each(func(f feature) { longest = max(longest, f.memory) })
	return longest
}

// FeatureNames are the names of all sets, of all features, and of the columns
// that a market may have beside a user's own.
func FeatureNames() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, set := range featureSets {
		add(set.name)
	}
	for _, set := range featureSets {
		for _, f := range set.features {
			add(f.name)
		}
	}
	for _, name := range barColumns {
		add(name)
	}
	for _, c := range Columns {
		add(string(c))
	}
	return names
}

// UnknownFeature is the fault of a name in FEATURES that is nothing of where it
// was looked for, among the names that there are.
func UnknownFeature(name, where string, among []string) *fault.Error {
	f := fault.Input("FEATURES names %q, which is no feature%s", name, where).At("FEATURES")
	if meant := spelling.Closest(name, among); meant != "" {
		return f.Fix("set %s in its place", meant)
	}
	return f.Fix("set names such as log_return_1, which docs/results.md lists, and take it out")
}

func (l FeatureList) problems(p *problems) {
	if l != nil && slices.Contains(l, "") {
		p.check(false, fault.Input("FEATURES is %q, in which a name is empty", l.String()).At("FEATURES").
			Fix("set a list of names such as %s,my_column", FeaturesStreamForge))
	}
	p.check(len(l) <= maxListed, fault.Input("FEATURES is a list of %d", len(l)).At("FEATURES").
		Fix("set %d names at most", maxListed))
}

func setNamed(name string) ([]feature, bool) {
	for _, set := range featureSets {
		if set.name == name {
			return set.features, true
		}
	}
	return nil, false
}

func featureNamed(name string) (feature, bool) {
	for _, set := range featureSets {
		if i := slices.IndexFunc(set.features, func(f feature) bool { return f.name == name }); i >= 0 {
			return set.features[i], true
		}
	}
	return feature{}, false
}

func isKnownColumn(name string) bool {
	return slices.Contains(barColumns, name) || slices.Contains(Columns, Column(name))
}

// given is a column of the market as a feature, as it is.
func given(name string) feature {
	f := feature{name: name, fill: func(dst []float64, s *series) { copy(dst, s.column(name)) }}
	if !slices.Contains(barColumns, name) {
		f.needs = []Column{Column(name)}
	}
	return f
}

// column is a series of the market by its name.
func (s *series) column(name string) []float64 {
	switch name {
	case "open":
		return s.open
	case "high":
		return s.high
	case "low":
		return s.low
	case "close":
		return s.close
	case "volume":
		return s.volume
	}
	return s.optional[Column(name)]
}

// columns are the features of the recipe that the market supports, and of these
// the names of columns that enter as they are. A feature or column that the
// recipe names and the market does not support is an error; one of a set is left
// out.
func (r Recipe) columns(m *Market) (kept []feature, asGiven []string, dropped []DroppedFeature, err error) {
	list := r.Features
	if list == nil {
		list = FeatureList{FeaturesStreamForge}
	}
	add := func(f feature) {
		if !slices.ContainsFunc(kept, func(other feature) bool { return other.name == f.name }) {
			kept = append(kept, f)
		}
	}
	for _, name := range list {
		if set, isSet := setNamed(name); isSet {
			some, others := supported(m, set)
			for _, f := range some {
				add(f)
			}
			dropped = append(dropped, others...)
			continue
		}
		f, known := featureNamed(name)
		if !known {
			if !isKnownColumn(name) && m.Optional[Column(name)] == nil {
				return nil, nil, nil, UnknownFeature(name, " and no column of this market", FeatureNames())
			}
			f, asGiven = given(name), append(asGiven, name)
		}
		if reason, lacks := unsupported(m, f); reason != "" {
			remedy := "load a market that has it, or take it out of FEATURES"
			if len(lacks) > 0 {
				remedy = "give it to every symbol, take it out of FEATURES, or leave out (EXCLUDE) " + firstFew(lacks)
			}
			return nil, nil, nil, fault.Input("feature %s cannot be made: %s", name, reason).At("FEATURES").Fix("%s", remedy)
		}
		add(f)
	}
	dropped = slices.DeleteFunc(dropped, func(d DroppedFeature) bool {
		return slices.ContainsFunc(kept, func(f feature) bool { return f.name == d.Name })
	})
	return kept, asGiven, dropped, nil
}

// warnOfColumns adds a warning of the columns of the market that have one value
// everywhere, and rejects a dataset that has no others.
func (d *Dataset) warnOfColumns() error {
	if len(d.Given) == 0 {
		return nil
	}
	constant := d.constantFeatures()
	if len(constant) == d.NumFeatures() {
		return fault.Input("x is the same everywhere: each of its %d features is constant", d.NumFeatures()).At("FEATURES").
			Fix("name features that differ")
	}
	constant = slices.DeleteFunc(constant, func(name string) bool { return !slices.Contains(d.Given, name) })
	if len(constant) > 0 {
		d.Warnings = append(d.Warnings, "these columns of FEATURES are the same everywhere, and teach nothing: "+firstFew(constant))
	}
	return nil
}
