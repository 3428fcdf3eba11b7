package pyg

// CollatedOverhead bounds what a file of SaveCollated takes beside the values of
// its snapshots: the zip's headers, the pickle, and bytes that align the tensors.
const CollatedOverhead = 16 << 10

// CollatedBytes is what the snapshot adds to a file of SaveCollated: the values of its
// fields, and where each begins.
func (d *Data) CollatedBytes() int64 {
	const slice = 8
	size := int64(2*slice + 4*len(d.X) + 8*len(d.EdgeIndex))
	for _, f := range []struct {
		present      bool
		length, each int
	}{
		{d.EdgeAttr != nil, len(d.EdgeAttr), 4},
		{d.Y != nil, len(d.Y), 8},
		{d.NodeMask != nil, len(d.NodeMask), 1},
		{d.EdgeWeight != nil, len(d.EdgeWeight), 4},
		{d.Ret != nil, len(d.Ret), 4},
		{d.OpenTime != nil, 1, 8},
		{d.EdgeType != nil, len(d.EdgeType), 8},
	} {
		if f.present {
			size += slice + int64(f.length)*int64(f.each)
		}
	}
	return size
}
