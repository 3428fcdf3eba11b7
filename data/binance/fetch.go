package binance

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/streamforge/gnn-trainer/data"
)

const (
	// fetchers ask side by side: enough that the budget of weight, not the way
	// there and back, is what is waited for.
	fetchers = 12

	// settled is how long after its close a missing bar can still come.
	settled = 24 * time.Hour
)

// Request is what is wanted of the cache.
type Request struct {
	Symbols  []string
	Interval string // a bar's length by Binance's name
	Step     time.Duration
	From, To int64 // open times, Unix ms, To excluded: closed bars only
}

// page asks for rows at times in [from, to), at most limit of them.
type page[R row] func(ctx context.Context, from, to int64) ([]R, error)

// task is the rows of one symbol's month.
type task struct {
	pages int
	do    func(ctx context.Context, done func()) error
}

// Fetch brings what the cache lacks of the request's candles, and of the
// futures' funding rates, into it. What has arrived is kept, however Fetch ends.
func (c *Client) Fetch(ctx context.Context, cache *Cache, r Request, watch data.Watcher) error {
	tasks, err := c.tasks(cache, r)
	if err != nil {
		return err
	}
	return c.run(ctx, tasks, watch)
}

// Holds reports whether the cache has all of the request, so that nothing need be
// asked for.
func (c *Client) Holds(cache *Cache, r Request) (bool, error) {
	tasks, err := c.tasks(cache, r)
	return len(tasks) == 0, err
}

// Late are the symbols whose newest bar the exchange has not served, though it
// has closed.
func (c *Client) Late(cache *Cache, r Request) (late []string, err error) {
	newest := span{r.To - r.Step.Milliseconds(), r.To}
	for _, symbol := range r.Symbols {
		known, _, err := klines(cache, r.Interval, symbol).known(monthOf(newest.from))
		if err != nil {
			return nil, err
		}
		if len(known.lacks(newest.from, newest.to)) > 0 {
			late = append(late, symbol)
		}
	}
	return late, nil
}

// tasks are what there is to fetch.
func (c *Client) tasks(cache *Cache, r Request) (tasks []task, err error) {
	limit := spotPage
	if c.market == USDM {
		limit = usdmPage
	}
	for _, symbol := range r.Symbols {
		more, err := plan(c, klines(cache, r.Interval, symbol), span{r.From, r.To}, r.Step.Milliseconds(), limit,
			func(ctx context.Context, from, to int64) ([]Kline, error) {
				return c.Klines(ctx, symbol, r.Interval, from, to, limit)
			})
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, more...)
		if c.market != USDM {
			continue
		}
		// The rate in force at the first bar was settled before it.
		fundings, err := plan(c, funding(cache, symbol), span{r.From - FundingAge.Milliseconds(), r.To}, 1, 0,
			func(ctx context.Context, from, to int64) ([]Funding, error) {
				return c.Funding(ctx, symbol, from, to, fundingPage)
			})
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, fundings...)
	}
	return tasks, nil
}

const fundingPage = 1000

// FundingAge is how long a funding rate counts as known: three periods of the
// longest that the exchange has.
const FundingAge = 24 * time.Hour

// plan is what there is to fetch of a series: a task a month. width is how long
// a row is known to reach, limit how many rows a page holds.
func plan[R row](c *Client, s series[R], want span, width int64, limit int, ask page[R]) ([]task, error) {
	var tasks []task
	cut := func(rows []R, served int, end int64) bool {
		// A server may hold less in a page than it was asked for. Where a page
		// ends before its time, the rest is asked for; what is not there then was
		// never traded.
		return limit > 0 && len(rows) > 0 && rows[len(rows)-1].at()+width < end || limit == 0 && served >= fundingPage
	}
	for _, m := range months(want.from, want.to) {
		known, parts, err := s.known(m)
		if err != nil {
			return nil, err
		}
		s.hold(m, known)
		holes := known.lacks(max(want.from, m.from), min(want.to, m.to))
		if len(holes) == 0 && parts == 0 {
			continue
		}
		pages := 0
		length := m.to - m.from // without a limit: a month is one page
		if limit > 0 {
			length = width * int64(limit)
		}
		for _, h := range holes {
			pages += int((h.to - h.from + length - 1) / length)
		}
		tasks = append(tasks, task{pages, func(ctx context.Context, done func()) error {
			for _, h := range holes {
				if err := fill(ctx, c, s, m, h, width, length, ask, cut, done); err != nil {
					return err
				}
			}
			if err := s.merge(m); err != nil && !errors.Is(err, errDamaged) { // damaged: reported when it is read
				return err
			}
			return nil
		}})
	}
	return tasks, nil
}

// fill fetches one hole of a month, page by page.
func fill[R row](ctx context.Context, c *Client, s series[R], m month, hole span, width, length int64, ask page[R], cut func(rows []R, served int, end int64) bool, done func()) error {
	for at := hole.from; at < hole.to; {
		end := min(at+length, hole.to)
		rows, err := ask(ctx, at, end)
		if err != nil {
			return err
		}
		served := len(rows)
		if rows, err = inOrder(c, rows, s.dir, at, end); err != nil {
			return err
		}
		next := end
		if cut(rows, served, end) { // there may be more before end
			next = rows[len(rows)-1].at() + width
		} else {
			done()
		}
		// What closed a moment ago may not be served yet: then it is asked for
		// again the next time.
		known := next
		if next == hole.to && c.Now().UnixMilli()-next < settled.Milliseconds() {
			known = at
			if len(rows) > 0 {
				known = rows[len(rows)-1].at() + width
			}
		}
		if known > at {
			if err := s.put(m, rows, span{at, known}, false); err != nil {
				return err
			}
			s.holdMore(m, span{at, known})
		}
		at = next
	}
	return nil
}

// run does the tasks side by side, and reports how far they are.
func (c *Client) run(ctx context.Context, tasks []task, watch data.Watcher) error {
	if len(tasks) == 0 {
		return nil
	}
	total := 0
	for _, t := range tasks {
		total += t.pages
	}
	var mu sync.Mutex
	count := 0
	c.gate.mu.Lock()
	c.gate.notify = func(step data.Step) {
		mu.Lock()
		defer mu.Unlock()
		step.Done, step.Total = count, total
		watch.Tell(step)
	}
	c.gate.mu.Unlock()
	done := func() {
		mu.Lock()
		defer mu.Unlock()
		count++
		watch.Tell(data.Step{Phase: data.Fetching, Done: count, Total: total})
	}
	workers, fetching := errgroup.WithContext(ctx)
	workers.SetLimit(fetchers)
	for _, t := range tasks {
		workers.Go(func() error {
			if fetching.Err() != nil {
				return nil
			}
			return t.do(fetching, done)
		})
	}
	err := workers.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx) // rather than what a request made of it
	}
	return err
}
