package tune

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Prefix is that of the names under which variables are searched: TUNE_HIDDEN
// has the range of HIDDEN.
const Prefix = "TUNE_"

// TrialsVariable is how many configurations are tried. It has the prefix and is
// none that is searched.
const TrialsVariable = Prefix + "TRIALS"

// Space is what is searched, by the names of the variables.
type Space []Range

// Parse reads the space out of environ, in the form of os.Environ; an empty
// variable counts as unset. kindOf is the kind of a variable's values; its error
// says why it is not searched. The error holds everything that is wrong.
func Parse(environ []string, kindOf func(variable string) (Kind, error)) (Space, error) {
	given := map[string]string{}
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		if strings.HasPrefix(name, Prefix) && name != TrialsVariable {
			given[name] = value // the last one counts, as in a shell
		}
	}
	var space Space
	var faults fault.List
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if given[name] == "" {
			continue
		}
		variable := strings.TrimPrefix(name, Prefix)
		kind, err := kindOf(variable)
		if err == nil {
			var r Range
			if r, err = parseRange(name, variable, given[name], kind); err == nil {
				space = append(space, r)
			}
		}
		faults.Add(err)
	}
	if len(faults) == 0 && len(space) == 0 {
		faults.Add(fault.Input("no variable is searched").Fix("set the range of one, such as TUNE_HIDDEN=16..128, or run gnn-trainer train"))
	}
	return space, faults.Err()
}

// Variables are the names of what is searched.
func (s Space) Variables() []string {
	names := make([]string, len(s))
	for i, r := range s {
		names[i] = r.Variable
	}
	return names
}

// Ranges are the ranges as they were given, by the variable.
func (s Space) Ranges() map[string]string {
	ranges := map[string]string{}
	for _, r := range s {
		ranges[r.Variable] = r.Text
	}
	return ranges
}

// Settings are values of variables. Variables that have no effect beside the
// others are left out.
type Settings map[string]string

// key is the same for the same settings.
func (s Settings) key() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s)) {
		b.WriteString(name + "=" + s[name] + "\n")
	}
	return b.String()
}

// triesPerTrial bounds how many places of the space are looked at for each
// configuration that is wanted: most may be taken, or refused.
const triesPerTrial = 50

// Draw gives n different configurations, fewer where the space does not hold so
// many. accept gives the settings that a configuration comes to, or false where it
// is none that can be trained. own are the values that the variables have without a
// search: where they lie in the space, they are the first configuration, so that
// the search is known to be worth something. More configurations begin with fewer.
//
// The places are those of an additive recurrence with the generalised golden ratio
// (Roberts, The unreasonable effectiveness of quasirandom sequences, 2018), moved
// by an offset of seed: they fill the space more evenly than independent draws.
func (s Space) Draw(n int, seed uint64, own Settings, accept func(Settings) (Settings, bool)) []Settings {
	var drawn []Settings
	known, tried := map[string]bool{}, map[string]bool{}
	add := func(candidate Settings) {
		if tried[candidate.key()] {
			return
		}
		tried[candidate.key()] = true
		if settings, ok := accept(candidate); ok && !known[settings.key()] {
			known[settings.key()] = true
			drawn = append(drawn, settings)
		}
	}
	if inside := !slices.ContainsFunc(s, func(r Range) bool { return !r.Holds(own[r.Variable]) }); inside {
		first := Settings{}
		for _, r := range s {
			first[r.Variable] = own[r.Variable]
		}
		add(first)
	}
	step, random := steps(len(s)), rand.New(rand.NewPCG(seed, uint64(len(s))))
	at := make([]float64, len(s))
	for j := range at {
		at[j] = random.Float64()
	}
	for tries := 0; len(drawn) < n && tries < triesPerTrial*n; tries++ {
		candidate := Settings{}
		for j, r := range s {
			at[j] += step[j]
			at[j] -= math.Floor(at[j])
			candidate[r.Variable] = r.At(at[j])
		}
		add(candidate)
	}
	return drawn[:min(n, len(drawn))]
}

// steps are those of the recurrence in so many dimensions: powers of 1/phi, where
// phi^(d+1) = phi + 1.
func steps(d int) []float64 {
	phi := 2.0
	for range 64 {
		phi = math.Pow(1+phi, 1/float64(d+1))
	}
	all := make([]float64, d)
	for j := range all {
		all[j] = math.Pow(1/phi, float64(j+1))
	}
	return all
}

// Sorted are settings as NAME=value, by name.
func (s Settings) Sorted() []string {
	var lines []string
	for name, value := range s {
		lines = append(lines, name+"="+value)
	}
	slices.SortFunc(lines, cmp.Compare[string])
	return lines
}

// Environ is environ with the settings in the place of what it has of their
// variables. One whose value is empty counts as unset.
func (s Settings) Environ(environ []string) []string {
	with := slices.DeleteFunc(slices.Clone(environ), func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		_, ok := s[name]
		return ok
	})
	return append(with, s.Sorted()...)
}

// File is an environment file: `env $(cat FILE) command` and docker's --env-file
// take it.
func (s Settings) File() []byte { return []byte(strings.Join(s.Sorted(), "\n") + "\n") }
