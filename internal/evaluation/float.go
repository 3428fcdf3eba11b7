package evaluation

import (
	"bytes"
	"encoding/json"
	"math"
)

// Float is a measured value that may be undefined: NaN, which JSON lacks and
// readers of it reject, is written as null and read back as NaN. So is an
// infinity, the loss of a run that diverged.
type Float float64

// MarshalJSON implements json.Marshaler.
func (f Float) MarshalJSON() ([]byte, error) {
	if !finite(float64(f)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *Float) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*f = Float(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(f))
}
