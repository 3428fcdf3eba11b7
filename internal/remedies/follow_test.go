package remedies

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// longest is how many characters a message may have.
const longest = 300

// world is what a user can change: variables, and the files of a folder.
type world struct {
	t    *testing.T
	vars map[string]string
	dir  string // of the data; empty: there are none

	graph map[string]values // of a file of PyG
}

// trial is a wrong world. check is what the program does with it, up to its first
// faults. A trial of another kind of input, such as files, sets prepare to write
// them, check to read them, and steps of its own that follow its remedies.
type trial struct {
	name    string
	prepare func(w *world)
	check   func(w *world) error
	steps   []step
}

// step follows remedies of one form. follow returns false where it is not meant.
type step struct {
	remedy *regexp.Regexp
	follow func(w *world, f *fault.Error, groups []string) bool
}

// mostRounds is how often a user reads messages and follows them. Where several
// things are wrong behind each other, each needs a round.
const mostRounds = 4

// try runs a trial: every message is looked at, every remedy followed, and at the
// end nothing is wrong any more. It returns the causes that were reported.
func (tr trial) try(t *testing.T, w *world) (whats []string) {
	t.Helper()
	w.t = t
	tr.prepare(w)
	seen := map[string]bool{}
	for range mostRounds {
		err := tr.check(w)
		if err == nil {
			if len(whats) == 0 {
				t.Error("nothing is wrong in this trial")
			}
			return whats
		}
		var faults fault.List
		faults.Add(err)
		round := map[string]bool{}
		for _, one := range faults {
			f := fault.Of(one)
			mustBeWhole(t, f)
			whats = append(whats, f.What)
			key := skeleton(f)
			if seen[key] {
				t.Fatalf("the remedy was followed, and leads to the same fault: %v", f)
			}
			round[key] = true
			if !tr.follow(w, f) {
				t.Fatalf("nobody knows how to follow the remedy of: %v", f)
			}
		}
		for key := range round {
			seen[key] = true
		}
	}
	t.Errorf("after %d rounds there is still something wrong: %q", mostRounds, whats)
	return whats
}

// mustBeWhole fails where a message lacks a part, or is too long.
func mustBeWhole(t *testing.T, f *fault.Error) {
	t.Helper()
	if f.What == "" || f.Remedy == "" || f.Where == "" {
		t.Errorf("a message lacks cause, place or remedy: %+v", *f)
	}
	if n := utf8.RuneCountInString(f.Error()); n > longest {
		t.Errorf("a message has %d characters: %v", n, f)
	}
	if strings.HasSuffix(f.Remedy, ".") {
		t.Errorf("a remedy ends with a full stop: %q", f.Remedy)
	}
}

func (tr trial) follow(w *world, f *fault.Error) bool {
	for _, s := range tr.steps {
		if groups := s.remedy.FindStringSubmatch(f.Remedy); groups != nil && s.follow(w, f, groups) {
			return true
		}
	}
	return false
}

var valuesOf = regexp.MustCompile(`"[^"]*"|\d+|=\S+`)

// skeleton is a fault without its values: the same thing is wrong in two faults
// with the same one.
func skeleton(f *fault.Error) string {
	return f.Where + ": " + valuesOf.ReplaceAllString(f.What, "#")
}
