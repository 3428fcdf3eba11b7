package checkpoint

import (
	"errors"
	"strconv"
	"time"
)

// Every is how often a state is kept: after so many epochs, or so much time.
// The other field is 0.
type Every struct {
	Epochs int
	Time   time.Duration
}

// Due tells whether a state is to be kept now: epoch has just ended, 0 between
// batches, and the last one was kept that long ago.
func (e Every) Due(epoch int, since time.Duration) bool {
	if e.Time > 0 {
		return since >= e.Time
	}
	return epoch > 0 && e.Epochs > 0 && epoch%e.Epochs == 0
}

// UnmarshalText implements encoding.TextUnmarshaler: a number of epochs from
// 1, or a duration of a second or more, such as 5m.
func (e *Every) UnmarshalText(text []byte) error {
	if n, err := strconv.Atoi(string(text)); err == nil && n >= 1 {
		*e = Every{Epochs: n}
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second {
		return errors.New("it is neither a number of epochs nor a duration of a second or more")
	}
	*e = Every{Time: d}
	return nil
}

// String is the inverse of UnmarshalText.
func (e Every) String() string {
	if e.Time > 0 {
		return e.Time.String()
	}
	return strconv.Itoa(e.Epochs)
}
