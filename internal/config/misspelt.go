package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Names that are shorter are like too many others.
const shortestMisspelt = 5

// Misspelt tells, in a sentence each, of the names in environ, in the form of
// os.Environ, that are no variable and nearly one: whoever set EPOCS means
// EPOCHS, and trains with its default. They are no error, since an environment
// may hold anything; values are not told.
func Misspelt(environ []string) []string {
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
	var told []string
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		if known[name] || value == "" || len(name) < shortestMisspelt {
			continue
		}
		if meant := nearest(name, known); meant != "" {
			told = append(told, fmt.Sprintf("%s is no variable of gnn-trainer and has no effect: %s is one", name, meant))
		}
	}
	slices.Sort(told)
	return told
}

// nearest is the known name that at most one slip of the pen in six letters, and
// at most two, tells from name; or "".
func nearest(name string, known map[string]bool) string {
	best, least := "", min(2, len(name)/6)+1
	if len(name) == shortestMisspelt {
		least = 2
	}
	for n := range known {
		if len(n) < shortestMisspelt {
			continue
		}
		if d := distance(name, n); d < least || d == least && best != "" && n < best {
			best, least = n, d
		}
	}
	return best
}

// distance counts the letters to put in, take out or change; case does not
// count, nor do two neighbours in each other's place count twice.
func distance(a, b string) int {
	a, b = strings.ToUpper(a), strings.ToUpper(b)
	d := levenshtein.ComputeDistance(a, b)
	if d == 2 && len(a) == len(b) {
		for i := range len(a) - 1 {
			if a[:i] == b[:i] && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
				return 1
			}
		}
	}
	return d
}
