package source

import (
	"archive/zip"
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// content is an open file of candles, whatever its name is.
type content struct {
	*os.File
	size    int64
	written time.Time
	text    io.Reader // of CSV, unpacked; nil: the file is Parquet
	packed  bool      // whether the text was packed
}

// openCandles opens a file of candles. What it holds shows in its first bytes.
func openCandles(name string) (c *content, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, pathError("opening candles", "check the file and who may read it", err)
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, pathError("opening candles", "check the file and who may read it", err)
	case info.IsDir():
		return nil, bad(name, "is a folder").Fix("put one file a symbol into DATA_DIR")
	}
	c = &content{File: file, size: info.Size(), written: info.ModTime()}
	head := make([]byte, 512)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, pathError("reading candles", "check the file and who may read it", err)
	}
	err, head = nil, head[:n]
	parquet := strings.EqualFold(filepath.Ext(name), ".parquet")
	switch form := formOf(head); {
	case form == "Parquet", parquet && len(head) < 4:
		return c, nil
	case form == "gzip":
		err = c.gunzip(name)
	case form == "zip":
		err = c.unzip(name)
	case form != "":
		return nil, notCandles(name, form)
	case parquet:
		return nil, bad(name, "is no Parquet file").Fix("write it again, or name it %s if it is CSV", csvName(filepath.Base(name)))
	default:
		c.text = file
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

func csvName(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) + ".csv" }

// packedText turns the errors of unpacking into faults of the file.
type packedText struct {
	io.Reader
	name string
}

func (t packedText) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if place := (&os.PathError{}); err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &place) {
		err = damagedPack(t.name, err)
	}
	return n, err
}

func damagedPack(name string, err error) error {
	return bad(name, "is damaged (%v)", err).Fix("download or pack it again")
}

// unpack takes packed text, the name of which within the file is inner or "".
func (c *content) unpack(name, inner string, r io.Reader) error {
	text := bufio.NewReader(packedText{r, name})
	head, err := text.Peek(512)
	if broken := (*fault.Error)(nil); errors.As(err, &broken) {
		return broken
	}
	if form := formOf(head); form != "" {
		return bad(name, "holds %s", form).Fix("unpack it")
	}
	if stem, ok := stemOf(path.Base(inner)); ok && contradicts(stem, name) {
		return bad(name, "holds %s, a file of another symbol", shortenName(path.Base(inner))).Fix("name it as the file in it")
	}
	c.text, c.packed = text, true
	return nil
}

// contradicts reports whether the name of a packed file is that of a symbol, and
// the file's own name of another.
func contradicts(stem, name string) bool {
	outer, _ := stemOf(filepath.Base(name))
	inside := parseFileName(stem)
	if canonical(inside.symbol) == canonical(parseFileName(outer).symbol) || checkName(inside.symbol) != nil {
		return false
	}
	return inside.symbol == strings.ToUpper(inside.symbol) && len(inside.symbol) > 1
}

func (c *content) gunzip(name string) error {
	r, err := gzip.NewReader(c.File)
	if err != nil {
		return damagedPack(name, err)
	}
	return c.unpack(name, r.Name, r)
}

func (c *content) unzip(name string) error {
	z, err := zip.NewReader(c.File, c.size)
	if err != nil {
		return damagedPack(name, err)
	}
	var files []*zip.File
	for _, f := range z.File {
		base := path.Base(f.Name)
		switch {
		case f.Name == "[Content_Types].xml", strings.HasPrefix(f.Name, "xl/"):
			return notCandles(name, "an Excel workbook")
		case f.FileInfo().IsDir(), strings.HasPrefix(base, "."), strings.HasPrefix(f.Name, "__MACOSX/"):
		case strings.EqualFold(path.Ext(base), ".csv"), strings.EqualFold(path.Ext(base), ".parquet"):
			files = append(files, f)
		}
	}
	switch {
	case len(files) == 0:
		return bad(name, "holds no .csv file").Fix("pack one CSV into it, or remove it")
	case len(files) > 1:
		return bad(name, "holds %d files of candles", len(files)).Fix("unpack them into DATA_DIR")
	case files[0].Flags&1 != 0:
		return bad(name, "is encrypted").Fix("unpack it")
	}
	r, err := files[0].Open()
	if err != nil {
		return damagedPack(name, err)
	}
	return c.unpack(name, files[0].Name, r)
}
