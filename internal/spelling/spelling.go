// Package spelling finds the name that was meant by one with a slip of the pen:
// names enter, and the nearest one that is near enough leaves. It knows nothing
// of what is named.
package spelling

import (
	"iter"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Shortest is the length of the shortest name that Nearest compares: shorter
// ones are like too many others.
const Shortest = 5

// Nearest is the known name that at most one slip of the pen in six letters, and
// at most two, tells from name; or "".
func Nearest(name string, known iter.Seq[string]) string {
	if len(name) < Shortest {
		return ""
	}
	best, least := "", min(2, len(name)/6)+1
	if len(name) == Shortest {
		least = 2
	}
	for n := range known {
		if len(n) < Shortest {
			continue
		}
		if d := Distance(name, n); d < least || d == least && best != "" && n < best {
			best, least = n, d
		}
	}
	return best
}

// Closest is the name among so many that at most two slips of the pen, and of a
// short word fewer, tell from word; or "". Case does not count.
func Closest(word string, among []string) string {
	best, least := "", min(2, len(word)/2)+1
	for _, name := range among {
		if d := Distance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// Distance counts the letters to put in, take out or change; case does not
// count, nor do two neighbours in each other's place count twice.
func Distance(a, b string) int {
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
