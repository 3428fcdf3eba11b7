package source

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zipped is a zip of the files, given as name and text in turn.
func zipped(t *testing.T, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAFileIsReadByWhatItHoldsWhateverItsName(t *testing.T) {
	text := bars(0, 20, 10)
	parquet := string(parquetFile(t, plainRows(9)))
	for name, content := range map[string]string{
		"A.csv.gz": gzipped(t, text), "A.CSV.GZ": gzipped(t, text), "A.csv": gzipped(t, text),
		"A.zip": zipped(t, "A.csv", text), "A.csv.zip": zipped(t, "data.csv", text, "A.csv.CHECKSUM", "x", "__MACOSX/._data.csv", "y", "sub/", ""),
		"A-5m.zip": zipped(t, "folder/A-5m.csv", text), "A-5m-2024-01.csv": zipped(t, "A-5m-2024-01.csv", text),
		"A.parquet": parquet, "A-5m.csv": parquet,
	} {
		m, err := loadFrom(t, map[string]string{name: content}, nil)
		if err != nil || len(m.symbols) != 1 || m.symbols[0] != "A" || m.bars != 20 && m.bars != 9 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		cfg := Config{Source: Files, Dir: folder(t, map[string]string{name: content}), Symbol: "A", Interval: "5m"}
		if f, err := LookAtFiles(t.Context(), cfg); err != nil || len(f.Wrong) > 0 || f.Bars != int64(m.bars) || !f.Whole {
			t.Errorf("a look at %s: %+v, %v", name, f, err)
		}
	}
}

func TestAFileInAFormThatIsNotReadIsNamedAsWhatItIs(t *testing.T) {
	text := bars(0, 20, 10)
	packed := gzipped(t, text)
	tar := strings.Repeat("\x00", 257) + "ustar" + strings.Repeat("\x00", 300)
	for _, c := range []struct {
		name, content string
		tells         []string
	}{
		{"A.csv", "<!DOCTYPE html>\n<html><body>404</body></html>", []string{"is an HTML page", "download it again"}},
		{"A.csv", " \n<html>captive portal", []string{"is an HTML page"}},
		{"A.csv", `<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>`, []string{"is XML", "download it again"}},
		{"A.csv", `[[1704067200000,"1","1","1","1","1"]]`, []string{"is JSON", "to_parquet"}},
		{"A.csv", `{"code":-1121,"msg":"Invalid symbol."}`, []string{"is JSON"}},
		{"A.csv", zipped(t, "[Content_Types].xml", "x", "xl/workbook.xml", "y"), []string{"is an Excel workbook", "save it as CSV"}},
		{"A.csv", zipped(t, "xl/workbook.xml", "y"), []string{"is an Excel workbook"}},
		{"A.csv", zipped(t, "_rels/.rels", "x", "xl/worksheets/sheet1.xml", "y"), []string{"is an Excel workbook"}},
		{"A.csv", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", []string{"is an Excel workbook"}},
		{"A.csv", "ARROW1\x00\x00", []string{"is Feather", "convert it to Parquet"}},
		{"A.csv", "\x89HDF\r\n\x1a\n", []string{"is HDF5"}},
		{"A.csv", "BZh91AY", []string{"is bzip2", "gzip or zip"}},
		{"A.csv", "\x28\xb5\x2f\xfd", []string{"is zstd", "unpack it"}},
		{"A.csv", "version https://git-lfs.github.com/spec/v1\n", []string{"is a pointer of Git LFS"}},
		{"A.csv", "o\x00p\x00e\x00n\x00", []string{"is UTF-16 text", "save it as UTF-8"}},
		{"A.csv", "\x00o\x00p\x00e\x00n", []string{"is UTF-16 text", "save it as UTF-8"}},
		{"A.csv", text + "\x00\x00\x00\x00\n", []string{"A.csv, line 22: write the file again, or remove this line"}},
		{"A.csv", "\x01\x02\x00\x04", []string{"is no text"}},
		{"A.csv", tar, []string{"is tar"}},
		{"A.parquet", text, []string{"is no Parquet file", "name it A.csv"}},
		{"A.parquet", "PARE" + strings.Repeat("x", 100), []string{"is encrypted Parquet"}},
		{"A.csv.gz", packed[:len(packed)-20], []string{"is damaged", "again"}},
		{"A.csv.gz", packed[:40] + "xx" + packed[42:], []string{"A.csv.gz"}},
		{"A.csv.gz", "\x1f\x8bgarbage", []string{"is damaged"}},
		{"A.csv.gz", gzipped(t, tar), []string{"holds tar", "unpack it"}},
		{"A.csv.gz", gzipped(t, "PAR1"), []string{"holds Parquet", "unpack it"}},
		{"A.zip", zipped(t, "A.csv", text, "B.csv", text), []string{"holds 2 files of candles", "unpack them"}},
		{"A.zip", zipped(t, "readme.txt", "x"), []string{"holds no .csv file"}},
		{"A.zip", zipped(t, "BBBUSDT-5m.csv", text), []string{"holds BBBUSDT-5m.csv", "another symbol"}},
		{"A.zip", "PK\x03\x04garbage", []string{"is damaged"}},
	} {
		t.Run(fmt.Sprintf("%s %.12q", c.name, c.content), func(t *testing.T) {
			_, err := loadFrom(t, map[string]string{c.name: c.content}, nil)
			rejected(t, err, c.tells...)
			f, err := LookAtFiles(t.Context(), Config{Source: Files, Dir: folder(t, map[string]string{c.name: c.content}), Symbol: "A", Interval: "5m"})
			if err != nil || len(f.Wrong) != 1 {
				t.Fatalf("a look finds %v, %v", f.Wrong, err)
			}
			rejected(t, f.Wrong[0], c.tells...)
		})
	}
}

func TestALongPackedFileIsLookedAtFromItsBeginning(t *testing.T) {
	cfg := Config{Source: Files, Dir: folder(t, map[string]string{"A.csv.gz": gzipped(t, bars(0, 60_000, 10))}), Symbol: "A", Interval: "5m"}
	f, err := LookAtFiles(t.Context(), cfg)
	if err != nil || f.Whole || f.Rows < 1000 || len(f.Wrong) > 0 {
		t.Errorf("%+v, %v", f, err)
	}
}
