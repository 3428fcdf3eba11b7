package data

import "time"

// Step is how far a source has come with the market, for whoever watches.
type Step struct {
	Phase Phase
	Done  int       // of Total, in units of the phase
	Total int       // 0: not known
	Until time.Time // of a wait: when it is over at the latest
	Why   string    // of a wait: its reason, one line

	Try, Tries int       // of a wait after a failure: which try comes next, and of how many; 0: of another wait
	GivesUp    time.Time // of a wait after a failure: about when the last try fails too
}

// Phase is what a source is at, as metrics name it.
type Phase string

// The phases.
const (
	Fetching        Phase = "fetching"      // pages from an exchange
	ReadingCache    Phase = "reading_cache" // files of symbols and months
	ReadingDatabase Phase = "reading_database"
	Waiting         Phase = "waiting" // for a limit of requests, or for what is not there yet
)

// String is the phase in words.
func (p Phase) String() string {
	switch p {
	case ReadingCache:
		return "reading the cache"
	case ReadingDatabase:
		return "reading the database"
	}
	return string(p)
}

// Watcher receives each step. It is called from one goroutine at a time and
// returns at once; nil: nobody watches.
type Watcher func(Step)

// Tell hands a step to whoever watches.
func (w Watcher) Tell(s Step) {
	if w != nil {
		w(s)
	}
}
