package arangodb_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/streamforge/gnn-trainer/test/arangodb"
	"github.com/streamforge/gnn-trainer/test/lab"
)

const user, password = "root", "lab-password"

// made is what `make arango-clients` has put into build.
func made(t *testing.T, client string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "build", client))
	if err != nil {
		t.Fatal(err)
	}
	lab.Need(t, filepath.Join(dir, ".setup-done"), "run `make arango-clients`")
	return dir
}

// TestClientsOfArangoDBWorkUnchanged is what keeps the server honest: the
// scripts assert what their clients make of its answers.
func TestClientsOfArangoDBWorkUnchanged(t *testing.T) {
	for _, c := range []struct {
		name, script string
		tls          bool
	}{
		{"python-arango", "python_arango.py", false},
		{"python-arango over TLS", "python_arango.py", true},
		{"adbpyg-adapter", "adapter.py", false},
		{"arangojs", "arangojs.mjs", false},
		{"arangojs over TLS", "arangojs.mjs", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := arangodb.Start(t, arangodb.Options{User: user, Password: password, TLS: c.tls})
			if c.script == "adapter.py" && !s.InOrder() {
				t.Skip("a cluster answers: the adapter needs documents in the order of their writing")
			}
			var cmd *exec.Cmd
			if filepath.Ext(c.script) == ".py" {
				python := filepath.Join(made(t, "arango-venv"), "bin", "python")
				cmd = exec.CommandContext(t.Context(), python, c.script, s.URL, user, password)
				cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "REQUESTS_CA_BUNDLE="+s.CAPath)
			} else {
				node := filepath.Join(made(t, "arango-venv"), "bin", "node")
				cmd = exec.CommandContext(t.Context(), node, c.script, s.URL, user, password, made(t, "arangojs"))
				cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.CAPath)
			}
			cmd.Dir = "clients"
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if n := s.Requests()["POST /_api/cursor/{id}/{batch}"]; n == 0 && c.script != "adapter.py" {
				t.Error("it never asked for a batch by its number")
			}
		})
	}
}
