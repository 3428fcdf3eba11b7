package arangodb

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// longestAnswer bounds one request to the real server.
const longestAnswer = 5 * time.Minute

// single tells whether the real server is no cluster.
func (u *upstream) single() bool {
	var about struct{ Role string }
	r, err := u.outside(http.MethodGet, "/_admin/server/role", nil)
	if err == nil {
		err = r.decode(&about, http.StatusOK)
	}
	if err != nil {
		u.server.t.Errorf("the real server: %v", err)
	}
	return about.Role == "SINGLE"
}

// reply is an answer of the real server.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// decode reads an answer, whose status must be one of those given. No into: it
// is not looked at.
func (r reply) decode(into any, statuses ...int) error {
	for _, status := range statuses {
		if r.status == status && into != nil {
			return json.Unmarshal(r.body, into)
		} else if r.status == status {
			return nil
		}
	}
	var said struct {
		ErrorNum     int
		ErrorMessage string
	}
	_ = json.Unmarshal(r.body, &said) // it may be a page of something between
	return &failure{r.status, said.ErrorNum, said.ErrorMessage}
}

// inside asks in one of this server's databases: path is what comes after its
// name, escaped.
func (u *upstream) inside(method, database, path string, header http.Header, body []byte) (reply, error) {
	return u.ask(method, "/_db/"+u.prefix+url.PathEscape(database)+path, header, body)
}

// outside asks in the real _system: for what the whole server has, and for
// databases of this server to be made or dropped.
func (u *upstream) outside(method, path string, body []byte) (reply, error) {
	return u.ask(method, "/_db/_system"+path, nil, body)
}

// ask goes on when its client has gone: a cursor that is made is to be known.
func (u *upstream) ask(method, path string, header http.Header, body []byte) (reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), longestAnswer)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, u.base+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for _, name := range []string{"Accept", "Content-Type", "If-Match", "If-None-Match"} {
		if v := header.Values(name); len(v) > 0 {
			request.Header[name] = v
		}
	}
	request.SetBasicAuth(u.user, u.password)
	answer, err := u.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return reply{answer.StatusCode, answer.Header, text}, err
}

// older compares versions by their first two numbers.
func older(a, b string) bool {
	var x, y [2]int
	_, err1 := fmt.Sscanf(a, "%d.%d", &x[0], &x[1])
	_, err2 := fmt.Sscanf(b, "%d.%d", &y[0], &y[1])
	return err1 == nil && err2 == nil && (x[0] < y[0] || x[0] == y[0] && x[1] < y[1])
}
