package binance

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Cache is the folder of what was fetched and recorded. A symbol's month is one
// Parquet file, in hive's folders, so that DuckDB, pandas and polars know the
// symbol too:
//
//	CACHE_DIR/HOST/MARKET/klines_5m/symbol=BTCUSDT/2024-06.parquet
//	CACHE_DIR/HOST/MARKET/funding/symbol=BTCUSDT/2024-06.parquet
//	CACHE_DIR/HOST/MARKET/book/symbol=BTCUSDT/2024-06.parquet
//
// Each page that arrives is a file of its own beside it, 2024-06.FROM-TO.part,
// until the month is merged: a killed fetch loses no page. Every file is
// written under another name and renamed, so there is no half of one; one that
// a power cut has torn all the same is fetched again.
type Cache struct {
	dir string

	mu   sync.Mutex
	held map[string]spans // by the month's file: what this process was sure of when it planned and fetched
}

// NewCache is the part of CACHE_DIR that belongs to cfg's server and market.
func NewCache(cfg Config) *Cache {
	host := cfg.address()
	if u, err := url.Parse(host); err == nil && u.Host != "" {
		host = u.Host + strings.TrimSuffix(u.Path, "/")
	}
	return &Cache{dir: filepath.Join(cfg.CacheDir, strings.NewReplacer(":", "_", "/", "_").Replace(host), cfg.Market), held: map[string]spans{}}
}

// address is the market's REST server.
func (c Config) address() string {
	if c.Market == USDM {
		return c.FuturesBaseURL
	}
	return c.BaseURL
}

// cacheError tells a folder that cannot be used, which the user corrects, from a
// disk that fails or is full.
func cacheError(doing string, err error) error {
	for _, unusable := range []error{fs.ErrPermission, syscall.EROFS, syscall.ENOTDIR, syscall.ENAMETOOLONG} {
		if errors.Is(err, unusable) {
			return fault.Input("%s: %w", doing, err).At("CACHE_DIR").Fix("set CACHE_DIR to a folder that can be written")
		}
	}
	failed := fault.Transient("%s: %w", doing, err).At("CACHE_DIR")
	if errors.Is(err, syscall.ENOSPC) {
		return failed.Fix("free some space, or set CACHE_DIR to another disk")
	}
	return failed
}

// row is what a month's file holds.
type row interface {
	Kline | Funding | BookRow
	at() int64 // Unix ms
}

func (r BookRow) at() int64 { return r.Time }

// series is one kind of rows of one symbol.
type series[R row] struct {
	cache *Cache
	dir   string
}

func klines(c *Cache, interval, symbol string) series[Kline] {
	return series[Kline]{c, filepath.Join(c.dir, "klines_"+interval, "symbol="+symbol)}
}

func funding(c *Cache, symbol string) series[Funding] {
	return series[Funding]{c, filepath.Join(c.dir, "funding", "symbol="+symbol)}
}

func book(c *Cache, symbol string) series[BookRow] {
	return series[BookRow]{c, filepath.Join(c.dir, "book", "symbol="+symbol)}
}

// month is a calendar month, UTC.
type month struct{ from, to int64 } // Unix ms, to excluded

func monthOf(ms int64) month {
	t := time.UnixMilli(ms).UTC()
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	return month{first.UnixMilli(), first.AddDate(0, 1, 0).UnixMilli()}
}

// months are those that [from, to) touches.
func months(from, to int64) (all []month) {
	for at := from; at < to; {
		m := monthOf(at)
		all = append(all, m)
		at = m.to
	}
	return all
}

func (m month) name() string { return time.UnixMilli(m.from).UTC().Format("2006-01") }

func (s series[R]) file(m month) string { return filepath.Join(s.dir, m.name()+".parquet") }

func (s series[R]) part(m month, p span) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s.%d-%d.part", m.name(), p.from, p.to))
}

// parts are the pages of the month that wait to be merged.
func (s series[R]) parts(m month) ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, cacheError("looking into CACHE_DIR", err)
	}
	var paths []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, m.name()+".") && strings.HasSuffix(name, ".part") {
			paths = append(paths, filepath.Join(s.dir, name))
		}
		if info, err := e.Info(); err == nil && strings.HasPrefix(name, unfinished) && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(filepath.Join(s.dir, name)) // of a process that was killed
		}
	}
	return paths, nil
}

// errDamaged is something that is no longer in the cache, since it could not be
// read or another process replaced it: it is to be fetched again.
var errDamaged = errors.New("a part of CACHE_DIR was damaged or removed")

// errMerged is a page that was merged by another process after it was listed.
var errMerged = fmt.Errorf("%w: a page was merged meanwhile", errDamaged)

// mostLooks bounds how often a month is read that changes all the time.
const mostLooks = 100

// read gives a month's rows, in rising order, which times they are all of, and
// the parts they came from beside the month's file. errDamaged: not all of it.
func (s series[R]) read(m month) (rows []R, known spans, parts []string, err error) {
	for range mostLooks {
		if parts, err = s.parts(m); err != nil {
			return nil, nil, nil, err
		}
		// A page that has gone is in the month's file, but for the one that was read.
		if rows, known, err = s.gather(append([]string{s.file(m)}, parts...)); !errors.Is(err, errMerged) {
			break
		}
	}
	return rows, known, parts, err
}

