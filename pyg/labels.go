package pyg

import "math"

// labels reads y, the nodes' classes. Floats that are all integers are classes
// too, and NaN is none; fractions are returns, which somebody has to divide
// into classes: cutting them to integers would make all of them 0.
func (a *attributes) labels(n int) []int64 {
	if a.values.get("y") == nil {
		for _, name := range []string{"label", "labels", "target", "targets", "Y"} {
			if v := a.values.get(name); v != nil {
				a.reject(invalid("the file lacks y, and has %s, %s", name, describe(v)).Fix("save the nodes' classes as data.y"))
				return nil
			}
		}
	}
	if t, ok := a.get("y").(*tensorRef); ok && len(t.shape) == 2 && t.shape[0] == n && t.shape[1] > 1 {
		a.reject(invalid("y is a tensor of %v: one class for each node is needed", t).
			Fix("save y.argmax(dim=1) if a row marks its class, else one column: y[:, 0]"))
		return nil
	}
	if fault := textLabels(a.get("y")); fault != nil {
		a.reject(fault)
		return nil
	}
	t := a.vector("y", n, "node")
	if t == nil || a.err != nil {
		return nil
	}
	if t.dtype == boolType {
		a.reject(invalid("y holds bool, two classes, and there are three: 0 (down), 1 (flat) and 2 (up)").
			Fix("save y.long() * 2 if True means up, and False down"))
		return nil
	}
	if t.dtype.integer != nil || t.dtype.float == nil {
		return a.ints("y", t)
	}
	values, err := load(a.archive, "y", t, t.dtype.float)
	if err != nil {
		a.err = err
		return nil
	}
	classes, missing := make([]int64, n), false
	var fraction float64
	for i, v := range values {
		switch {
		case math.IsNaN(v):
			classes[i], missing = Unlabelled, true
		case v != math.Trunc(v) || math.Abs(v) > 1<<53:
			fraction = v
		default:
			classes[i] = int64(v)
		}
	}
	if fraction != 0 {
		none := ""
		if missing {
			none = ", y[r.isnan()] = -100"
		}
		a.reject(invalid("y holds fractions such as %.4g (returns), not classes 0 (down), 1 (flat), 2 (up)", fraction).
			Fix("save y = 1 + (r > b).long() - (r < -b).long()%s, where r = data.y and b = r.abs().nanmedian() / 2, or another dead zone", none))
		return nil
	}
	return classes
}
