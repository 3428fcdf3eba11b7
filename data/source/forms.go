package source

import (
	"bytes"
)

// forms are what a file may be by its first bytes, other than CSV.
var forms = []struct{ begins, form string }{
	{"PAR1", "Parquet"},
	{"PARE", "encrypted Parquet"},
	{"\x1f\x8b", "gzip"},
	{"PK\x03\x04", "zip"},
	{"ARROW1", "Feather"},
	{"FEA1", "Feather"},
	{"\x89HDF", "HDF5"},
	{"\xd0\xcf\x11\xe0", "an Excel workbook"},
	{"BZh", "bzip2"},
	{"\xfd7zXZ", "xz"},
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"7z\xbc\xaf", "7z"},
	{"Rar!", "rar"},
	{"SQLite format 3", "an SQLite database"},
	{"Obj\x01", "Avro"},
	{"%PDF", "PDF"},
	{"\x80\x02", "a pickle"},
	{"\x80\x03", "a pickle"},
	{"\x80\x04", "a pickle"},
	{"\x80\x05", "a pickle"},
	{"version https://git-lfs", "a pointer of Git LFS"},
}

// formOf names the form; "": it may be text.
func formOf(head []byte) string {
	for _, f := range forms {
		if bytes.HasPrefix(head, []byte(f.begins)) {
			return f.form
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return "tar"
	}
	text := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\uFEFF"))))
	switch {
	case bytes.HasPrefix(text, []byte("<!doctype html")), bytes.HasPrefix(text, []byte("<html")), bytes.HasPrefix(text, []byte("<head")):
		return "an HTML page"
	case bytes.HasPrefix(text, []byte("<?xml")), bytes.HasPrefix(text, []byte("<error")):
		return "XML"
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")) && !bytes.HasPrefix(text, []byte("[#")):
		return "JSON"
	}
	return ""
}

// notCandles is the fault of a file in a form that is not read.
func notCandles(name, form string) error {
	err := bad(name, "is %s", form)
	switch form {
	case "an HTML page", "XML":
		return err.Fix("download it again: a server's answer was saved in place of the candles")
	case "a pointer of Git LFS":
		return err.Fix("fetch the file itself by git lfs pull")
	case "bzip2", "xz", "zstd", "7z", "rar", "tar":
		return err.Fix("unpack it, or pack it by gzip or zip")
	case "an Excel workbook":
		return err.Fix("save it as CSV")
	case "encrypted Parquet":
		return err.Fix("write it without encryption")
	}
	return err.Fix("convert it to Parquet, as by to_parquet of pandas, or to CSV")
}
