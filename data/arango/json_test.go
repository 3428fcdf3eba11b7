package arango

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// FuzzFieldsAreThoseOfEncodingJSON compares the cutting of objects with the
// standard library's.
func FuzzFieldsAreThoseOfEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : [ 1 , {"b":"]}"} ] , "c" : "x\"y\\" ,"d":null}`, `{"\u0061":"\ud83d\ude00","é":"\/"}`, `{"a":-1.5e-3,"b":true,"c":{"d":[[]]}}`, `{"a":1,"a":2}`, `[1]`, `"x"`, `{"k":"\\"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		want := map[string]json.RawMessage{}
		if json.Unmarshal([]byte(text), &want) != nil {
			return
		}
		if strings.TrimSpace(text) == "null" {
			return
		}
		got := map[string]string{}
		if err := fields([]byte(text), func(name []byte, v value) error {
			got[string(name)] = string(v)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for name, v := range want {
			if g, ok := got[name]; (!ok || g != string(v)) && strings.ToValidUTF8(name, "") == name && !strings.Contains(name, "\ufffd") {
				t.Errorf("%q of %s: got %q, want %q", name, text, g, v)
			}
			var s string
			if json.Unmarshal(v, &s) == nil && value(v).isString() && value(v).text() != s && !strings.Contains(s, "\ufffd") {
				t.Errorf("%s is %q, want %q", v, value(v).text(), s)
			}
			var list []json.RawMessage
			if value(v).isArray() && json.Unmarshal(v, &list) == nil {
				i := 0
				_ = elements(value(v), func(e value) error {
					if i >= len(list) || string(list[i]) != string(e) {
						t.Errorf("element %d of %s is %s", i, v, e)
					}
					i++
					return nil
				})
				if i != len(list) {
					t.Errorf("%s has %d elements, %d came", v, len(list), i)
				}
			}
		}
	})
}

func TestNumbersAndTimesAreReadInEachFormTheyComeIn(t *testing.T) {
	for text, want := range map[string]float64{`1.5`: 1.5, `"1.5"`: 1.5, `" -2e3 "`: -2000, `null`: math.NaN(), `""`: math.NaN(), `0`: 0} {
		if n, there, asText, err := value(text).number(); err != nil || n != want && !(math.IsNaN(n) && !there) || asText != (text[0] == '"' && there) {
			t.Errorf("%s: %v, %v, %v, %v", text, n, there, asText, err)
		}
	}
	for _, text := range []string{`"NaN"`, `"Inf"`, `1e999`, `true`, `[1]`, `{}`, `"1,5"`} {
		if n, _, _, err := value(text).number(); err == nil || err.Error() != text+" is not a number" {
			t.Errorf("%s: %v, %v", text, n, err)
		}
	}
	at := time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC).UnixMilli()
	for _, text := range []string{`1717243200000`, `"1717243200000"`, `1717243200`, `1717243200000000`, `1.7172432e12`, `1717243200000999`, `"2024-06-01T12:00:00Z"`, `"2024-06-01T14:00:00+02:00"`} {
		if ms, err := value(text).millis(); err != nil || ms != at {
			t.Errorf("%s: %d, %v", text, ms, err)
		}
	}
	for text, want := range map[string]string{
		`"soon"`:      `"soon" is no time in Unix milliseconds or RFC 3339`,
		`null`:        `null is no time in Unix milliseconds or RFC 3339`,
		`[]`:          `[] is no time in Unix milliseconds or RFC 3339`,
		`5`:           `5 is no Unix time between 2001 and 2286 in seconds (10 digits), milliseconds (13) or microseconds (16)`,
		`17172432000`: `17172432000 is no Unix time between 2001 and 2286 in seconds (10 digits), milliseconds (13) or microseconds (16)`,
	} {
		if ms, err := value(text).millis(); err == nil || err.Error() != want {
			t.Errorf("%s: %d, %v", text, ms, err)
		}
	}
}
