package arangodb

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// databases are the names of those of this server that are there.
func (u *upstream) databases() ([]string, error) {
	r, err := u.outside(http.MethodGet, "/_api/database", nil)
	if err != nil {
		return nil, err
	}
	var list struct{ Result []string }
	if err := r.decode(&list, http.StatusOK); err != nil {
		return nil, err
	}
	var names []string
	for _, name := range list.Result {
		if name, ours := strings.CutPrefix(name, u.prefix); ours {
			names = append(names, name)
		}
	}
	return names, nil
}

// createDatabase makes a database if there is none of the name.
func (u *upstream) createDatabase(name string) error {
	return u.once(name, "", func() error {
		r, err := u.outside(http.MethodPost, "/_api/database", encode(map[string]string{"name": u.prefix + name}))
		if err != nil {
			return err
		}
		return r.decode(nil, http.StatusCreated, http.StatusConflict)
	})
}

// once makes what is not known to be there.
func (u *upstream) once(database, collection string, create func() error) error {
	u.mu.Lock()
	_, there := u.made[[2]string{database, collection}]
	u.mu.Unlock()
	if there {
		return nil
	}
	if err := create(); err != nil {
		return err
	}
	u.mu.Lock()
	u.made[[2]string{database, collection}] = struct{}{}
	u.mu.Unlock()
	return nil
}

func (u *upstream) listDatabases(w http.ResponseWriter, _ *http.Request) {
	names, err := u.databases()
	if err != nil {
		u.fail(w, err)
		return
	}
	if !slices.Contains(names, "_system") { // it is made when it is asked for something
		names = append(names, "_system")
	}
	slices.Sort(names)
	send(w, answer{status: http.StatusOK, object: map[string]any{"result": names}})
}

func (u *upstream) currentDatabase(w http.ResponseWriter, r *http.Request) {
	answer, _, ok := u.pass(w, r)
	if !ok {
		return
	}
	answer.rewrite(func(object map[string]any) {
		if about, ok := object["result"].(map[string]any); ok {
			about["isSystem"] = databaseOf(r) == "_system"
		}
	})
	u.deliver(w, answer)
}

// inSystem refuses what only _system may be asked.
func inSystem(r *http.Request) error {
	if databaseOf(r) != "_system" {
		return &failure{403, 1230, "operation only allowed in system database"}
	}
	return nil
}

func (u *upstream) postDatabase(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // who sends it is gone
	}
	made := map[string]json.RawMessage{}
	var name string
	err = inSystem(r)
	switch {
	case err != nil:
	case json.Unmarshal(body, &made) != nil || made["name"] != nil && json.Unmarshal(made["name"], &name) != nil:
		err = &failure{400, 600, "VPackError error: Expecting digit"}
	case !goodName(name, false): // it would be a good one with the prefix
		err = &failure{400, 1229, "database name invalid"}
	case len(made["users"]) > len("[]"): // users are not of a database
		err = &failure{501, 9, "a database of the tests has no users of its own"}
	}
	if err != nil {
		tell(w, err)
		return
	}
	made["name"] = encode(u.prefix + name)
	delete(made, "users")
	answer, err := u.outside(http.MethodPost, "/_api/database", encode(made))
	if err != nil {
		u.fail(w, err)
		return
	}
	u.deliver(w, answer)
}

func (u *upstream) deleteDatabase(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	err := inSystem(r)
	switch {
	case err != nil:
	case name == "_system":
		err = &failure{403, 11, "forbidden"}
	case !goodName(name, false):
		err = &failure{404, 1228, "database not found"}
	}
	if err != nil {
		tell(w, err)
		return
	}
	answer, err := u.outside(http.MethodDelete, "/_api/database/"+u.prefix+name, nil)
	if err != nil {
		u.fail(w, err)
		return
	}
	u.deliver(w, answer)
}

// isNumber tells an error of the API by its number.
func isNumber(err error, num int) bool {
	var f *failure
	return errors.As(err, &f) && f.num == num
}
