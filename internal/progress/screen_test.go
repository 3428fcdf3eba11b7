package progress

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// screen is a terminal without a width: it knows carriage return, newline and
// erase-to-end-of-line, so that tests see what a person would.
type screen struct {
	mu    sync.Mutex
	lines [][]rune
	col   int
	raw   bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw.Write(p)
	if s.lines == nil {
		s.lines = [][]rune{nil}
	}
	text := string(p)
	for text != "" {
		last := &s.lines[len(s.lines)-1]
		switch {
		case strings.HasPrefix(text, "\x1b[K"):
			*last = (*last)[:min(s.col, len(*last))]
			text = text[len("\x1b[K"):]
			continue
		case text[0] == '\r':
			s.col = 0
		case text[0] == '\n':
			s.lines, s.col = append(s.lines, nil), 0
		default:
			r := []rune(text)[0]
			if s.col == len(*last) {
				*last = append(*last, r)
			} else {
				(*last)[s.col] = r
			}
			s.col++
			text = text[len(string(r)):]
			continue
		}
		text = text[1:]
	}
	return len(p), nil
}

// seen is the lines on the screen, the one under the cursor last.
func (s *screen) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, len(s.lines))
	for i, l := range s.lines {
		out[i] = string(l)
	}
	return out
}

func (s *screen) writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.Len()
}

// clock moves only when a test says so.
type clock struct{ t time.Time }

func newClock() *clock                   { return &clock{time.Unix(1_722_500_000, 0)} }
func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }
