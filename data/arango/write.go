package arango

import (
	"context"
	"errors"
	"fmt"
	"slices"

	driver "github.com/arangodb/go-driver"
)

const importBatch = 1000

// documents are what a collection is to hold, in the order of their keys' list.
type documents struct {
	collection string
	keys       []string
	make       func(i int) map[string]any // without its key
}

// write writes documents in their order, batch by batch. One that is there is
// replaced.
func (d *DB) write(ctx context.Context, w documents) error {
	for from := 0; from < len(w.keys); from += importBatch {
		var docs []map[string]any
		for i := from; i < min(from+importBatch, len(w.keys)); i++ {
			doc := w.make(i)
			doc["_key"] = w.keys[i]
			docs = append(docs, doc)
		}
		err := d.do(ctx, "writing "+w.collection, func(ctx context.Context) error {
			c, err := d.db.Collection(ctx, w.collection)
			if err != nil {
				return err
			}
			done, err := c.ImportDocuments(ctx, docs, &driver.ImportDocumentOptions{OnDuplicate: driver.ImportOnDuplicateReplace, Complete: true})
			if err == nil && done.Errors > 0 {
				err = fmt.Errorf("%d of %d documents were not taken", done.Errors, len(docs))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tidy removes the documents that a collection is not to hold, and sees to it
// that the others are read in their order: adbpyg-adapter asks for none and takes
// what comes, which is the order of the last writing in ArangoDB as it is now.
// Where a server keeps a replaced document in its old place, all are written
// afresh.
func (d *DB) tidy(ctx context.Context, w documents) error {
	wanted := make(map[string]int, len(w.keys))
	for i, key := range w.keys {
		wanted[key] = i
	}
	var stale []string
	next, inOrder := 0, true
	err := d.stream(ctx, keysOf(w.collection), nil, func(doc []byte) error {
		key := attribute(doc, "_key").text()
		i, ok := wanted[key]
		switch {
		case !ok:
			stale = append(stale, key)
		case i != next:
			inOrder = false
		default:
			next++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.remove(ctx, w.collection, stale); err != nil || inOrder {
		return err
	}
	if err := d.remove(ctx, w.collection, w.keys); err != nil {
		return err
	}
	return d.write(ctx, w)
}

// remove removes documents. Those that are not there are gone already.
func (d *DB) remove(ctx context.Context, collection string, keys []string) error {
	for batch := range slices.Chunk(keys, importBatch) {
		err := d.do(ctx, "removing from "+collection, func(ctx context.Context) error {
			c, err := d.db.Collection(ctx, collection)
			if err != nil {
				return err
			}
			_, each, err := c.RemoveDocuments(ctx, batch)
			for _, one := range each {
				if one != nil && !driver.IsNotFoundGeneral(one) && !driver.IsArangoErrorWithErrorNum(one, driver.ErrArangoDocumentNotFound) {
					err = errors.Join(err, one)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
