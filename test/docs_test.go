package test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// notRun is why a command in the documents is not run here: the words after
// "not run: " in the first line of its block.
var notRun = map[string]string{
	"CI's own command": "CI runs it beside this test",
	"cluster":          "needs Kafka, MinIO, ArangoDB or Kubernetes at a made-up address",
	"images":           "needs a builder of images, and root",
	"long":             "takes long; a make target with a short form in CI",
	"needs data":       "takes files of the reader's own; the tests of the command have some",
	"needs a GPU":      "takes an NVIDIA GPU, which CI has not",
	"installs":         "changes what is installed on this machine",
	"excerpt":          "shows how a call looks; its own tests make it",
}

// block is one fenced block of a document.
type block struct {
	where string // file:line
	lang  string // sh, python or what else GitHub knows
	skip  string // why it is not run; empty: it is
	text  string
}

var (
	fence   = regexp.MustCompile("^```(\\w*)(?: not run: (.*))?$")
	command = regexp.MustCompile(`^    (\$ )?(make|bin/|gnn-trainer|go (run|test|build)|helm|kubectl|docker|curl|pip|python3?|\./|[A-Z][A-Z_]+=\S+ )`)
)

// blocksOf gives the fenced blocks of a document of the repository.
func blocksOf(t *testing.T, document string) []block {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", document))
	if err != nil {
		t.Fatal(err)
	}
	var (
		all  []block
		open *block
		n    int
	)
	for line := range strings.Lines(string(content)) {
		n++
		line = strings.TrimRight(line, "\n")
		where := fmt.Sprintf("%s:%d", document, n)
		switch m := fence.FindStringSubmatch(line); {
		case open != nil && line == "```":
			all, open = append(all, *open), nil
		case open != nil:
			open.text += line + "\n"
		case m != nil:
			open = &block{where: where, lang: m[1], skip: m[2]}
			if _, known := notRun[m[2]]; m[2] != "" && !known {
				t.Errorf("%s is not run for a reason that is none: %q", where, m[2])
			}
			if m[1] == "" {
				t.Errorf("%s: a block without a language; sh and python are run here", where)
			}
		case strings.HasPrefix(line, "```"):
			t.Errorf("%s: %q is not understood", where, line)
		case command.MatchString(line):
			t.Errorf("%s: a command in an indented block, which is not run: fence it as sh", where)
		}
	}
	if open != nil {
		t.Errorf("%s is not closed", open.where)
	}
	return all
}

// documents are all that a user reads.
func documents(t *testing.T) []string {
	t.Helper()
	all := []string{"README.md", "README.ru.md", "python/README.md"}
	docs, err := filepath.Glob("../docs/*.md")
	if err != nil || len(docs) < 5 {
		t.Fatalf("%v, %v", docs, err)
	}
	for _, d := range docs {
		all = append(all, strings.TrimPrefix(d, "../"))
	}
	return all
}

func TestBothReadmesHaveTheSameCommands(t *testing.T) {
	t.Parallel()
	strip := func(document string) (texts []string) {
		for _, b := range blocksOf(t, document) {
			comments := regexp.MustCompile(`(?m)\s+# .*$`) // they are translated
			texts = append(texts, b.lang+" "+b.skip+"\n"+comments.ReplaceAllString(b.text, ""))
		}
		return texts
	}
	english, russian := strip("README.md"), strip("README.ru.md")
	if !slices.Equal(english, russian) {
		t.Errorf("README.md has\n%s\nREADME.ru.md has\n%s", strings.Join(english, "\n"), strings.Join(russian, "\n"))
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)

func TestEveryLinkInTheDocumentsLeadsSomewhere(t *testing.T) {
	t.Parallel()
	anchors := func(path string) map[string]bool {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for line := range strings.Lines(string(content)) {
			if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
				// as GitHub makes them
				id := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
				found["#"+strings.ReplaceAll(id, " ", "-")] = true
			}
		}
		return found
	}
	links := 0
	for _, document := range append(documents(t), "CHANGELOG.md", "CONTRIBUTING.md") {
		content, err := os.ReadFile(filepath.Join("..", document))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(content), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			target := filepath.Join("..", document)
			if m[1] != "" {
				target = filepath.Join("..", filepath.Dir(document), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", document, m[0])
			} else if m[2] != "" && !anchors(target)[m[2]] {
				t.Errorf("%s: %s has no such heading", document, m[0])
			}
		}
	}
	if links < 40 {
		t.Errorf("only %d links found", links)
	}
}

// Targets of make, and variables of the environment that are not ours.
var (
	target   = regexp.MustCompile(`(?m)^(?:## )?([a-z][a-z-]+):`)
	making   = regexp.MustCompile("(?m)(?:`|^)make ((?:[a-z][a-z-]+ ?)+)")
	variable = regexp.MustCompile("`[^`\n]*`")
	inUpper  = regexp.MustCompile(`\b[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]\b`)
	foreign  = strings.Fields(`OMP_NUM_THREADS OMP_WAIT_POLICY GOMP_SPINCOUNT BASE_IMAGE GO_IMAGE IMAGE_TOOL LZ4_RAW SASL_SSL
		ARANGO_TEST_URL ARANGO_TEST_USER ARANGO_TEST_PASSWORD ARANGO_TEST_CA ARANGO_ROOT_PASSWORD GNN_BENCH LD_LIBRARY_PATH
		BINANCE_API_SECRET GNN_TRUTH GNN_STOPS GNN_KILLS GNN_FAULTS BTCUSDT_0 HTTPS_PROXY HTTP_PROXY NO_PROXY GNN_BINARY GNN_PLAIN_BINARY GNN_REPORTS
		GNN_SCREENSHOTS`)
)

