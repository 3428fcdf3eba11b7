package arango

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// value is the JSON text of a value in a document. Documents come from
// encoding/json, which has checked that they are JSON, and are cut here without
// another pass of reflection: a reading is millions of them.
type value []byte

// fields visits the attributes of an object, in its order.
func fields(object []byte, visit func(name []byte, v value) error) error {
	i := skipSpace(object, 0)
	if i >= len(object) || object[i] != '{' {
		return nil
	}
	for i++; ; {
		i = skipSpace(object, i)
		if object[i] == '}' {
			return nil
		}
		if object[i] == ',' {
			i++
			continue
		}
		end := skipValue(object, i)
		name := object[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name = []byte(value(object[i:end]).text())
		}
		i = skipSpace(object, end) + 1 // behind the colon
		i = skipSpace(object, i)
		end = skipValue(object, i)
		if err := visit(name, value(object[i:end])); err != nil {
			return err
		}
		i = end
	}
}

// elements visits the elements of an array.
func elements(array value, visit func(v value) error) error {
	for i := 1; i < len(array); {
		i = skipSpace(array, i)
		switch array[i] {
		case ']':
			return nil
		case ',':
			i++
			continue
		}
		end := skipValue(array, i)
		if err := visit(array[i:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// attribute is the value of one attribute; nil: the object lacks it.
func attribute(object []byte, wanted string) value {
	var found value
	stop := errors.New("found")
	_ = fields(object, func(name []byte, v value) error {
		if string(name) == wanted {
			found = v
			return stop
		}
		return nil
	})
	return found
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// skipValue is the place behind the value that begins at i.
func skipValue(text []byte, i int) int {
	depth := 0
	for ; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // behind a number
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

func (v value) isNull() bool   { return len(v) == 0 || v[0] == 'n' }
func (v value) isString() bool { return len(v) > 0 && v[0] == '"' }
func (v value) isArray() bool  { return len(v) > 0 && v[0] == '[' }
func (v value) isObject() bool { return len(v) > 0 && v[0] == '{' }

func (v value) isNumber() bool { return len(v) > 0 && (v[0] == '-' || v[0] >= '0' && v[0] <= '9') }

// text is a string's text; of anything else, its JSON.
func (v value) text() string {
	if !v.isString() {
		return string(v)
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	var s string
	_ = json.Unmarshal(v, &s) // it is valid
	return s
}

// bytes is text without an allocation where the string has no escapes.
func (v value) bytes() []byte {
	if v.isString() && bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	return []byte(v.text())
}

// shown quotes a value for a message of one line.
func (v value) shown() string {
	const most = 60
	if len(v) > most {
		return string(v[:most]) + "..."
	}
	return string(v)
}

// number is a number, or a string that holds one (asText). What is null or an
// empty string is not there.
func (v value) number() (n float64, there, asText bool, err error) {
	switch {
	case v.isNull():
		return math.NaN(), false, false, nil
	case v.isNumber():
		n, err = strconv.ParseFloat(string(v), 64)
	case v.isString():
		text := strings.TrimSpace(v.text())
		if text == "" {
			return math.NaN(), false, false, nil
		}
		asText = true
		n, err = strconv.ParseFloat(text, 64)
	default:
		err = strconv.ErrSyntax
	}
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return math.NaN(), true, asText, fmt.Errorf("%s is not a number", v.shown())
	}
	return n, true, asText, nil
}

// millis is a time as Unix ms: a number, or a string that holds one, of
// seconds, milliseconds or microseconds, or a string of RFC 3339. Times from
// 2001 to 2286 have 10, 13 and 16 digits, so the units cannot be taken for each
// other.
func (v value) millis() (int64, error) {
	n, there, _, err := v.number()
	if err != nil && v.isString() {
		t, err := time.Parse(time.RFC3339Nano, v.text())
		if err != nil {
			return 0, fmt.Errorf("%s is no time in Unix milliseconds or RFC 3339", v.shown())
		}
		return t.UnixMilli(), nil
	}
	if err != nil || !there {
		return 0, fmt.Errorf("%s is no time in Unix milliseconds or RFC 3339", v.shown())
	}
	for _, unit := range timeUnits {
		if n >= unit.least && n < 10*unit.least {
			return int64(math.Floor(n * unit.times / unit.by)), nil
		}
	}
	return 0, fmt.Errorf("%s is no Unix time between 2001 and 2286 in seconds (10 digits), milliseconds (13) or microseconds (16)", v.shown())
}

// timeUnits are the units of Unix times, each from September 2001 on, and what
// makes milliseconds of them.
var timeUnits = []struct{ least, times, by float64 }{
	{1e9, 1000, 1}, {1e12, 1, 1}, {1e15, 1, 1000},
}
