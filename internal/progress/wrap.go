package progress

import (
	"io"
	"strings"
	"unicode/utf8"
)

// logHang indents the continuation of a log line.
const logHang = 4

// Wrap breaks the lines of text between words, so that each takes fewer than
// columns; continuations are indented by hang more than their line. A word that is longer, such as a path,
// stays whole. Colours (SGR sequences) take no room.
func Wrap(text string, columns, hang int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		body := strings.TrimSuffix(line, "\n")
		wrapLine(&b, body, columns-1, hang)
		b.WriteString(line[len(body):])
	}
	return b.String()
}

func wrapLine(b *strings.Builder, line string, room, hang int) {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	b.WriteString(line[:indent])
	at, pending := indent, 0 // column; spaces before the next word
	for i, word := range strings.Split(line[indent:], " ") {
		width := visible(word)
		switch {
		case i == 0:
		case width > 0 && at+pending+1+width > room && at+pending+1 > indent+hang:
			b.WriteString("\n" + strings.Repeat(" ", indent+hang))
			at, pending = indent+hang, 0
		default:
			pending++
		}
		if word == "" {
			continue
		}
		b.WriteString(strings.Repeat(" ", pending) + word)
		at, pending = at+pending+width, 0
	}
}

// visible is how many columns a word takes.
func visible(word string) int {
	n := 0
	for word != "" {
		if strings.HasPrefix(word, "\x1b[") {
			if end := strings.IndexByte(word, 'm'); end > 0 {
				word = word[end+1:]
				continue
			}
		}
		_, size := utf8.DecodeRuneInString(word)
		word = word[size:]
		n++
	}
	return n
}

// Wrapped gives a writer whose lines are wrapped to the width of the terminal:
// that of a log for people. Each Write holds whole lines.
func (c *Console) Wrapped() io.Writer {
	if !c.terminal {
		return c
	}
	return wrapped{c}
}

type wrapped struct{ console *Console }

func (w wrapped) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.console, Wrap(string(p), w.console.Columns(), logHang)); err != nil {
		return 0, err
	}
	return len(p), nil
}
