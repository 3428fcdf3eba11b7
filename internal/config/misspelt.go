package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/spelling"
)

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
		if known[name] || value == "" {
			continue
		}
		if meant := spelling.Nearest(name, maps.Keys(known)); meant != "" {
			told = append(told, fmt.Sprintf("%s is no variable of gnn-trainer and has no effect: %s is one", name, meant))
		}
	}
	slices.Sort(told)
	return told
}
