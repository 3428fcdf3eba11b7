package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/spelling"
	"github.com/streamforge/gnn-trainer/internal/tune"
)

// Misspelt reports, in a sentence each, the names in environ, in the form of
// os.Environ, that are no variable and look as if they were meant for one:
// whoever set EPOCS, LR or EDGE_K trains with a default. They are no error, since
// an environment may hold anything; values are not repeated.
func Misspelt(environ []string) []string {
	known := knownNames()
	var unknown []string
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		if known[name] || value == "" || ofOthers.MatchString(name) || strings.HasPrefix(name, tune.Prefix) { // tune rejects wrong ones
			continue
		}
		if meant := meantBy(name, known); meant != "" {
			unknown = append(unknown, fmt.Sprintf("unknown variable %.60s; did you mean %s?", name, meant))
		}
	}
	slices.Sort(unknown)
	return unknown
}

// knownNames are all under which a variable may be set.
func knownNames() map[string]bool {
	known := map[string]bool{}
	for _, g := range groups {
		for _, v := range g.vars {
			for _, n := range v.names() {
				known[n] = true
				if v.secret {
					known[n+"_FILE"] = true
				}
			}
		}
	}
	return known
}

// meantBy is the variable, or several, that an unknown name was meant for; "":
// it is another program's.
func meantBy(name string, known map[string]bool) string {
	plain := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
	for _, prefix := range []string{"", "GNN_TRAINER_", "GNN_", "TRAINER_"} {
		rest, ok := strings.CutPrefix(plain, prefix)
		switch {
		case !ok:
		case rest != name && known[rest] && (prefix != "" || !general[rest]):
			return rest
		case synonyms[rest] != "":
			return synonyms[rest]
		case prefix != "":
			if meant := cmp.Or(spelling.Nearest(rest, maps.Keys(known)), ofOneLetter(rest, known)); meant != "" {
				return meant
			}
		}
	}
	if general[plain] {
		return ""
	}
	if meant := spelling.Nearest(name, maps.Keys(known)); meant != "" {
		return meant
	}
	if meant := ofOneLetter(plain, known); meant != "" {
		return meant
	}
	return ofTheSameWord(plain)
}

// ofOneLetter is the variable that a short name is without one of its letters, or
// with an S behind it: HEAD of HEADS. Other slips make other programs' names of
// short ones.
func ofOneLetter(name string, known map[string]bool) string {
	for _, n := range slices.Sorted(maps.Keys(known)) {
		lacks := len(name) == spelling.Shortest-1 && len(n) == spelling.Shortest && spelling.Distance(name, n) == 1
		if (lacks || name == n+"S" || name+"S" == n) && !general[n] {
			return n
		}
	}
	return ""
}

// mostMeant is how many variables are named for one that shares a word with them.
const mostMeant = 3

// ofTheSameWord are the variables whose names begin with the same word, the most
// similar ones first.
func ofTheSameWord(name string) string {
	word, _, several := strings.Cut(name, "_")
	if !several || general[word] {
		return ""
	}
	var same []string
	for _, g := range groups {
		for _, v := range g.vars {
			if first, _, _ := strings.Cut(v.name, "_"); first == word || first == word+"S" || first+"S" == word {
				same = append(same, v.name)
			}
		}
	}
	slices.SortStableFunc(same, func(a, b string) int { return cmp.Compare(spelling.Distance(name, a), spelling.Distance(name, b)) })
	same = same[:min(len(same), mostMeant)]
	if n := len(same); n > 1 {
		return strings.Join(same[:n-1], ", ") + " or " + same[n-1]
	}
	return strings.Join(same, "")
}
