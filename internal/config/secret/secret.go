// Package secret keeps passwords and keys out of logs, errors and artefacts.
package secret

import (
	"fmt"
	"io"
)

const hidden = "(secret)"

// String is text that no print verb, encoder or logger shows; Reveal gives it
// to the one call that needs it. An unset secret is empty and shown as such.
type String string

// Reveal is the text itself. Never put it into an error or a log.
func (s String) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s String) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format implements fmt.Formatter: a Stringer alone would still be shown by
// verbs such as %d, whose complaint prints the operand.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json, YAML and
// loggers follow.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
