package source

import (
	"bytes"
	"encoding/csv"
	"path/filepath"
	"slices"
	"strings"
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
					return d, from.badAt(firstLine, "%w", err)
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
			return d, from.badAt(bestLine, "%w", err)
		}
		return d, bad(path, "cannot be read: %w", err)
	}
	return best.withDecimals(path, sample)
}

// withVolumes is a header in which the volumes are named after the assets of the
// file's symbol, as CryptoDataDownload does, with their usual names: of BTCUSDT, or
// of BTC, the column "Volume BTC" is volume, and "Volume USDT" quote_volume.
func withVolumes(header []string, path string) []string {
	stem, _ := stemOf(filepath.Base(path))
	symbol := canonical(parseFileName(stem).symbol)
	if columnsOf(header, columnNames[baseVolume]) != nil {
		return header
	}
	base, quote, priced := -1, -1, ""
	for i, name := range tidyNames(header) {
		asset, ok := strings.CutPrefix(name, "volume_")
		asset = strings.ToUpper(asset)
		rest, begins := strings.CutPrefix(symbol, asset)
		switch {
		case !ok:
		case begins && (rest == "" || slices.ContainsFunc(quoteAssets, func(q string) bool { return strings.HasPrefix(rest, q) })):
			if base >= 0 {
				return header
			}
			base, priced = i, rest
		case slices.Contains(quoteAssets, asset):
			if quote >= 0 {
				return header
			}
			quote = i
		}
	}
	if base < 0 || quote >= 0 && priced != "" && bareName(header[quote]) != bareName("volume"+priced) {
		return header
	}
	header = slices.Clone(header)
	if header[base] = baseVolume.String(); quote >= 0 && columnsOf(header, columnNames[quoteVolume]) == nil {
		header[quote] = quoteVolume.String()
	}
	return header
}

// quoteAssets are those that symbols are priced in.
var quoteAssets = []string{"USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI", "USD", "EUR", "GBP", "JPY", "KRW", "TRY", "BRL", "BTC", "ETH", "BNB"}

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

func newLines(text interface{ Read([]byte) (int, error) }, comma rune) *csv.Reader {
	lines := csv.NewReader(text)
	lines.Comma = comma
	lines.FieldsPerRecord = -1 // checked later, with the line named
	lines.ReuseRecord = true
	return lines
}
