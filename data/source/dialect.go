package source

import (
	"bytes"
	"encoding/csv"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// dialect is how a text writes its table, as its first lines show.
type dialect struct {
	comma  rune     // between the fields of a line
	header []string // dumpHeader where the text has none
	bare   bool     // whether the first line is a candle, and no header
	above  int      // lines up to the header, it included unless bare
	bytes  int      // of those lines

	decimalComma bool // in numbers
}

// separators are what stands between fields, the usual one first.
var separators = []rune{',', ';', '\t', '|'}

// headLines is how many lines may stand above the candles.
const headLines = 20

// readDialect finds the header in the beginning of a text, and how it writes
// numbers. All columns of a candle in one line make a header, so what stands
// above it, as some programs write, is passed over.
func readDialect(path string, sample []byte) (d dialect, err error) {
	from := origin{path: path, unit: "line"}
	commas := separators
	best, bestLine, bestFields := dialect{}, 0, []string(nil)
	var first []string // fields of the first line that is not empty
	firstLine, offset := 0, 0
	for n, rest := 1, sample; n <= headLines && len(rest) > 0; n++ {
		line, after := cutLine(rest)
		rest, offset = after, offset+len(line)
		text := strings.TrimSpace(string(line))
		if text == "" {
			continue
		}
		if comma, ok := declaredSeparator(text); ok && first == nil {
			commas = []rune{comma}
			continue
		}
		for _, comma := range commas {
			fields := splitLine(line, comma)
			if count := requiredIn(fields); count > requiredIn(bestFields) {
				best, bestLine, bestFields = dialect{comma: comma, header: fields, above: n, bytes: offset}, n, fields
			}
			if looksLikeCandle(fields, comma) && requiredIn(bestFields) == 0 {
				if len(first) == len(fields) { // the line above may be a header in other words
					_, err := locate(first)
					return d, from.badAt(firstLine, "%s cannot be read: %w", path, err)
				}
				if first == nil && len(fields) == len(dumpHeader) {
					return dialect{comma: comma, header: dumpHeader, bare: true, above: n - 1, bytes: offset - len(line)}.withDecimals(path, sample)
				}
				return d, from.badAt(n, "there are %d numbers where the header should be", len(fields)).Fix("write open_time,open,high,low,close,volume and the further columns above them")
			}
		}
		if requiredIn(bestFields) == required {
			break
		}
		if first == nil {
			first, firstLine = widest(line, commas), n
		}
	}
	switch count := requiredIn(bestFields); {
	case first == nil && bestFields == nil:
		return d, bad(path, "is empty").Fix("write its candles, or remove the file")
	case count < required/2 && strings.Count(strings.Join(first, ""), " ") >= required-1 && requiredIn(strings.Fields(strings.Join(first, ""))) >= required/2:
		return d, bad(path, "separates its fields by spaces").Fix("save it with commas between them")
	case count < required/2:
		bestFields, bestLine = first, firstLine
	}
	bestFields = withVolumes(bestFields, path)
	best.header = bestFields
	if _, err := locate(bestFields); err != nil {
		if bestLine > 1 {
			return d, from.badAt(bestLine, "%s cannot be read: %w", path, err)
		}
		return d, bad(path, "cannot be read: %w", err)
	}
	return best.withDecimals(path, sample)
}

// withVolumes is a header in which the two volumes are named after the assets of
// the file's symbol, as CryptoDataDownload does, with their usual names: of
// BTCUSDT the column "Volume BTC" is volume, and "Volume USDT" quote_volume.
func withVolumes(header []string, path string) []string {
	stem, _ := stemOf(filepath.Base(path))
	symbol := canonical(parseFileName(stem).symbol)
	names := tidyNames(header)
	for i, base := range names {
		for j, quote := range names {
			base, ofBase := strings.CutPrefix(base, "volume_")
			quote, ofQuote := strings.CutPrefix(quote, "volume_")
			if ofBase && ofQuote && i != j && strings.Contains(symbol, strings.ToUpper(base+quote)) {
				header = slices.Clone(header)
				header[i], header[j] = baseVolume.String(), quoteVolume.String()
				return header
			}
		}
	}
	return header
}

// required is how many columns a candle must have.
const required = int(takerBuyVolume) + 1

// cutLine splits a text behind its first line.
func cutLine(text []byte) (line, rest []byte) {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return text[:i+1], text[i+1:]
	}
	return text, nil
}

// declaredSeparator reads the line sep=; that Excel writes and obeys.
func declaredSeparator(line string) (comma rune, ok bool) {
	after, ok := strings.CutPrefix(strings.ToLower(strings.Trim(line, `"`)), "sep=")
	if !ok {
		return 0, false
	}
	for _, comma := range separators {
		if after == string(comma) || after == "" && comma == '\t' {
			return comma, true
		}
	}
	return 0, false
}

// splitLine are the fields of one line; nil where it is no CSV by itself.
func splitLine(line []byte, comma rune) []string {
	lines := newLines(bytes.NewReader(line), comma)
	fields, err := lines.Read()
	if err != nil {
		return nil
	}
	return slices.Clone(fields)
}

// widest are the fields of a line by the separator that gives the most.
func widest(line []byte, commas []rune) (fields []string) {
	for _, comma := range commas {
		if f := splitLine(line, comma); len(f) > len(fields) {
			fields = f
		}
	}
	if fields == nil {
		return []string{string(bytes.TrimSpace(line))}
	}
	return fields
}

// looksLikeCandle reports whether a line holds values: a time and at least five
// numbers.
func looksLikeCandle(fields []string, comma rune) bool {
	if len(fields) < required {
		return false
	}
	for i, f := range fields {
		_, _, date := parseDate(f)
		if !(i == 0 && date) && !isNumber(strings.TrimSpace(f), comma != ',') {
			return false
		}
	}
	return true
}

var (
	pointNumber     = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)
	commaNumber     = regexp.MustCompile(`^[+-]?\d+,\d+([eE][+-]?\d+)?$`)
	thousandsNumber = regexp.MustCompile(`^[+-]?\d{1,3}(,\d{3})+$`)
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

func newLines(text interface{ Read([]byte) (int, error) }, comma rune) *csv.Reader {
	lines := csv.NewReader(text)
	lines.Comma = comma
	lines.FieldsPerRecord = -1 // checked later, with the line named
	lines.ReuseRecord = true
	return lines
}
