// Package paragraph fills text into lines of a given width: sentences enter,
// and lines that break between words leave. It knows nothing of terminals.
package paragraph

import (
	"strings"
	"unicode/utf8"
)

// Fill is text in lines of at most so many columns, each after indent, without
// the newline of the last. Line breaks of text stay. A word that is too long
// for a line has one of its own.
func Fill(text, indent string, columns int) string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := indent
		for word := range strings.FieldsSeq(paragraph) {
			if line != indent && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns {
				lines = append(lines, line)
				line = indent
			}
			if line != indent {
				line += " "
			}
			line += word
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
