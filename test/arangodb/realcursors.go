package arangodb

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
)

// openCursor is one of the real server that its client has not read to the end.
type openCursor struct {
	database string
	retry    bool // allowRetry: the last batch is kept until it is deleted
}

func (u *upstream) postCursor(w http.ResponseWriter, r *http.Request) {
	answer, body, ok := u.pass(w, r)
	if !ok {
		return
	}
	var a asked
	if answer.status == http.StatusCreated && json.Unmarshal(body, &a) == nil {
		if id, more := u.count(answer); more {
			u.mu.Lock()
			u.cursors[id] = openCursor{databaseOf(r), a.Options.AllowRetry}
			u.mu.Unlock()
		}
	}
	u.deliver(w, answer)
}

// count notes how many results a batch has.
func (u *upstream) count(answer reply) (id string, more bool) {
	var batch struct {
		ID      string
		HasMore bool
		Result  []json.RawMessage
	}
	if err := json.Unmarshal(answer.body, &batch); err != nil {
		u.server.t.Errorf("the real server: a batch is no JSON: %v", err)
	}
	u.server.mu.Lock()
	u.server.maxBatch = max(u.server.maxBatch, len(batch.Result))
	u.server.mu.Unlock()
	return batch.ID, batch.HasMore
}

func (u *upstream) nextBatch(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if u.isLost(id) {
		tell(w, &failure{404, 1600, "cursor not found"})
		return
	}
	answer, _, ok := u.pass(w, r)
	if !ok {
		return
	}
	if answer.status == http.StatusOK {
		if _, more := u.count(answer); !more {
			u.mu.Lock()
			if !u.cursors[id].retry {
				delete(u.cursors, id)
			}
			u.mu.Unlock()
		}
		u.server.spoil(w, answer.body)
	}
	u.deliver(w, answer)
}

func (u *upstream) isLost(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, lost := u.lost[id]
	return lost
}

func (u *upstream) deleteCursor(w http.ResponseWriter, r *http.Request) {
	answer, _, ok := u.pass(w, r)
	if !ok {
		return
	}
	if answer.status == http.StatusAccepted || answer.status == http.StatusNotFound {
		u.mu.Lock()
		delete(u.cursors, r.PathValue("id"))
		u.mu.Unlock()
	}
	u.deliver(w, answer)
}

// loseCursors ends all cursors at the real server.
func (u *upstream) loseCursors() error {
	u.mu.Lock()
	open := maps.Clone(u.cursors)
	clear(u.cursors)
	for id := range open {
		u.lost[id] = struct{}{}
	}
	u.mu.Unlock()
	var errs []error
	for id, c := range open {
		r, err := u.inside(http.MethodDelete, c.database, "/_api/cursor/"+id, nil, nil)
		if err == nil {
			err = r.decode(nil, http.StatusAccepted, http.StatusNotFound)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("ending cursor %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

func (u *upstream) openCursors() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.cursors)
}
