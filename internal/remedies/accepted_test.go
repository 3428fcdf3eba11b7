package remedies

// What a remedy that is missing comes from.
const (
	cause    = "what it wraps has a remedy"
	callers  = "its callers add one"
	internal = "no source makes such a market: it is of a program that uses the package"
)

// accepted are the faults of input without a remedy of their own, and why.
var accepted = map[string]string{
	"data/fromsnapshots.go: the edges at %s are of different sizes: %d sources, %d weights, %d attributes":                                                internal,
	"data/fromsnapshots.go: the graph's parts are of different sizes: x %d, mask %d, y %d, close %d and edges %d of %d nodes, %d features and %d moments": internal,
	"data/partial.go: their matrix is not positive definite":                                                                                              callers,
	"data/market.go: symbol %s is in the market twice":                                                                                                    internal,
	"data/market.go: %s has series for %d symbols, the market has %d":                                                                                     internal,
	"data/market.go: %s of %s has %d bars, the market has %d":                                                                                             internal,
	"data/market.go: %s of %s at %s is %v; %s":                                                                                                            internal,
	"data/market.go: the market has %d open times from %d on, and %d bars from %d on":                                                                     internal,
	"data/market.go: the bar after %s opens %d ms later, and bars last %v":                                                                                internal,
	"data/market.go: the market's bars last %v; whole milliseconds are needed":                                                                            internal,
	"data/market.go: the market has %d bars":                                                                                                              internal,
	"data/source/decimals.go: cannot be read: %w":                                                                                                         cause,
	"data/source/dialect.go: cannot be read: %w":                                                                                                          cause,
	"data/source/dialect.go: %w":                                                                                                                          cause,
	"data/source/decimals.go: %s has a decimal point, and the lines before it decimal commas":                                                             callers,
	"data/source/exclude.go: EXCLUDE=%s: %s %w":                                                                                                           cause,
	"data/source/parquet.go: has %s as %w":                                                                                                                cause,
	"data/source/parquet_pages.go: has %s %w":                                                                                                             cause,
	"data/source/range.go: reading %s: %w":                                                                                                                cause,
	"data/source/symbols.go: SYMBOL=%q %w":                                                                                                                cause,
	"data/source/symbols.go: SYMBOLS=%s: name %d, %q, %w":                                                                                                 cause,
	"data/source/table.go: cannot be read: %w":                                                                                                            cause,
	"internal/job/deliver.go: %w":                                                                                                                         cause,
	"internal/job/initial.go: %w":                                                                                                                         cause,
	"internal/job/metrics.go: %w":                                                                                                                         cause,
	"internal/job/predict.go: %w":                                                                                                                         cause,
	"internal/job/stored.go: %w":                                                                                                                          cause,
	"internal/job/previous.go: %w":                                                                                                                        cause,
	"internal/job/train.go: %w":                                                                                                                           cause,
	"nn/torch/torch.go: no CUDA device":                                                                                                                   callers,
	"nn/torch/torch.go: %w that libtorch can use":                                                                                                         callers,
	"nn/train/loop.go: %w: ":                                                                                                                              cause,
}
