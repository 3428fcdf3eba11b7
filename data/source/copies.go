package source

import (
	"fmt"
	"slices"
	"strings"
)

// copies has a sentence for each series that has the same candles as one before
// it: both would be nodes, each with a copy of itself for a neighbour.
func copies(symbols []string, all []*series, leaveOut func(symbol string) string) (notes []string) {
	for i, s := range all {
		for j, other := range all[:i] {
			if shared := s.sameCandles(other); shared > 0 {
				notes = append(notes, fmt.Sprintf("%s has the same candles as %s on the %d bars that both have: %s", symbols[i], symbols[j], shared, leaveOut(symbols[i])))
				break
			}
		}
	}
	return notes
}

// fewShared is the least number of shared bars by which two series are known to
// be copies.
const fewShared = 10

// sameCandles is how many bars two series share, 0 where one of them differs,
// nothing is traded in any, or most bars of the shorter one are not shared.
func (s *series) sameCandles(other *series) (shared int) {
	if len(s.times) == 0 || len(other.times) == 0 {
		return 0
	}
	begin := max(s.times[0], other.times[0])
	i, _ := slices.BinarySearch(s.times, begin)
	j, _ := slices.BinarySearch(other.times, begin)
	moves := false
	for i < len(s.times) && j < len(other.times) {
		switch a, b := s.times[i], other.times[j]; {
		case a < b:
			i++
			continue
		case a > b:
			j++
			continue
		}
		for q := range takerBuyVolume {
			if s.values[q][i] != other.values[q][j] {
				return 0
			}
		}
		moves = moves || s.values[closePrice][i] != s.values[closePrice][0]
		shared, i, j = shared+1, i+1, j+1
	}
	if !moves || shared < fewShared || 2*shared < min(len(s.times), len(other.times)) {
		return 0
	}
	return shared
}

// nearlyOne has a sentence for symbols that differ in case or separators alone,
// as BTCUSDT and BTC-USDT do.
func nearlyOne(symbols []string) (notes []string) {
	of := map[string][]string{}
	for _, symbol := range symbols {
		of[canonical(symbol)] = append(of[canonical(symbol)], symbol)
	}
	for _, symbol := range symbols {
		if same := of[canonical(symbol)]; len(same) > 1 && same[0] == symbol {
			notes = append(notes, strings.Join(same, " and ")+" differ in spelling alone: leave one out by EXCLUDE if they are one symbol")
		}
	}
	slices.Sort(notes)
	return notes
}
