// Package progress shows how far training has come: a bar on a terminal,
// plain log lines elsewhere. Epochs and losses enter; text on stderr leaves.
// It measures nothing and decides nothing.
package progress

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// IsTerminal tells whether f is a terminal that can rewrite a line.
func IsTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

const (
	clearLine      = "\r\x1b[K" // to the line's start, and erase to its end
	defaultColumns = 80         // where the width cannot be asked for
)

// Console is an output that log lines and one bar share: what is written
// through it goes above the bar, never into it. Build the logger on it. It may
// be used by several goroutines at once.
type Console struct {
	w        io.Writer
	terminal bool

	mu   sync.Mutex
	line string // the bar on the screen; empty: none
	open bool   // text without its newline is on the screen: no place for a bar
}

// NewConsole shares w. If it is a terminal, bars are drawn on it.
func NewConsole(w io.Writer, terminal bool) *Console {
	return &Console{w: w, terminal: terminal}
}

// Write implements io.Writer.
func (c *Console) Write(p []byte) (int, error) { return c.above(c.w, p) }

// Beside gives a writer to w, another stream on the same terminal (stdout
// beside stderr), whose lines do not run into the bar either.
func (c *Console) Beside(w io.Writer) io.Writer { return besideWriter{c, w} }

type besideWriter struct {
	console *Console
	w       io.Writer
}

func (b besideWriter) Write(p []byte) (int, error) { return b.console.above(b.w, p) }

func (c *Console) above(w io.Writer, p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(p) == 0 {
		return w.Write(p)
	}
	if c.line != "" && !c.open {
		c.put(clearLine)
	}
	n, err := w.Write(p)
	c.open = p[len(p)-1] != '\n'
	if c.line != "" && !c.open {
		c.put(c.line)
	}
	return n, err
}

// draw puts the bar's line on the screen in place of the one before.
func (c *Console) draw(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line = line
	if !c.open {
		c.put(clearLine + line)
	}
}

// end takes the bar away and leaves last, if any, as a line of its own.
func (c *Console) end(last string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line != "" && !c.open {
		c.put(clearLine)
	}
	c.line = ""
	if last == "" {
		return
	}
	if c.open {
		last = "\n" + last
	}
	c.put(last + "\n")
	c.open = false
}

// put leaves errors unread: a bar that cannot be shown must not end a run.
func (c *Console) put(s string) { _, _ = io.WriteString(c.w, s) }

// caret is room for what a terminal echoes at Ctrl-C, which would wrap a line that
// is renewed in place, so that it could not be cleared any more.
const caret = len("^C")

// room is how many columns a line that is renewed in place may take. The last
// one stays free too, since writing it makes some terminals wrap.
func (c *Console) room() int { return max(c.Columns()-1-caret, 0) }

// Columns is the terminal's width now; it changes when a window does.
func (c *Console) Columns() int {
	if f, ok := c.w.(*os.File); ok {
		return Columns(f)
	}
	return defaultColumns
}

// Columns is the width of the terminal that f is.
func Columns(f *os.File) int {
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	return defaultColumns
}
