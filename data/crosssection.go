package data

import (
	"slices"

	"github.com/streamforge/gnn-trainer/data/internal/symbolname"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// crossing is what a feature makes of its own values at a bar, once it is known
// which nodes are present there.
type crossing int

const (
	ownValue    crossing = iota
	lessMedian           // less the median of the present nodes
	barMedian            // that median, the same at each of them
	ofReference          // the value of the reference; the median where it is not present
)

const referenceReturn = "reference_return"

func (f feature) with(c crossing) feature {
	f.crossing = c
	if c == lessMedian {
		f.bound *= 2
	}
	return f
}

// quotes are what bitcoin is priced in, the most usual first.
var quotes = []string{"USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "USDP", "DAI", "EUR", "GBP", "TRY", "JPY", "KRW", "BRL", "AUD", ""}

// reference is the node whose return reference_return is, -1 where no feature
// needs it: the recipe's; else bitcoin's, by the first of quotes; else SYMBOL's;
// else the first.
func (r Recipe) reference(m *Market, columns []feature) (int, error) {
	if !slices.ContainsFunc(columns, func(f feature) bool { return f.crossing == ofReference }) {
		return -1, nil
	}
	if r.Reference != "" {
		i := slices.Index(m.Symbols, r.Reference)
		if i < 0 {
			return 0, fault.Input("%s, whose return is %s, is not in the market", r.Reference, referenceReturn).At("FEATURES").
				Fix("add it to SYMBOLS")
		}
		return i, nil
	}
	for _, quote := range quotes {
		for i, symbol := range m.Symbols {
			if name := symbolname.Canonical(symbol); name == "BTC"+quote || name == "XBT"+quote {
				return i, nil
			}
		}
	}
	return max(0, slices.Index(m.Symbols, r.Symbol)), nil
}

// cross turns the columns whose values depend on the other nodes from each node's
// own value into what they are.
func (p *Panel) cross(columns []feature, reference int) {
	n, f := p.NumNodes(), p.NumFeatures()
	const piece = 256 // snapshots
	snapshots := len(p.mask) / n
	each((snapshots+piece-1)/piece, func() func(int) {
		values := make([]float32, 0, n)
		return func(k int) {
			for s := k * piece; s < min(snapshots, (k+1)*piece); s++ {
				x, mask := row(p.x, s, n*f), row(p.mask, s, n)
				for j, column := range columns {
					if column.crossing == ownValue {
						continue
					}
					values = values[:0]
					for i, ok := range mask {
						if ok {
							values = append(values, x[i*f+j])
						}
					}
					if len(values) == 0 {
						break
					}
					level := float64(0)
					if column.crossing == ofReference && mask[reference] {
						level = float64(x[reference*f+j])
					} else {
						level = median(values)
					}
					for i, ok := range mask {
						switch at := i*f + j; {
						case !ok:
						case column.crossing == lessMedian:
							x[at] = float32(float64(x[at]) - level)
						default:
							x[at] = float32(level)
						}
					}
				}
			}
		}
	})
}

// median is the middle of values, the mean of both where there are two. It changes
// their order.
func median(values []float32) float64 {
	middle := len(values) / 2
	nth(values, middle)
	if len(values)%2 == 1 {
		return float64(values[middle])
	}
	return (float64(slices.Max(values[:middle])) + float64(values[middle])) / 2
}

// nth brings the value that sorting would bring to place k there, and none above
// it before it (Hoare, Algorithm 65: find, 1961).
func nth(values []float32, k int) {
	low, high := 0, len(values)-1
	for low < high {
		pivot, i, j := values[k], low, high
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i++
				j--
			}
		}
		if j < k {
			low = i
		}
		if k < i {
			high = j
		}
	}
}
