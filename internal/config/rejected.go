package config

import (
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// A Config beside an error holds what values were meant to be, such as a
// password without the newline behind it: the checks that follow look at that.
// Nothing connects by it, since nobody has approved it.

// Rejects tells whether a value of one of these variables was rejected, under
// whichever of its names it is set.
func (c Config) Rejects(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(c.rejected, name) })
}

// ReachesKafka tells whether Kafka is configured, and by values that were not
// rejected.
func (c Config) ReachesKafka() bool {
	return c.Kafka.BootstrapServers != "" && c.Kafka.Validate() == nil &&
		!c.Rejects("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_USER", "KAFKA_PASSWORD", "CA_PATH", "QUEUE_EVENTS_TOPIC")
}

// rejectedBy are the variables' own names that faults are of.
func rejectedBy(faults fault.List) []string {
	var rejected []string
	for _, one := range faults {
		where := fault.Of(one).Where
		for _, g := range groups {
			for _, v := range g.vars {
				if slices.Contains(v.names(), where) || v.secret && slices.ContainsFunc(v.names(), func(n string) bool { return n+"_FILE" == where }) {
					rejected = append(rejected, v.name)
				}
			}
		}
	}
	return rejected
}
