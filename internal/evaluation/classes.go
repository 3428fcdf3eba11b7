package evaluation

import (
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// WriteClasses is WritePredictions of a task whose classes the data decide, with the
// columns p_0 to p_{classes-1} in place of those of the directions.
func WriteClasses(w io.Writer, rows iter.Seq[Prediction], classes int) error {
	// The columns are known at run time alone: a struct of them is made then.
	row := reflect.TypeFor[record]()
	var fields []reflect.StructField
	for i := range row.NumField() {
		if f := row.Field(i); f.Name != "PDown" && f.Name != "PFlat" && f.Name != "PUp" {
			fields = append(fields, f)
		}
	}
	first := len(fields)
	for c := range classes {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("P%d", c), Type: reflect.TypeFor[float64](), Tag: reflect.StructTag(fmt.Sprintf(`parquet:"p_%d"`, c)),
		})
	}
	columns := reflect.StructOf(fields)
	schema := parquet.SchemaOf(reflect.New(columns).Interface())
	pw := parquet.NewWriter(w, schema, parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}), parquet.MaxRowsPerRowGroup(rowGroupRows))
	n := 0
	for p := range rows {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("writing predictions: row %d: %w", n, err)
		}
		if len(p.Classes) != classes {
			return fmt.Errorf("writing predictions: row %d has %d classes, not %d", n, len(p.Classes), classes)
		}
		to, from := reflect.New(columns), reflect.ValueOf(p.record())
		for i := range first {
			to.Elem().Field(i).Set(from.FieldByName(fields[i].Name))
		}
		for c, v := range p.Classes {
			to.Elem().Field(first + c).SetFloat(float64(v))
		}
		if err := pw.Write(to.Interface()); err != nil {
			return fmt.Errorf("writing predictions: %w", err)
		}
		n++
	}
	if err := pw.Close(); err != nil {
		return fmt.Errorf("closing predictions: %w", err)
	}
	return nil
}
