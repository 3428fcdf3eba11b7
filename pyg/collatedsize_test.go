package pyg

import (
	"bytes"
	"testing"
)

func TestTheSizeOfACollatedFileIsKnownBeforeItIsWritten(t *testing.T) {
	full, bare := randomGraphs(50), randomGraphs(50)
	for i := range full {
		full[i].EdgeType = make([]int64, full[i].NumEdges())
		bare[i].Y, bare[i].Ret, bare[i].NodeMask, bare[i].OpenTime, bare[i].EdgeAttr = nil, nil, nil, nil, nil
	}
	for name, graphs := range map[string][]Data{"all fields": full, "few fields": bare} {
		for _, n := range []int{1, 2, len(graphs)} {
			var file bytes.Buffer
			if err := SaveCollated(&file, n, func(i int) Data { return graphs[i] }); err != nil {
				t.Fatal(err)
			}
			values := int64(0)
			for i := range n {
				values += graphs[i].CollatedBytes()
			}
			if size := int64(file.Len()); size < values || size > values+CollatedOverhead {
				t.Errorf("%s, %d snapshots: a file of %d bytes, and values of %d", name, n, size, values)
			}
		}
	}
}