// gather gives the rows of a month's file and pages, in rising order, each time once.
func (s series[R]) gather(paths []string) (rows []R, known spans, err error) {
	sorted := true
	for _, path := range paths {
		more, covered, err := readFile[R](path)
		if errors.Is(err, fs.ErrNotExist) {
			if strings.HasSuffix(path, ".part") {
				return nil, nil, fmt.Errorf("%w: %w", errMerged, err)
			}
			continue
		} else if err != nil {
			return nil, nil, s.remove(path, err)
		}
		sorted = sorted && (len(rows) == 0 || len(more) == 0 || rows[len(rows)-1].at() < more[0].at())
		if rows == nil {
			rows = more
		} else {
			rows = append(rows, more...)
		}
		known = known.with(covered...)
	}
	if !sorted {
		slices.SortStableFunc(rows, func(a, b R) int { return cmp.Compare(a.at(), b.at()) })
		rows = slices.CompactFunc(rows, func(a, b R) bool { return a.at() == b.at() })
	}
	return rows, known, nil
}

// known is which times the month's rows are all of, from the files' footers.
func (s series[R]) known(m month) (known spans, parts int, err error) {
	paths, err := s.parts(m)
	if err != nil {
		return nil, 0, err
	}
	for _, path := range append([]string{s.file(m)}, paths...) {
		covered, err := readCovered(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			if err := s.remove(path, err); !errors.Is(err, errDamaged) {
				return nil, 0, err
			}
			continue
		}
		known = known.with(covered...)
	}
	return known, len(paths), nil
}

// remove takes away a file that is torn, and hands on any other error. Books,
// which cannot be fetched again, are set aside.
func (s series[R]) remove(path string, why error) error {
	if !errors.Is(why, errTorn) {
		return cacheError("reading CACHE_DIR", why)
	}
	take := os.Remove
	if _, recorded := any(*new(R)).(BookRow); recorded {
		take = func(path string) error { return os.Rename(path, path+".damaged") }
	}
	if err := take(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cacheError("removing a damaged file from CACHE_DIR", err)
	}
	return fmt.Errorf("%w: %w", errDamaged, why)
}

// put keeps a page: the rows of the month in p, all there are. synced: it
// outlasts a power cut.
func (s series[R]) put(m month, rows []R, p span, synced bool) error {
	if err := writeFile(s.part(m, p), rows, spans{p}, synced); err != nil {
		return cacheError("writing to CACHE_DIR", err)
	}
	return nil
}

// hold remembers that the month has all rows of known, and forgets what it had
// before.
func (s series[R]) hold(m month, known spans) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	s.cache.held[s.file(m)] = known
}

// holdMore remembers a page as well.
func (s series[R]) holdMore(m month, p span) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	s.cache.held[s.file(m)] = s.cache.held[s.file(m)].with(p)
}

// check reports whether known has all that this process was sure of. Two processes
// that merge a month at once may each replace the other's file.
func (s series[R]) check(m month, known spans) error {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	for _, p := range s.cache.held[s.file(m)] {
		if holes := known.lacks(p.from, p.to); holes != nil {
			return fmt.Errorf("%w: %s lacks %s, which it had", errDamaged, s.file(m), holes)
		}
	}
	return nil
}

// merge makes one file of the month's.
func (s series[R]) merge(m month) error {
	rows, known, parts, err := s.read(m)
	if err != nil || len(parts) == 0 {
		return err
	}
	return s.replace(s.file(m), rows, known, parts)
}

// join makes one part of the month's.
func (s series[R]) join(m month) error {
	paths, err := s.parts(m)
	if err != nil || len(paths) < 2 {
		return err
	}
	rows, known, err := s.gather(paths)
	if err != nil {
		return err
	}
	path := s.part(m, span{known[0].from, known[len(known)-1].to})
	return s.replace(path, rows, known, slices.DeleteFunc(paths, func(p string) bool { return p == path }))
}

// replace writes one file in the place of parts. Killed in between, it leaves
// rows twice, which read alike.
func (s series[R]) replace(path string, rows []R, known spans, parts []string) error {
	if err := writeFile(path, rows, known, true); err != nil {
		return cacheError("writing to CACHE_DIR", err)
	}
	for _, path := range parts {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return cacheError("removing a merged page from CACHE_DIR", err)
		}
	}
	return nil
}

// span is a stretch of time, Unix ms, to excluded.
type span struct{ from, to int64 }

// spans do not touch each other, and rise.
type spans []span

// with joins more spans in.
func (s spans) with(more ...span) spans {
	all := append(slices.Clone(s), more...)
	all = slices.DeleteFunc(all, func(p span) bool { return p.from >= p.to })
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var joined spans
	for _, p := range all {
		if last := len(joined) - 1; last >= 0 && p.from <= joined[last].to {
			joined[last].to = max(joined[last].to, p.to)
			continue
		}
		joined = append(joined, p)
	}
	return joined
}

// lacks are the parts of [from, to) that the spans leave out.
func (s spans) lacks(from, to int64) (holes spans) {
	for _, p := range s {
		if p.to <= from || p.from >= to {
			continue
		}
		if p.from > from {
			holes = append(holes, span{from, p.from})
		}
		from = max(from, p.to)
	}
	if from < to {
		holes = append(holes, span{from, to})
	}
	return holes
}
