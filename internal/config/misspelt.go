package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/spelling"
)

// Misspelt reports, in a sentence each, the names in environ, in the form of
// os.Environ, that are no variable and nearly one: whoever set EPOCS means
// EPOCHS, and trains with its default. They are no error, since an environment
// may hold anything; values are not repeated.
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
	var unknown []string
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		if known[name] || value == "" {
			continue
		}
		if meant := spelling.Nearest(name, maps.Keys(known)); meant != "" {
			unknown = append(unknown, fmt.Sprintf("unknown variable %s; did you mean %s?", name, meant))
		}
	}
	slices.Sort(unknown)
	return unknown
}
