package source

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

var (
	pointNumber     = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)
	commaNumber     = regexp.MustCompile(`^[+-]?\d+,\d+([eE][+-]?\d+)?$`)
	thousandsNumber = regexp.MustCompile(`^[+-]?\d{1,3}(,\d{3})+$`)
	markedNumber    = regexp.MustCompile(`^\s*[-+]?(\p{Sc}\s*[\d.,]+|[\d.,]+\s*([KkMBbTt%]|\p{Sc}|[A-Z]{3,4}))\s*$`) // with a currency, a unit or a sign behind it
	mixedNumber     = regexp.MustCompile(`^[+-]?\d{1,3}([.,' ]\d{3})+[.,]\d+$|^[+-]?\d{1,3}(,\d{3}){2,}$`)
)

func isNumber(text string, commaToo bool) bool {
	return pointNumber.MatchString(text) || commaToo && commaNumber.MatchString(text)
}

// withDecimals is d with the way in which the first candles write numbers. Three
// digits behind a comma may be thousands, so others must show that it is the
// decimal one.
func (d dialect) withDecimals(path string, sample []byte) (dialect, error) {
	at, err := locate(d.header)
	if err != nil {
		return d, bad(path, "cannot be read: %w", err)
	}
	lines := newLines(bytes.NewReader(sample[d.bytes:]), d.comma)
	var points, commas, open string
	for {
		record, err := lines.Read()
		if err != nil { // the end of the sample, or what the reading will report
			break
		}
		if len(record) != len(d.header) {
			continue
		}
		for q, i := range at {
			text := strings.TrimSpace(record[max(i, 0)])
			switch {
			case i < 0 || quantity(q) == openTime:
			case !strings.ContainsAny(text, ",' "):
				if strings.Contains(text, ".") {
					points = text
				}
			case mixedNumber.MatchString(text):
				return d, bad(path, "separates thousands in numbers (%s)", shorten(text)).Fix("write numbers with a decimal point and nothing else, as 1234.5")
			case thousandsNumber.MatchString(text):
				open = text
			case commaNumber.MatchString(text):
				commas = text
			}
		}
	}
	switch {
	case points != "" && (commas != "" || open != ""):
		return d, bad(path, "has numbers with a decimal point (%s) and with a comma (%s)", shorten(points), shorten(commas+open)).Fix("write all with a decimal point, and nothing between thousands")
	case open != "" && commas == "":
		return d, bad(path, "leaves open whether %s has a decimal comma or separates thousands", shorten(open)).Fix("write numbers with a decimal point")
	}
	d.decimalComma = commas != ""
	return d, nil
}

// number reads a value as the text writes numbers.
func (d dialect) number(text string) (v float64, present bool, err error) {
	if !d.decimalComma {
		return parseNumber(text)
	}
	text = strings.TrimSpace(text)
	if strings.Contains(text, ".") {
		return 0, true, fault.Input("%s has a decimal point, and the lines before it decimal commas", shorten(text))
	}
	return parseNumber(strings.Replace(text, ",", ".", 1))
}
