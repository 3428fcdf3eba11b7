package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// Float32s is a float32 tensor's values, written as the float64 that equals
// each. The shortest digits of a float32 would not do: a reader that parses
// them as float64 and rounds, as Python does, may end one unit off
// (7.038531e-26 is such a number).
type Float32s []float32

// MarshalJSON implements json.Marshaler.
func (f Float32s) MarshalJSON() ([]byte, error) {
	wide := make([]float64, len(f))
	for i, v := range f {
		wide[i] = float64(v)
	}
	return json.Marshal(wide)
}

// encode renders an artefact: indented, `>` of a rule as it is, one newline
// at the end, and the same bytes for the same value.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	return b.Bytes(), nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
