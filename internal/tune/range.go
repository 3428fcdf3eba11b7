// Package tune searches settings. What is to be searched enters, in the form of
// the environment, and later the values that trials came to; configurations leave,
// which of them are worth more epochs, and which is the best. It trains nothing,
// stores nothing and knows no variable by name: the same seed and values give the
// same search, whoever was killed in between.
package tune

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Range is what one variable is searched in: numbers from Low to High, both ends
// included, or Choices.
type Range struct {
	Variable  string
	Text      string   // as it was given
	Choices   []string // nil: numbers
	Low, High float64
	Whole     bool // numbers are whole
	// Log is whether ratios of numbers count, and not differences: each factor of 2
	// gets as many trials. So it is where High is at least logRatio times a Low above 0.
	Log bool
}

// logRatio is the ratio of the ends from which on a range is searched by ratios: a
// LEARNING_RATE of 0.0001..0.01 is, a DROPOUT of 0..0.5 is not.
const logRatio = 10

// digits that a number has which is no whole one: more would say nothing, and the
// environment file is read by people.
const digits = 4

// Kind is what values a variable has.
type Kind string

// The kinds. Texts are searched by choices alone.
const (
	Whole Kind = "whole number"
	Real  Kind = "number"
	List  Kind = "list" // of values with commas between: choices have semicolons
	Text  Kind = "text"
)

// parseRange reads a range, a..b, or choices, of a variable that is searched as
// name. Whether the variable takes the values is not looked at.
func parseRange(name, variable, text string, kind Kind) (Range, error) {
	r := Range{Variable: variable, Text: text}
	wrong := func(format string, a ...any) error {
		remedy := "set choices such as a,b"
		switch kind {
		case Whole:
			remedy = "set a range such as 16..128, or choices such as 16,32,64"
		case Real:
			remedy = "set a range such as 0.0001..0.01, or choices such as 0.001,0.01"
		case List:
			remedy = "set choices such as a,b;a,c: a semicolon stands between them"
		}
		return fault.Input("%s is %.80q: "+format, append([]any{name, text}, a...)...).At("%s", name).Fix("%s", remedy)
	}
	low, high, isRange := strings.Cut(text, "..")
	if isRange && (kind == Whole || kind == Real) {
		var err error
		if r.Low, err = parseNumber(low, kind); err != nil {
			return r, wrong("%v", err)
		}
		if r.High, err = parseNumber(high, kind); err != nil {
			return r, wrong("%v", err)
		}
		if !(r.Low < r.High) {
			return r, wrong("the range is empty, since %s is not below %s", low, high)
		}
		r.Whole = kind == Whole
		r.Log = r.Low > 0 && r.High >= logRatio*r.Low
		return r, nil
	}
	separator := ","
	if kind == List {
		separator = ";"
	}
	for choice := range strings.SplitSeq(text, separator) {
		choice = strings.TrimSpace(choice)
		switch {
		case choice == "":
			return r, wrong("a choice is empty")
		case strings.ContainsAny(choice, " \t\n"):
			return r, wrong("the choice %.40q holds a blank, which the environment file cannot", choice)
		case slices.Contains(r.Choices, choice):
			return r, wrong("the choice %.40s is there twice", choice)
		}
		r.Choices = append(r.Choices, choice)
	}
	if len(r.Choices) < 2 {
		return r, wrong("one choice leaves nothing to search")
	}
	return r, nil
}

func parseNumber(text string, kind Kind) (float64, error) {
	text = strings.TrimSpace(text)
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		return 0, fmt.Errorf("%.40q is no number", text)
	case kind == Whole && (v != math.Trunc(v) || math.Abs(v) > 1<<53):
		return 0, fmt.Errorf("%.40s is no whole number", text)
	}
	return v, nil
}

// Ends are the values of which the others are none better known: both ends of the
// numbers, or all choices.
func (r Range) Ends() []string {
	if r.Choices != nil {
		return r.Choices
	}
	return []string{r.format(r.Low), r.format(r.High)}
}

// At is the value at a place of the range, from 0, below 1.
func (r Range) At(u float64) string {
	if n := len(r.Choices); n > 0 {
		return r.Choices[min(int(u*float64(n)), n-1)]
	}
	low, high := r.Low, r.High
	if r.Whole {
		high++ // each whole number gets as much as the others
	}
	v := low + u*(high-low)
	if r.Log {
		v = low * math.Pow(high/low, u)
	}
	if r.Whole {
		return r.format(min(math.Floor(v), r.High))
	}
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64) // what was written is read
	return r.format(min(max(v, r.Low), r.High))
}

func (r Range) format(v float64) string {
	if r.Whole {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Holds tells whether a value lies in the range.
func (r Range) Holds(value string) bool {
	if r.Choices != nil {
		return slices.Contains(r.Choices, value)
	}
	v, err := strconv.ParseFloat(value, 64)
	return err == nil && v >= r.Low && v <= r.High
}
