package progress

import (
	"strings"
	"sync"
)

// Status is one line of text that is renewed in place, for what has no end to
// come near to. Where there is no terminal it shows nothing. It may be used by
// several goroutines at once.
type Status struct {
	console *Console

	mu   sync.Mutex
	done bool
}

// NewStatus shows a line on the console where that is a terminal.
func NewStatus(console *Console) *Status { return &Status{console: console} }

// Shows tells whether anybody can see it.
func (s *Status) Shows() bool { return s.console.terminal }

// Show puts text in the place of the one before. What does not fit is left out
// from its end.
func (s *Status) Show(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done || !s.console.terminal {
		return
	}
	s.console.draw(cut(text, s.console.room()))
}

// Done takes the line away, for good.
func (s *Status) Done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done && s.console.terminal {
		s.console.end("")
	}
	s.done = true
}

// cut is a line in at most room columns. It ends after a whole word; an ellipsis
// stands for the rest.
func cut(text string, room int) string {
	line := []rune(text)
	if len(line) <= room {
		return text
	}
	short := string(line[:max(room-1, 0)])
	if end := strings.LastIndexByte(short, ' '); end > room/2 && line[max(room-1, 0)] != ' ' {
		short = short[:end]
	}
	return strings.TrimRight(short, " ") + "…"
}
