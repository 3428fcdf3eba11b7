package arangodb

import (
	"strconv"
	"strings"
)

// token is a piece of a query.
type token struct {
	kind tokenKind
	text string // of a name or string, decoded; of an operator or keyword, in capitals
	num  float64
	pos  int
}

type tokenKind uint8

const (
	endToken tokenKind = iota
	nameToken
	keywordToken
	stringToken
	numberToken
	bindToken     // @name
	dataBindToken // @@name
	signToken
)

// keywords are AQL's, those included that this subset has no use for: they
// cannot be names.
var keywords = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(`AGGREGATE ALL AND ANY ASC COLLECT DESC DISTINCT FALSE FILTER FOR GRAPH IN INBOUND INSERT INTO
		K_PATHS K_SHORTEST_PATHS LET LIKE LIMIT NONE NOT NULL OR OUTBOUND REMOVE REPLACE RETURN SHORTEST_PATH SORT TRUE UPDATE
		UPSERT WINDOW WITH`) {
		words[w] = true
	}
	return words
}()

// signs, the longer ones first.
var signs = []string{"==", "!=", "<=", ">=", "&&", "||", "<", ">", "=", ":", ",", ".", "(", ")", "[", "]", "{", "}"}

// lex splits a query into tokens; the last is an endToken.
func lex(query string) ([]token, error) {
	var tokens []token
	for i := 0; ; {
		for i < len(query) && strings.IndexByte(" \t\r\n", query[i]) >= 0 {
			i++
		}
		if i == len(query) {
			return append(tokens, token{kind: endToken, pos: i}), nil
		}
		t, end, err := lexOne(query, i)
		if err != nil {
			return nil, err
		}
		t.pos = i
		tokens = append(tokens, t)
		i = end
	}
}

func lexOne(query string, i int) (token, int, error) {
	switch c := query[i]; {
	case c == '\'' || c == '"' || c == '`':
		var b strings.Builder
		for j := i + 1; j < len(query); j++ {
			switch query[j] {
			case c:
				if c == '`' { // a name, quoted
					return token{kind: nameToken, text: b.String()}, j + 1, nil
				}
				return token{kind: stringToken, text: b.String()}, j + 1, nil
			case '\\':
				if j++; j < len(query) {
					if n := strings.IndexByte("nrtbf", query[j]); n >= 0 {
						b.WriteByte("\n\r\t\b\f"[n])
					} else {
						b.WriteByte(query[j])
					}
				}
			default:
				b.WriteByte(query[j])
			}
		}
		return token{}, 0, parseError(query, i, "unexpected unterminated string literal")
	case c >= '0' && c <= '9':
		end := i
		for end < len(query) && (isDigit(query[end]) || query[end] == '.') {
			end++
		}
		if end < len(query) && (query[end] == 'e' || query[end] == 'E') {
			if end++; end < len(query) && (query[end] == '+' || query[end] == '-') {
				end++
			}
			for end < len(query) && isDigit(query[end]) {
				end++
			}
		}
		f, err := strconv.ParseFloat(query[i:end], 64)
		if err != nil {
			return token{}, 0, parseError(query, i, "number literal value is out of range")
		}
		return token{kind: numberToken, num: f}, end, nil
	case c == '@':
		kind, start := bindToken, i+1
		if start < len(query) && query[start] == '@' {
			kind, start = dataBindToken, start+1
		}
		if end := nameEnd(query, start); end > start {
			return token{kind: kind, text: query[start:end]}, end, nil
		}
	case isLetter(c):
		end := nameEnd(query, i)
		if word := strings.ToUpper(query[i:end]); keywords[word] {
			return token{kind: keywordToken, text: word}, end, nil
		}
		return token{kind: nameToken, text: query[i:end]}, end, nil
	}
	for _, s := range signs {
		if strings.HasPrefix(query[i:], s) {
			return token{kind: signToken, text: s}, i + len(s), nil
		}
	}
	return token{}, 0, parseError(query, i, "unexpected character")
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c == '_' || c == '$' || c|0x20 >= 'a' && c|0x20 <= 'z' }

func nameEnd(query string, i int) int {
	for i < len(query) && (isLetter(query[i]) || isDigit(query[i])) {
		i++
	}
	return i
}
