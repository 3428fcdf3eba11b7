package arangodb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// inserts are documents of one collection that are to be sent together.
type inserts struct {
	database, collection string
	docs                 []byte // a list without its last bracket
	count                int
}

// An import is sent when it has as many documents, or as many bytes.
const (
	mostInserts = 5000
	mostBytes   = 4 << 20
)

func (u *upstream) createCollection(database, name string, edge bool) error {
	if err := u.createDatabase(database); err != nil {
		return err
	}
	return u.once(database, name, func() error {
		kind := 2
		if edge {
			kind = 3
		}
		r, err := u.inside(http.MethodPost, database, "/_api/collection", nil, encode(map[string]any{"name": name, "type": kind}))
		if err == nil {
			err = r.decode(nil, http.StatusOK)
		}
		if isNumber(err, 1207) { // it is there
			err = nil
		}
		return err
	})
}

// insert keeps a document until flush, or until there are enough of its
// collection.
func (u *upstream) insert(database, collection string, doc []byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := slices.IndexFunc(u.inserts, func(i *inserts) bool { return i.database == database && i.collection == collection })
	if at < 0 {
		at = len(u.inserts)
		u.inserts = append(u.inserts, &inserts{database: database, collection: collection})
	}
	i := u.inserts[at]
	i.docs = append(append(i.docs, "[,"[min(i.count, 1)]), doc...)
	if i.count++; i.count < mostInserts && len(i.docs) < mostBytes {
		return nil
	}
	u.inserts = slices.Delete(u.inserts, at, at+1)
	return u.send(i)
}

// flush sends what Insert has kept back. Whoever asks the real server for
// anything comes here before.
func (u *upstream) flush() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.inserts) > 0 {
		i := u.inserts[0]
		u.inserts = u.inserts[1:]
		if err := u.send(i); err != nil {
			return err
		}
	}
	return nil
}

// send imports documents in their order.
func (u *upstream) send(i *inserts) error {
	parameters := url.Values{"collection": {i.collection}, "type": {"list"}, "onDuplicate": {"replace"}, "details": {"true"}}
	r, err := u.inside(http.MethodPost, i.database, "/_api/import?"+parameters.Encode(), nil, append(i.docs, ']'))
	if err != nil {
		return err
	}
	var told struct {
		Created, Updated, Errors int
		Details                  []string
	}
	if err := r.decode(&told, http.StatusCreated); err != nil {
		return fmt.Errorf("importing into %s: %w", i.collection, err)
	}
	if told.Errors > 0 || told.Created+told.Updated != i.count {
		return fmt.Errorf("importing into %s: %d of %d documents were taken: %s", i.collection, told.Created+told.Updated, i.count, strings.Join(told.Details[:min(3, len(told.Details))], "; "))
	}
	return nil
}

// documents reads a collection in the order that the server gives it in, which
// is that of its writing where there is one shard.
func (u *upstream) documents(database, collection string) ([]json.RawMessage, error) {
	if err := u.flush(); err != nil {
		return nil, err
	}
	query := map[string]any{"query": "FOR d IN @@c RETURN d", "bindVars": map[string]string{"@c": collection}, "batchSize": mostInserts}
	var all []json.RawMessage
	for method, path, body := http.MethodPost, "/_api/cursor", encode(query); path != ""; method, body = http.MethodPut, nil {
		r, err := u.inside(method, database, path, nil, body)
		if err != nil {
			return nil, err
		}
		var batch struct {
			ID      string
			HasMore bool
			Result  []json.RawMessage
		}
		if err := r.decode(&batch, http.StatusCreated, http.StatusOK); isNumber(err, 1203) || isNumber(err, 1228) {
			return nil, nil // there is none
		} else if err != nil {
			return nil, err
		}
		all = append(all, batch.Result...)
		path = ""
		if batch.HasMore {
			path = "/_api/cursor/" + batch.ID
		}
	}
	return all, nil
}

func (u *upstream) createGraph(database, name string, orphans []string, definitions []EdgeDefinition) error {
	if err := u.createDatabase(database); err != nil {
		return err
	}
	r, err := u.inside(http.MethodPost, database, "/_api/gharial", nil, encode(map[string]any{
		"name": name, "edgeDefinitions": append([]EdgeDefinition{}, definitions...), "orphanCollections": append([]string{}, orphans...),
	}))
	if err != nil {
		return err
	}
	return r.decode(nil, http.StatusCreated, http.StatusAccepted)
}
