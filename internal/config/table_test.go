package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
)

func TestTheTableDescribesEveryFieldAndNothingElse(t *testing.T) {
	fields := new(Config).fields()
	described := map[string]variable{}
	var names []string // and aliases
	for _, g := range groups {
		for _, v := range g.vars {
			described[v.name] = v
			names = append(names, v.names()...)
			if v.meaning == "" {
				t.Errorf("%s has no description", v.name)
			}
			field, ok := fields[v.name]
			if !ok && g.later == "" {
				t.Errorf("%s is described, but no field is read from it", v.name)
			}
			if !ok {
				continue
			}
			if isSecret := field.Type() == reflect.TypeFor[secret.String](); isSecret != v.secret {
				t.Errorf("%s is secret in its field: %v, in the table: %v", v.name, isSecret, v.secret)
			}
			if field.Kind() != reflect.String && v.want == "" && g.later == "" {
				t.Errorf("%s can be set wrongly, and the table does not say what to set", v.name)
			}
		}
	}
	for name := range fields {
		if _, ok := described[name]; !ok {
			t.Errorf("%s is read, but not described", name)
		}
	}
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("a name stands twice in %v", names)
	}
	for name := range laterValues {
		if described[name].want == "" {
			t.Errorf("the table does not say what to set %s to", name)
		}
	}
}

func TestAVariableOfTwoPartsHasOneDefault(t *testing.T) {
	seen := map[string]string{}
	for _, part := range new(Config).parts() {
		typ := reflect.TypeOf(part).Elem()
		for i := range typ.NumField() {
			name, value := variableOf(part, typ.Field(i).Name), typ.Field(i).Tag.Get("envDefault")
			if name == "-" {
				continue
			}
			if old, ok := seen[name]; ok && old != value {
				t.Errorf("%s has the defaults %q and %q", name, old, value)
			}
			seen[name] = value
		}
	}
}

func TestBothTablesListEachVariableOnceWithItsDefault(t *testing.T) {
	var plain, markdown bytes.Buffer
	if err := errors.Join(WriteTable(&plain), WriteMarkdown(&markdown)); err != nil {
		t.Fatal(err)
	}
	byDefault := defaults()
	for _, g := range groups {
		if !strings.Contains("\n"+plain.String(), "\n"+heading(g)+"\n") || !strings.Contains(markdown.String(), "**"+heading(g)+"**") {
			t.Errorf("the heading %q is missing", heading(g))
		}
		for _, v := range g.vars {
			want := v.name
			switch value := byDefault[v.name]; {
			case v.required:
				want += " (required)"
			case value != "":
				want += "=" + value
			}
			meaning := strings.ReplaceAll(regexp.QuoteMeta(v.meaning), " ", `\s+`)
			entries := regexp.MustCompile(`(?m)^  `+regexp.QuoteMeta(want)+`\n      `+meaning).FindAllString(plain.String(), -1)
			if len(entries) != 1 {
				t.Errorf("%s stands %d times in\n%s", want, len(entries), plain.String())
			}
			if n := strings.Count(markdown.String(), "\n| `"+v.name+"` |"); n != 1 {
				t.Errorf("%s stands %d times in the Markdown table", v.name, n)
			}
			for _, alias := range v.aliases {
				if !strings.Contains(plain.String(), alias) || !strings.Contains(markdown.String(), "`"+alias+"`") {
					t.Errorf("%s, the other name of %s, is missing", alias, v.name)
				}
			}
		}
	}
	for line := range strings.Lines(plain.String()) {
		if strings.TrimRight(line, " \n")+"\n" != line || len(line) > 81 {
			t.Errorf("%q ends in spaces, or is too long", line)
		}
	}
	for line := range strings.Lines(markdown.String()) {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|") != 5 {
			t.Errorf("%q has not four columns", line)
		}
	}
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestATableThatCannotBeWrittenSaysSo(t *testing.T) {
	if err := WriteTable(refusing{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("WriteTable returns %v", err)
	}
	if err := WriteMarkdown(refusing{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("WriteMarkdown returns %v", err)
	}
}

// A secret is set in every way there is, right and wrong, and looked for in
// all that leaves the package.
func TestNoSecretIsEverShown(t *testing.T) {
	const canary = "canary-7f3a"
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var environs [][]string
	for _, g := range groups {
		for _, v := range g.vars {
			if !v.secret {
				continue
			}
			if shown := v.show(canary); strings.Contains(shown, canary) {
				t.Errorf("a message shows %s as %s", v.name, shown)
			}
			for _, name := range v.names() {
				environs = append(environs,
					[]string{name + "=" + canary},
					[]string{name + "= \t" + canary + "\x00\xff "},
					[]string{name + "_FILE=" + path},
					[]string{name + "_FILE=" + canary}, // the secret in the place of a file's name
					[]string{name + "=" + canary, name + "_FILE=" + path},
					[]string{name + "=" + canary, v.name + "=" + canary + "2"},
				)
			}
		}
	}
	for _, name := range []string{"ARANGO_URL", "MINIO_ENDPOINT", "KAFKA_BOOTSTRAP_SERVERS", "STORE_DIR", "DATA_DIR"} {
		for _, value := range []string{"http://ann:" + canary + "@host:1", "ann:" + canary + "@host", " http://ann:" + canary + "/@host:1\n"} {
			environs = append(environs, []string{name + "=" + value}, []string{name + "=" + value, "DATA_SOURCE=files"})
		}
	}
	for _, set := range environs {
		c, err := Load(environ(set...))
		config := c
		config.Store.Dir, config.Source.Dir, config.Kafka.BootstrapServers, config.Store.Endpoint = "", "", "", "" // plain fields
		for what, shown := range map[string]string{
			"the error": fmt.Sprint(err), "Public": fmt.Sprint(c.Public()), "the Config": fmt.Sprintf("%+v %#v", config, config),
		} {
			if strings.Contains(shown, canary) {
				t.Errorf("%q: %s shows the secret: %s", set, what, shown)
			}
		}
	}
	if len(environs) < 40 {
		t.Errorf("only %d ways tried", len(environs))
	}
}

// Whatever the environment holds, Load does not panic, and it either tells
// what is wrong or gives a configuration in range whose published values load
// again.
func FuzzLoad(f *testing.F) {
	f.Add(strings.Join(environ(), "\n"))
	f.Add(strings.Join(environ("EPOCHS=0", "SEED=x", "TRAIN_END=2024", "EDGE_THRESHOLD=NaN", "SYMBOLS=top:-1"), "\n"))
	f.Add(strings.Join(environ("TIME_RANGE=2024-06-01:2024-06-02", "MODEL_OUTPUT=m", "LEARNING_RATE=1e-3", "DEVICE=cuda:0"), "\n"))
	f.Add("=\n==\nQUEUE_ID\nKAFKA_PASSWORD_FILE=/\x00\nMINIO_SECURE=maybe\nDATA_SOURCE=pyg\nMODEL_NAME=\xff")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load(strings.Split(text, "\n"))
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v does not wrap ErrInvalid", err)
			}
			return
		}
		if !c.IDs.Known() || c.Train.Epochs < 1 || !(c.Train.LearningRate > 0) || c.Source.Source == "auto" {
			t.Errorf("accepted: %+v", c)
		}
		var again []string
		for name, value := range c.Public() {
			again = append(again, name+"="+value)
		}
		if _, err := Load(again); err != nil {
			t.Errorf("published and loaded again: %v", err)
		}
	})
}
