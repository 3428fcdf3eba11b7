package source

import (
	"fmt"
	"strings"
	"testing"
)

// withColumn is a good file with a text column that has the values in turn, each
// for as many bars.
func withColumn(name string, level float64, values ...string) string {
	rows := strings.Split(strings.TrimSuffix(wave(0, 20, level), "\n"), "\n")
	rows[0] += "," + name
	for i := range rows[1:] {
		rows[i+1] += "," + values[i*len(values)/(len(rows)-1)]
	}
	return strings.Join(rows, "\n") + "\n"
}

// textRow is a bar with a column that may name a symbol.
type textRow struct {
	plainRow
	Text string `parquet:"inst_id"`
}

func textRows(values ...string) (rows []textRow) {
	for i, r := range plainRows(9) {
		rows = append(rows, textRow{r, values[i*len(values)/9]})
	}
	return rows
}

func TestAColumnThatNamesAnotherSymbolIsRejectedWhateverItsName(t *testing.T) {
	for _, column := range []string{"ts_code", "inst_id", "instId", "Product ID", "market", "contract", "currencyPair", "s", "sym", "base", "ISIN", "permno", "name", "code", "listing"} {
		for _, values := range [][]string{{"CCC"}, {"BBB", "CCC"}, {"b-bb", "XYZ"}, {"XYZ", "ccc"}, {"BBB", "CCC", "BBB"}} {
			files := map[string]string{"A.csv": wave(0, 20, 10), "BBB.csv": withColumn(column, 11, values...), "CCC.csv": wave(0, 20, 12)}
			if _, err := loadFrom(t, files, nil); err == nil || !strings.Contains(err.Error(), "BBB.csv, line ") || !strings.Contains(err.Error(), column) {
				t.Errorf("%s %v: %v", column, values, err)
			}
		}
		// The remedy is to correct the column: the file's own name is right.
		files := map[string]string{"A.csv": wave(0, 20, 10), "BBB.csv": withColumn(column, 11, "BBB"), "CCC.csv": wave(0, 20, 12)}
		if m, err := loadFrom(t, files, nil); err != nil || len(m.report.Warnings) > 0 {
			t.Errorf("%s of the file's own symbol: %v, %v", column, err, m)
		}
	}
	for _, values := range [][]string{{"CCC"}, {"BBB", "CCC"}} {
		files := map[string]string{"A.csv": wave(0, 20, 10), "BBB.parquet": string(parquetFile(t, textRows(values...))), "CCC.csv": wave(0, 20, 12)}
		if _, err := loadFrom(t, files, nil); err == nil || !strings.Contains(err.Error(), "inst_id") {
			t.Errorf("Parquet %v: %v", values, err)
		}
	}
}

func TestATextThatChangesMidwayIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		column string
		values []string
		want   string
	}{
		{"name", []string{"Facebook Inc.", "Meta"}, `B.csv has a column name, which is not read and changes from "Facebook Inc." to Meta at line 12`},
		{"listing", []string{"old", "new"}, "changes from old to new at line 12"},
		{"isin", []string{"US0378331005", "US5949181045", "US0231351067"}, "column isin"},
		{"exchange", []string{"binance", "okx"}, ""},
		{"remark", []string{"x", "y", "x", "y"}, ""},
		{"market", []string{"spot"}, ""},
		{"quality", []string{"1.5", "2.5"}, ""},
		{"settled", []string{"2024-01-01", "2024-01-02"}, ""},
		{"product", []string{"Bitcoin / Dollar"}, ""},
	} {
		m, err := loadFrom(t, map[string]string{"A.csv": wave(0, 20, 10), "B.csv": withColumn(c.column, 11, c.values...)}, nil)
		if err != nil || c.want == "" && len(m.report.Warnings) > 0 || c.want != "" && !m.warned(c.want) {
			t.Errorf("%s %v: %v, %+v", c.column, c.values, err, m)
		}
	}
}

func TestAFileInLongFormatIsReadByOtherNamesOfItsColumn(t *testing.T) {
	for _, column := range []string{"ts_code", "instId", "product_id", "Symbols", "sym", "currency_pair", "market", "s", "base", "contract"} {
		text := longHeader(column) + strings.Join(rowsOf("A", 0, 20, 10), "") + strings.Join(rowsOf("B", 0, 20, 11), "")
		for _, name := range []string{"all.csv", "many.csv"} {
			if m, err := loadFrom(t, map[string]string{name: text}, nil); err != nil || fmt.Sprint(m.symbols) != "[A B]" {
				t.Errorf("%s in %s: %v", column, name, err)
			}
		}
	}
}

