package paragraph_test

import (
	"testing"

	"github.com/streamforge/gnn-trainer/internal/paragraph"
)

func TestLinesBreakBetweenWordsOnly(t *testing.T) {
	for name, c := range map[string]struct {
		text, indent string
		columns      int
		want         string
	}{
		"short":            {"a b", "", 3, "a b"},
		"full":             {"aa bb cc", "  ", 7, "  aa bb\n  cc"},
		"one too many":     {"aa bb cc", "  ", 6, "  aa\n  bb\n  cc"},
		"a long word":      {"see https://example.org/x now", " ", 8, " see\n https://example.org/x\n now"},
		"letters of bytes": {"жж жж", "", 5, "жж жж"},
		"lines stay":       {"a\nb c", "", 9, "a\nb c"},
		"nothing":          {"", "  ", 9, "  "},
	} {
		if got := paragraph.Fill(c.text, c.indent, c.columns); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
