package arangodb

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Documents, bind variables and results are JSON text without spaces, with the
// numbers as the server writes them: what reads it need not be careful.

// canonical checks a JSON text and gives it in that form.
func canonical(text []byte) (string, error) {
	if !json.Valid(text) {
		return "", errors.New("not JSON")
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '"':
			end := stringEnd(text, i)
			out = append(out, text[i:end]...)
			i = end
		case c == '-' || c >= '0' && c <= '9':
			end := i
			for end < len(text) && strings.IndexByte("+-.eE0123456789", text[end]) >= 0 {
				end++
			}
			out = appendNumberText(out, text[i:end])
			i = end
		default:
			out = append(out, c)
			i++
		}
	}
	return string(out), nil
}

// appendNumberText keeps integers of 64 bits; all others are doubles.
func appendNumberText(out, text []byte) []byte {
	if !bytes.ContainsAny(text, ".eE") {
		if _, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return append(out, text...)
		}
		if _, err := strconv.ParseUint(string(text), 10, 64); err == nil {
			return append(out, text...)
		}
	}
	f, _ := strconv.ParseFloat(string(text), 64) // out of range: an infinity
	return appendFloat(out, f)
}

// appendFloat writes a double as the server does: 1 for 1.0, plain digits up to
// seven zeros at either end, an exponent beyond; null for what is no number.
func appendFloat(out []byte, f float64) []byte {
	if f-f != 0 {
		return append(out, "null"...)
	}
	if f == 0 {
		return append(out, '0')
	}
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	if text[0] == '-' {
		out, text = append(out, '-'), text[1:]
	}
	mantissa, exponent, _ := bytes.Cut(text, []byte("e"))
	power, _ := strconv.Atoi(string(exponent)) // AppendFloat wrote it
	digits := len(mantissa)
	if digits > 1 {
		digits-- // the point
	}
	shift := power - digits + 1 // of the digits as an integer
	switch {
	case shift >= 0 && max(power, -power) < digits+7, shift < 0 && (shift > -7 || max(power, -power) < 4):
		return strconv.AppendFloat(out, max(f, -f), 'f', -1, 64)
	}
	out = append(out, mantissa...)
	out = append(out, 'e')
	if power > 0 {
		out = append(out, '+')
	}
	return strconv.AppendInt(out, int64(power), 10)
}

// appendString writes a string.
func appendString(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
			i++
		case c < ' ':
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			out = utf8.AppendRune(out, r) // U+FFFD for what is no UTF-8
			i += n
		}
	}
	return append(out, '"')
}

// stringEnd is the place after the string that starts at i.
func stringEnd[T string | []byte](text T, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd is the place after the value that starts at i, of canonical text.
func valueEnd(text string, i int) int {
	depth := 0
	for i < len(text) {
		switch text[i] {
		case '"':
			i = stringEnd(text, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// unquote decodes a JSON string.
func unquote(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text[1 : len(text)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(text), &s) // it was checked as it came in
	return s
}

// members calls f with each attribute of an object, canonical text, until f
// says false.
func members(text string, f func(name, value string) bool) {
	for i := 1; i < len(text) && text[i] != '}'; {
		name := text[i:stringEnd(text, i)]
		i += len(name) + 1
		end := valueEnd(text, i)
		if !f(unquote(name), text[i:end]) {
			return
		}
		if i = end; text[i] == ',' {
			i++
		}
	}
}

// elements calls f with each element of an array, canonical text.
func elements(text string, f func(value string)) {
	for i := 1; i < len(text) && text[i] != ']'; {
		end := valueEnd(text, i)
		f(text[i:end])
		if i = end; text[i] == ',' {
			i++
		}
	}
}