// Who calls the column symbol is not rejected again.
func TestAColumnOfSymbolsUnderANameThatIsNotKnownIsNamed(t *testing.T) {
	for _, column := range []string{"paper", "line", "which"} {
		text := longHeader(column) + strings.Join(rowsOf("A", 0, 20, 10), "") + strings.Join(rowsOf("B", 0, 20, 11), "")
		for _, change := range []func(*Config){nil, func(c *Config) { c.Symbol = "all" }, func(c *Config) { c.Symbol, c.Symbols = "B", "A,B" }} {
			if _, err := loadFrom(t, map[string]string{"all.csv": text}, change); err == nil || !strings.Contains(err.Error(), "call the column "+column) {
				t.Errorf("%s: %v", column, err)
			}
		}
		if _, err := loadFrom(t, map[string]string{"all.csv": strings.Replace(text, column, "symbol", 1)}, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestASymbolWithASlashOfAFileInLongFormatIsSuggestedWithoutIt(t *testing.T) {
	text := longHeader("symbol") + strings.Join(rowsOf("A/USDT", 0, 20, 10), "") + strings.Join(rowsOf("B/USDT", 0, 20, 11), "")
	for _, c := range []struct {
		wrong, right func(*Config)
		remedy       string
	}{
		{func(c *Config) { c.Symbol = "A/USDT" }, func(c *Config) { c.Symbol = "AUSDT" }, "write AUSDT for A/USDT"},
		{func(c *Config) { c.Symbols = "A/USDT,B/USDT"; c.Symbol = "A/USDT" }, func(c *Config) { c.Symbol, c.Symbols = "AUSDT", "AUSDT,BUSDT" }, "write AUSDT for A/USDT, BUSDT for B/USDT"},
		{func(c *Config) { c.Symbol = "A/USDT:USDT" }, func(c *Config) { c.Symbol = "AUSDT" }, "write AUSDT for A/USDT:USDT"},
	} {
		if _, err := loadFrom(t, map[string]string{"all.csv": text}, c.wrong); err == nil || !strings.Contains(err.Error(), c.remedy) {
			t.Errorf("%v does not advise %q", err, c.remedy)
		}
		if _, err := loadFrom(t, map[string]string{"all.csv": text}, c.right); err != nil {
			t.Errorf("who follows %q gets %v", c.remedy, err)
		}
	}
}

func TestRowsOfSeveralLengthsOfBarsInOneFileAreToldApart(t *testing.T) {
	for _, column := range []string{"interval", "timeFrame", "period"} {
		text := strings.Replace(longHeader("symbol"), "\n", ","+column+"\n", 1)
		for _, length := range []string{"5m", "1h"} {
			for _, symbol := range []string{"A", "B"} {
				for _, row := range rowsOf(symbol, 0, 20, 10+float64(length[0]-'0')) {
					text += strings.TrimSuffix(row, "\n") + "," + length + "\n"
				}
			}
		}
		_, err := loadFrom(t, map[string]string{"all.csv": text}, nil)
		rejected(t, err, "keep the rows of one "+column)
	}
}

func TestATableWithColumnsOfEachSymbolIsRejectedForWhatItIs(t *testing.T) {
	for _, sep := range []string{"_", ".", " "} {
		header := "open_time"
		for _, symbol := range []string{"A", "B"} {
			for _, column := range []string{"open", "high", "low", "close", "volume"} {
				header += "," + symbol + sep + column
			}
		}
		_, err := loadFrom(t, map[string]string{"all.csv": header + "\n1704067200000" + strings.Repeat(",1", 10) + "\n"}, nil)
		rejected(t, err, "2 symbols have columns of their own", "write each symbol to a file of its own")
	}
}

func TestAListOfSymbolsInAnotherFormHasTheRightRemedy(t *testing.T) {
	files := map[string]string{"A.csv": wave(0, 20, 10), "B.csv": wave(0, 20, 11)}
	for symbols, remedy := range map[string]string{
		"top20": "write top:20", "TOP:2": "write top:2", "top-3": "write top:3", "Top 5": "write top:5",
		"A,B,": "remove the comma", "A,,B": "remove the comma", ",A": "remove the comma",
		`["A","B"]`: "write the symbols with commas between them", "[A, B]": "write the symbols with commas between them",
	} {
		_, err := loadFrom(t, files, func(c *Config) { c.Symbols = symbols })
		rejected(t, err, remedy)
	}
}