func TestTheDocumentsNameTargetsAndVariablesThatExist(t *testing.T) {
	t.Parallel()
	targets := map[string]bool{}
	for _, makefile := range []string{"../Makefile", "../deploy/deploy.mk", "../python/python.mk", "arangodb/clients.mk"} {
		content, err := os.ReadFile(makefile)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range target.FindAllStringSubmatch(string(content), -1) {
			targets[m[1]] = true
		}
	}
	known := map[string]bool{}
	for _, name := range append(variableNames(t), foreign...) {
		known[name] = true
	}
	named := 0
	for _, document := range append(documents(t), "CHANGELOG.md", "CONTRIBUTING.md") {
		content, err := os.ReadFile(filepath.Join("..", document))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range making.FindAllStringSubmatch(string(content), -1) {
			for name := range strings.FieldsSeq(m[1]) {
				if named++; !targets[name] {
					t.Errorf("%s: make has no target %s", document, name)
				}
			}
		}
		for _, code := range variable.FindAllString(string(content), -1) {
			for _, name := range inUpper.FindAllString(code, -1) {
				if named++; !known[name] && !known[strings.TrimSuffix(name, "_FILE")] && !known[strings.TrimPrefix(name, "TUNE_")] {
					t.Errorf("%s: %s in %s is no variable", document, name, code)
				}
			}
		}
	}
	content, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	metric := regexp.MustCompile("gnn_trainer_[a-z_]+")
	for _, document := range documents(t) {
		text, err := os.ReadFile(filepath.Join("..", document))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range metric.FindAllString(string(text), -1) {
			if !strings.Contains(string(content), "| `"+name+"` |") {
				t.Errorf("%s: there is no metric %s", document, name)
			}
		}
	}
	if named < 100 {
		t.Errorf("only %d names were found", named)
	}
}

// reader is a folder in which the commands of the documents are run: a checkout
// as its reader has it, without what earlier commands left. make works in the
// true one and leaves its results in this one.
func reader(t *testing.T) (dir string, environ []string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "out" && name != "cache" && name != ".git" {
			if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	tools := t.TempDir()
	for name, script := range map[string]string{
		"make": `exec "$MAKE_IN_PLACE" -C "$CHECKOUT" STORE_DIR="$PWD/out" "$@"`,
		"go":   `exec "$GO_IN_PLACE" -C "$CHECKOUT" "$@"`,
	} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	where := func(tool string) string {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	environ = append(environ, "CHECKOUT="+root, "MAKE_IN_PLACE="+where("make"), "GO_IN_PLACE="+where("go"),
		"PATH="+tools+":"+os.Getenv("PATH"), "PYTHONPATH="+filepath.Join(root, "python", "src"), "OMP_WAIT_POLICY=passive")
	for _, name := range []string{"HOME", "GOPATH", "GOCACHE", "GOFLAGS", "GOPROXY", "GOMODCACHE", "TMPDIR", "LANG"} {
		if value, ok := os.LookupEnv(name); ok {
			environ = append(environ, name+"="+value)
		}
	}
	return dir, environ
}

// Each document's commands are run in their order, as one would who reads it.
func TestEveryCommandInTheDocumentsRuns(t *testing.T) {
	t.Parallel()
	needBinary(t)
	symbols := []string{"BTCUSDT"}
	for i := range 19 {
		symbols = append(symbols, fmt.Sprintf("S%03dUSDT", i))
	}
	depth := exchange.NewDepth(exchange.DepthOptions{Market: "spot", Symbols: symbols, Seed: 1, Start: time.Now().UnixMilli()})
	e := exchange.New(exchange.Options{Symbols: symbols, Depth: depth})
	depth.Streams(e.Mux)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	t.Cleanup(depth.Close)
	url := server.Listener.Addr().(*net.TCPAddr).String()

	ran := 0
	for _, document := range documents(t) {
		if document == "README.ru.md" { // README.md's
			continue
		}
		var script strings.Builder
		script.WriteString("set -eu -o pipefail\n")
		n := 0
		for _, b := range blocksOf(t, document) {
			if b.skip != "" || b.lang != "sh" && b.lang != "python" {
				continue
			}
			n++
			fmt.Fprintf(&script, "echo '=== %s' >&2\n", b.where)
			if b.lang == "python" {
				fmt.Fprintf(&script, ".venv/bin/python - <<'END_OF_BLOCK'\n%sEND_OF_BLOCK\n", b.text)
			} else {
				script.WriteString(b.text)
			}
		}
		if ran += n; n == 0 {
			continue
		}
		t.Run(document, func(t *testing.T) {
			dir, environ := reader(t)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "bash")
			var out bytes.Buffer
			cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(script.String()), &out, &out
			cmd.Env = append(environ, "BINANCE_BASE_URL=http://"+url, "BINANCE_FUTURES_BASE_URL=http://"+url, "BINANCE_WS_URL=ws://"+url)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with what it starts in the background
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
			err := cmd.Run()
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			if err != nil {
				text := out.String()
				t.Errorf("%v:\n%s", err, text[max(0, len(text)-6000):])
			}
			t.Logf("%d blocks", n)
		})
	}
	if ran < 10 {
		t.Errorf("only %d blocks were run", ran)
	}
}
