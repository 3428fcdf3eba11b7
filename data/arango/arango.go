// Package arango reads market data and prepared graphs from ArangoDB, and
// writes graphs back. Documents enter by streams of AQL; candles, order books
// and funding rates leave one by one (package source makes a market of them),
// and a prepared graph leaves as a pyg.File or as data.Snapshots. It computes no
// feature and no label, and keeps no document longer than it takes to read it.
package arango

import (
	"fmt"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Report counts what was tolerated while reading.
type Report struct {
	Documents int `json:"documents"`           // read, of every kind
	Strings   int `json:"numbers_as_text"`     // numbers that were strings
	Other     int `json:"other_documents"`     // of a mixed collection, neither node nor edge
	Restarts  int `json:"restarted_readings"`  // after the server had lost a cursor
	Intervals int `json:"of_another_interval"` // candles with another interval than INTERVAL
	Crossed   int `json:"crossed_books"`       // order books whose best ask is below their best bid

	Nodes       int `json:"nodes"`
	Masked      int `json:"incomplete_nodes"`          // that lack a feature, and are masked
	Edges       int `json:"edges"`                     // kept
	Duplicates  int `json:"repeated_edges"`            // with the same values, dropped
	Dangling    int `json:"edges_to_nowhere"`          // to nodes that do not exist, dropped
	MaskedEdges int `json:"edges_of_incomplete_nodes"` // dropped
	Outside     int `json:"edges_outside"`             // of nodes or times that were not chosen, dropped

	Ignored []string `json:"ignored_attributes,omitempty"` // of nodes, in sorted order: no numbers
}

// badDocument is a fault of one document, which is named by its _id.
func badDocument(collection string, key []byte, format string, a ...any) *fault.Error {
	return fault.Input(format, a...).At("%s/%s", collection, key)
}

// listed writes names for a message, the first few of many.
func listed(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
