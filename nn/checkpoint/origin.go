package checkpoint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Origin is what a training came from. A state is only resumed where it is alike.
type Origin struct {
	Settings map[string]string `json:"settings"` // variables that decide about the result
	Data     Data              `json:"data"`
	Threads  int               `json:"threads"` // other than these, the bits may differ
	Device   string            `json:"device"`  // likewise
	Versions map[string]string `json:"versions"`
}

// Data is what tells one dataset from another.
type Data struct {
	Symbols   []string `json:"symbols"`
	Features  []string `json:"features"`
	Snapshots int      `json:"snapshots"`
	First     string   `json:"first"`  // RFC 3339 open time of the first snapshot; empty: no time
	Last      string   `json:"last"`   // of the last one
	SHA256    string   `json:"sha256"` // of all values, hex
}

// Differences says in what a run of now differs from the one that left o, a
// phrase each; none where it may be resumed. Variables in freely may differ.
func (o Origin) Differences(now Origin, freely ...string) []string {
	var d []string
	for _, name := range slices.Sorted(maps.Keys(union(o.Settings, now.Settings))) {
		if was, is := o.Settings[name], now.Settings[name]; was != is && !slices.Contains(freely, name) {
			d = append(d, fmt.Sprintf("%s was %s and is %s", name, orUnset(was), orUnset(is)))
		}
	}
	return append(d, o.Data.differences(now.Data)...)
}

func (was Data) differences(is Data) []string {
	var d []string
	list := func(what string, a, b []string) {
		if !slices.Equal(a, b) {
			d = append(d, fmt.Sprintf("the %s were %s and are %s", what, strings.Join(a, ","), strings.Join(b, ",")))
		}
	}
	list("nodes", was.Symbols, is.Symbols)
	list("features", was.Features, is.Features)
	if was.Snapshots != is.Snapshots || was.First != is.First || was.Last != is.Last {
		d = append(d, fmt.Sprintf("the data were %s and are %s", was, is))
	}
	if len(d) == 0 && was.SHA256 != is.SHA256 {
		d = append(d, fmt.Sprintf("the data, %s, have other values than before", is))
	}
	return d
}

// String names the extent, for messages.
func (was Data) String() string {
	if was.First == "" {
		return fmt.Sprintf("%d snapshots", was.Snapshots)
	}
	return fmt.Sprintf("%d snapshots from %s to %s", was.Snapshots, was.First, was.Last)
}

func union(a, b map[string]string) map[string]string {
	u := maps.Clone(a)
	if u == nil {
		u = map[string]string{}
	}
	maps.Copy(u, b)
	return u
}

func orUnset(value string) string {
	if value == "" {
		return "unset"
	}
	return value
}
