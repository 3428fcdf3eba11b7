package binance

import (
	"encoding/json"
	"errors"
	"fmt"
)

// event is what a stream sends. Names that differ in case only are all listed:
// encoding/json takes a name of the other case for a field that lacks its own.
type event struct {
	Kind   string `json:"e"`
	Time   int64  `json:"E"`
	Symbol string `json:"s"`
	First  int64  `json:"U"`
	Last   int64  `json:"u"`
	Prev   int64  `json:"pu"`
	Bids   Levels `json:"b"`
	Asks   Levels `json:"a"`
}

// wrapped is an event of a combined stream; what concerns the connection itself
// may come bare.
type wrapped struct {
	Data event `json:"data"`
	event
}

// Kinds of events.
const (
	depthUpdate    = "depthUpdate"
	serverShutdown = "serverShutdown"
)

// errOther is of messages that are none of ours, such as answers to a request.
var errOther = errors.New("no event of a depth stream")

// errShutdown is the server's word that it is about to go.
var errShutdown = errors.New("the server shuts down")

// readMessage reads a message of a combined stream of depth.
func readMessage(text []byte) (Diff, error) {
	var m wrapped
	if err := json.Unmarshal(text, &m); err != nil {
		return Diff{}, fmt.Errorf("a message is no event: %w", err)
	}
	e := m.Data
	if e.Kind == "" {
		e = m.event
	}
	switch e.Kind {
	case depthUpdate:
	case serverShutdown:
		return Diff{}, errShutdown
	default:
		return Diff{}, errOther
	}
	if e.Symbol == "" || e.Time <= 0 || e.First <= 0 || e.Last < e.First {
		return Diff{}, fmt.Errorf("a depth update of %.40q at %d has the updates %d to %d, which cannot be", e.Symbol, e.Time, e.First, e.Last)
	}
	return Diff{e.Symbol, e.Time, e.First, e.Last, e.Prev, e.Bids, e.Asks}, nil
}
