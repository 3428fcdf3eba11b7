package source

import (
	"fmt"
	"maps"
	"path/filepath"

	"github.com/streamforge/gnn-trainer/internal/spelling"
)

// unread is a column that is not read, and the optional one that its name is
// nearly.
type unread struct{ name, meant string }

// unreadOf are those of a header, where at is what was found in it.
func unreadOf(header []string, at places) []unread {
	lacking := map[string]quantity{} // by all names
	for q := range quantities {
		if at[q] < 0 && q.optional() {
			for _, alias := range columnNames[q] {
				lacking[alias] = q
			}
		}
	}
	var all []unread
	for _, h := range header {
		name := tidyName(h)
		if isKnown(name) {
			continue
		}
		if meant := spelling.Nearest(name, maps.Keys(lacking)); meant != "" {
			all = append(all, unread{shortenName(name), meant})
		}
	}
	return all
}

// unreadIn has a sentence for each of the columns of the files that are not
// read and nearly one that is.
func unreadIn(all []*file) []string {
	var found []unread
	files := map[unread][]string{}
	for _, s := range all {
		if s == nil {
			continue
		}
		for _, u := range s.unread {
			if files[u] == nil {
				found = append(found, u)
			}
			files[u] = append(files[u], filepath.Base(s.path))
		}
	}
	var sentences []string
	for _, u := range found {
		in, has := files[u][0], "has"
		if more := len(files[u]) - 1; more > 0 {
			in, has = fmt.Sprintf("%s and %d more", in, more), "have"
		}
		sentences = append(sentences, fmt.Sprintf("%s %s a column %s, which is not read: %s is", in, has, u.name, u.meant))
	}
	return sentences
}
