package kafka

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

func TestEventsStayInOnePartitionUnlessItsLeaderIsLongMissing(t *testing.T) {
	three := func(led ...bool) []partition {
		return []partition{{0, led[0]}, {1, led[1]}, {2, led[2]}}
	}
	const none = -1
	type step struct {
		after time.Duration // since the first event
		all   []partition
		want  int
	}
	for name, steps := range map[string][]step{
		"all have leaders": {{0, three(true, true, true), 1}, {time.Hour, three(true, true, true), 1}},
		"others have none": {{0, three(false, true, false), 1}},
		"a short election": {{0, three(true, true, true), 1}, {time.Second, three(true, false, true), none}, {9 * time.Second, three(true, true, true), 1}},
		"two short ones":   {{0, three(true, false, true), none}, {8 * time.Second, three(true, true, true), 1}, {15 * time.Second, three(true, false, true), none}},
		"a long one, and it stays where it went": {
			{0, three(true, true, true), 1},
			{time.Second, three(true, false, true), none},
			{12 * time.Second, three(true, false, true), 2},
			{13 * time.Second, three(true, true, true), 2},
		},
		"no leader at all":       {{0, three(false, false, false), none}, {time.Minute, three(false, false, false), none}, {2 * time.Minute, three(false, true, false), 1}},
		"partitions are added":   {{0, three(true, true, true), 1}, {time.Second, append(three(true, true, true), partition{3, true}), 1}},
		"it is not there at 1st": {{0, three(true, false, true), none}, {11 * time.Second, three(true, false, true), 2}},
	} {
		p := place{hash: 7} // the second of three, and of two
		begin := time.Now()
		for _, s := range steps {
			got, err := p.among(s.all, begin.Add(s.after))
			if s.want == none && !errors.Is(err, kafka.LeaderNotAvailable) || s.want != none && (err != nil || got != s.want) {
				t.Errorf("%s: after %v partition %d, %v; want %d", name, s.after, got, err, s.want)
			}
		}
	}
}

func TestAnOutageIsToldWhenItBeginsAndWhenAllOfItIsOver(t *testing.T) {
	var told []string
	o := outage{what: "it fails", log: func(line string) { told = append(told, line) }}
	gone := errors.New("gone")
	o.over(0)
	for range 5 {
		o.failed(0, gone)
		o.over(1) // it never failed
		o.failed(2, gone)
	}
	o.over(0)
	o.failed(2, gone)
	o.over(2)
	o.over(2)
	if want := []string{"it fails: gone; retrying", "it fails: resolved"}; !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}
