package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
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
			if !ok {
				t.Errorf("%s is described, but no field is read from it", v.name)
				continue
			}
			if isSecret := field.Type() == reflect.TypeFor[secret.String](); isSecret != v.secret {
				t.Errorf("%s is secret in its field: %v, in the table: %v", v.name, isSecret, v.secret)
			}
			if field.Kind() != reflect.String && v.want() == "" {
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
		if !strings.Contains("\n"+plain.String(), "\n"+g.title+"\n") || !strings.Contains(markdown.String(), "**"+g.title+"**") {
			t.Errorf("the heading %q is missing", g.title)
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
			if !errors.Is(err, fault.ErrInput) {
				t.Errorf("%v is not of kind input", err)
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

func TestTheVariablesAsJSONAreAnArrayWithOneObjectEach(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	if err := json.Unmarshal(b.Bytes(), &objects); err != nil {
		t.Fatal(err)
	}
	schema := map[string]any{
		"name": "", "topic": "", "description": "", "default": "", "required": false, "secret": false,
		"aliases": []any{}, "accepts": "", "values": []any{}, "unit": "", "task_defaults": map[string]any{},
	}
	byName := map[string]map[string]any{}
	for _, o := range objects {
		byName[fmt.Sprint(o["name"])] = o
		if len(o) != len(schema) {
			t.Errorf("%v has the keys %v", o["name"], slices.Sorted(maps.Keys(o)))
		}
		for key, like := range schema {
			if reflect.TypeOf(o[key]) != reflect.TypeOf(like) {
				t.Errorf("%s of %v is %#v", key, o["name"], o[key])
			}
		}
	}
	count := 0
	for _, g := range groups {
		count += len(g.vars)
	}
	if len(objects) != count || len(byName) != count {
		t.Errorf("%d objects of %d names for %d variables", len(objects), len(byName), count)
	}
	for name, want := range map[string]map[string]any{
		"EPOCHS":         {"topic": "Training", "default": "100", "unit": "epochs", "accepts": "a whole number from 1", "required": false},
		"LOG_FORMAT":     {"values": []any{"auto", "console", "json"}, "accepts": "auto, console or json", "default": "auto"},
		"SYMBOL":         {"required": true, "default": ""},
		"KAFKA_PASSWORD": {"secret": true, "aliases": []any{"KAFKA_PASSWORD_CONSUMER"}},
		"ENCODER":        {"values": []any{"none", "tcn", "gru", "mlp", "mixer"}, "default": "none"},
	} {
		for key, value := range want {
			if !reflect.DeepEqual(byName[name][key], value) {
				t.Errorf("%s of %s is %v, want %v", key, name, byName[name][key], value)
			}
		}
	}
	if n := strings.Count(b.String(), "\n"); n != count {
		t.Errorf("%d lines for %d variables", n, count)
	}
	if err := WriteJSON(refusing{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("WriteJSON returns %v", err)
	}
}
