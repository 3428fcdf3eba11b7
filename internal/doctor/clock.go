package doctor

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/job"
)

const (
	// noticeable is from when on a clock is reported: the exchange's
	// candles close by its own.
	noticeable = time.Second
	// rejectedSoon is from when on it fails: S3 rejects requests whose time is
	// off by 15 minutes.
	rejectedSoon = 5 * time.Minute
)

// skew is how far others' clocks are ahead of ours.
type skew struct {
	mu sync.Mutex
	of []clockOf
}

type clockOf struct {
	whose string
	ahead time.Duration
}

func (s *skew) set(whose string, ahead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of = append(s.of, clockOf{whose, ahead})
}

// clock compares this machine's clock with those that report theirs: Binance by
// its own question, MinIO by the date of an answer. Kafka and ArangoDB do not.
func (x *checker) clock() check {
	skip := ""
	if x.Source.Source != source.Binance && x.noMinIO() != "" {
		skip = "neither Binance nor MinIO, whose clocks it would be compared with, is in use"
	}
	return check{name: "clock", skip: skip, after: []string{binanceName}, run: func(ctx context.Context) finding {
		if x.noMinIO() == "" {
			if ahead, err := x.minioAhead(ctx); err == nil { // errors of MinIO are reported by its own check
				x.skew.set(minioClock, ahead)
			}
		}
		x.skew.mu.Lock()
		defer x.skew.mu.Unlock()
		return judgeClocks(x.skew.of)
	}}
}

const minioClock = "MinIO"

func (x *checker) minioAhead(ctx context.Context) (time.Duration, error) {
	m, err := job.NewMinIO(x.Config, func(string) {})
	if err != nil {
		return 0, err
	}
	defer m.Close()
	before := time.Now()
	at, err := m.Clock(ctx)
	if err != nil {
		return 0, err
	}
	return cut(time.Until(at), at.Add(time.Second).Sub(before)), nil
}

// cut is the least that a clock can be ahead which lies in [least, most): a date
// is cut to the second, and an answer takes its time.
func cut(least, most time.Duration) time.Duration {
	switch {
	case least > 0:
		return least
	case most < 0:
		return most
	}
	return 0
}

func judgeClocks(all []clockOf) finding {
	if len(all) == 0 {
		return skipped("no server with a clock to compare with has answered")
	}
	f := finding{status: OK}
	var parts []string
	for _, c := range all {
		off := c.ahead.Abs()
		parts = append(parts, fmt.Sprintf("%v from that of %s", off.Round(time.Millisecond), c.whose))
		switch {
		case off > rejectedSoon && c.whose == minioClock:
			f.status = Failed
		case off > noticeable && f.status == OK:
			f.status = Warning
		}
	}
	f.message = "this machine's clock is " + strings.Join(parts, " and ")
	if f.status != OK {
		f.message += ": one of them is wrong"
		f.remedy = "set the one that is wrong, and keep it in step (NTP)"
	}
	return f
}
