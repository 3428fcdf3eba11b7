package progress

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLinesAreWrappedBetweenWords(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a short line", "a line\n", "a line\n"},
		{"a long line", "one two three four five six seven", "one two three four\n    five six seven"},
		{"one that just fits", "12345678901234 6789", "12345678901234 6789"},
		{"one that takes the last column", "12345678901234 67890\n", "12345678901234\n    67890\n"},
		{"a word without end", "model=/a/path/of/many/folders at", "model=/a/path/of/many/folders\n    at"},
		{"a long word after a short one", "at /a/path/of/many/folders and more", "at /a/path/of/many/folders\n    and more"},
		{"colours", "\x1b[32mINF\x1b[0m \x1b[1mthe message\x1b[0m k=1 k=2", "\x1b[32mINF\x1b[0m \x1b[1mthe message\x1b[0m k=1\n    k=2"},
		{"spaces between words", "a    b\n", "a    b\n"},
		{"an indented line", "  one two three four five\n", "  one two three\n      four five\n"},
		{"letters of two bytes", "раз два три четыре пять", "раз два три четыре\n    пять"},
		{"several lines", "one\n\ntwo\n", "one\n\ntwo\n"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Wrap(c.text, 20, 4); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestEveryWidthFromSixtyToTwoHundredHoldsItsLines(t *testing.T) {
	text := "20:41:02 INF market loaded bars=1440 disordered=0 " + strings.Repeat("why=\"DEVICE=auto, and no driver\" ", 12) + "\n"
	for columns := 60; columns <= 200; columns++ {
		for line := range strings.Lines(Wrap(text, columns, 13)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n >= columns {
				t.Fatalf("%d columns: %q has %d", columns, line, n)
			}
		}
		if got := strings.Join(strings.Fields(Wrap(text, columns, 13)), " "); got != strings.Join(strings.Fields(text), " ") {
			t.Fatalf("%d columns: the words are %q", columns, got)
		}
	}
}

func TestALogForPeopleIsWrappedAndElsewhereLeftAlone(t *testing.T) {
	line := strings.Repeat("word ", 30) + "end\n"
	var s screen
	if n, err := NewConsole(&s, true).Wrapped().Write([]byte(line)); n != len(line) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := s.seen(); len(got) != 3 || got[1] != "    "+strings.TrimSuffix(strings.Repeat("word ", 14), " ")+" end" {
		t.Errorf("%q", got)
	}
	var b strings.Builder
	if _, err := NewConsole(&b, false).Wrapped().Write([]byte(line)); err != nil || b.String() != line {
		t.Errorf("%q, %v", b.String(), err)
	}
}
