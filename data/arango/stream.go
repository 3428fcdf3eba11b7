package arango

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	driver "github.com/arangodb/go-driver"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

const (
	batchDocuments = 5000            // of one answer, of documents of a few hundred bytes
	batchBooks     = 500             // of order books, of some kilobytes each
	cursorLife     = 5 * time.Minute // of a cursor that nobody asks: longer than patience
	mostRestarts   = 5               // of a reading, one after the other, that bring nothing new
)

// raw is a document's JSON. It lies in the batch that it came with.
type raw []byte

// UnmarshalJSON implements json.Unmarshaler without a copy.
func (r *raw) UnmarshalJSON(text []byte) error {
	*r = text
	return nil
}

// errLost is a cursor that cannot be gone on with.
var errLost = errors.New("the server has lost the cursor")

// stream visits the documents that a query returns, each with its _key, batch
// by batch; a document's text is valid until visit returns. The order is the
// server's, which may be any.
//
// An answer that breaks off is asked for again, from servers that keep it
// (allowRetry, ArangoDB 3.11). A cursor that is gone, since its coordinator was
// restarted, cannot be gone on with; the query is then asked again, and
// documents that were visited already are passed over by their _key. That needs
// some 20 bytes a document here, and nothing of the server. Pages by
// `FILTER d._key > @last SORT d._key LIMIT n` would need no memory, but lose
// documents silently where the order of the filter is not that of the sort:
// RocksDB's primary index compares bytes, AQL by the rules of a language, and
// which of the two a coordinator uses to merge shards is the optimiser's choice.
//
// With restart, which forgets all that was visited, nothing is remembered: for
// readings of many documents that leave few values.
func (d *DB) stream(ctx context.Context, q query, restart func(), visit func(doc []byte) error) error {
	doing := "reading " + q.what
	var seen map[uint64]struct{}
	if restart == nil {
		seen = map[uint64]struct{}{}
	}
	seed := maphash.MakeSeed()
	for idle := 0; ; {
		fresh := 0
		err := d.pass(ctx, doing, q, func(doc []byte) error {
			if seen != nil {
				hash := maphash.Bytes(seed, attribute(doc, "_key"))
				if _, known := seen[hash]; known {
					return nil
				}
				seen[hash] = struct{}{}
			}
			fresh++
			if d.report.Documents++; d.report.Documents%batchDocuments == 0 {
				d.watch.Tell(data.Step{Phase: data.ReadingDatabase, Done: d.report.Documents})
			}
			return visit(doc)
		})
		if !errors.Is(err, errLost) {
			return err
		}
		d.report.Restarts++
		if idle++; fresh > 0 && seen != nil {
			idle = 0
		}
		if idle >= mostRestarts {
			return fault.Transient("%s: %w %d times in a row", doing, errLost, idle).At("%s", d.where())
		}
		if restart != nil {
			d.report.Documents -= fresh
			restart()
		}
	}
}

// pass reads the result of a query once, from its begin.
func (d *DB) pass(ctx context.Context, doing string, q query, visit func([]byte) error) error {
	var cursor driver.Cursor
	err := d.do(ctx, doing, func(ctx context.Context) (err error) {
		ctx = driver.WithQueryTTL(driver.WithQueryBatchSize(driver.WithQueryStream(ctx), q.batch), cursorLife)
		cursor, err = d.db.Query(driver.WithQueryAllowRetry(ctx, d.retriable), q.text, q.vars)
		return err
	})
	if err != nil {
		return err
	}
	for cursor.HasMore() {
		var doc raw
		if _, err := cursor.ReadDocument(ctx, &doc); err != nil {
			if err = d.resume(ctx, doing, cursor, &doc, err); err != nil {
				drop(cursor) // it may be there still, if only its answer is lost
				return err
			}
		}
		if doc == nil {
			continue // the batch was empty
		}
		if err := visit(doc); err != nil {
			drop(cursor)
			return err
		}
	}
	drop(cursor)
	return nil
}

// resume continues a cursor after an error. Asking it once more asks for the
// same batch, by its number, where the server keeps batches; where it does not,
// the batch is gone with the answer.
func (d *DB) resume(ctx context.Context, doing string, cursor driver.Cursor, doc *raw, err error) error {
	switch {
	case driver.IsNoMoreDocuments(err):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	case lost(err) || transient(err) && !d.retriable:
		return errLost
	}
	var gone error
	err = d.do(ctx, doing, func(ctx context.Context) error {
		_, err := cursor.ReadDocument(ctx, doc)
		if err != nil && lost(err) {
			gone = errLost
			return nil
		}
		if driver.IsNoMoreDocuments(err) {
			return nil
		}
		return err
	})
	return errors.Join(gone, err)
}

// dropTime bounds the wait for the end of a cursor: one that the server does
// not end now ends by itself later.
const dropTime = 2 * time.Second

// drop ends a cursor that may not have been read to its end. That it fails is
// no matter. go-driver's Close takes no context: where the server does not
// answer, it is left behind.
func drop(cursor driver.Cursor) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = cursor.Close()
	}()
	timer := time.NewTimer(dropTime)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}

// one reads the only result of a query, which is no document.
func (d *DB) one(ctx context.Context, q query, result any) error {
	return d.do(ctx, "reading "+q.what, func(ctx context.Context) error {
		cursor, err := d.db.Query(ctx, q.text, q.vars)
		if err != nil {
			return err
		}
		defer drop(cursor)
		_, err = cursor.ReadDocument(ctx, result)
		return err
	})
}
