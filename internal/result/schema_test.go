package result

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
)

var update = flag.Bool("update", false, "rewrite docs/metrics.schema.json, its descriptions kept")

const schemaFile = "../../docs/metrics.schema.json"

// schema is a JSON schema, as far as metrics.json needs one.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	// Additional is false, or the schema of a map's values.
	Additional any                `json:"additionalProperties,omitempty"`
	Defs       map[string]*schema `json:"$defs,omitempty"`
}

// schemas makes those of the structs, each once.
type schemas map[string]*schema

func (all schemas) of(t reflect.Type) *schema {
	switch t {
	case reflect.TypeFor[evaluation.Float]():
		return &schema{Type: []string{"number", "null"}}
	case reflect.TypeFor[Outcome]():
		s := &schema{Type: "string"}
		for _, o := range Outcomes {
			s.Enum = append(s.Enum, string(o))
		}
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return all.of(t.Elem())
	case reflect.Slice:
		return &schema{Type: "array", Items: all.of(t.Elem())}
	case reflect.Map:
		return &schema{Type: "object", Additional: all.of(t.Elem())}
	case reflect.Struct:
		name := path.Base(t.PkgPath()) + "." + t.Name()
		if all[name] == nil {
			s := &schema{Type: "object", Properties: map[string]*schema{}, Additional: false}
			all[name] = s
			all.fields(s, t)
			slices.Sort(s.Required)
		}
		return &schema{Ref: "#/$defs/" + name}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Float64:
		return &schema{Type: "number"}
	}
	return &schema{Type: "integer"}
}

func (all schemas) fields(s *schema, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			all.fields(s, f.Type)
			continue
		case name == "-" || !f.IsExported():
			continue
		}
		s.Properties[name] = all.of(f.Type)
		if !strings.Contains(options, "omitempty") {
			s.Required = append(s.Required, name)
			if f.Type.Kind() == reflect.Pointer {
				panic(name + " is a pointer that may be null: add omitempty")
			}
		}
	}
}

// metricsSchema is that of metrics.json, with the descriptions of another one.
func metricsSchema(descriptions *schema) *schema {
	all := schemas{}
	all.of(reflect.TypeFor[Metrics]())
	root := *all["result.Metrics"]
	delete(all, "result.Metrics")
	root.Schema, root.Title, root.Defs = "https://json-schema.org/draft/2020-12/schema", "metrics.json", all
	root.Description = descriptions.Description
	describe(&root, descriptions)
	for name, s := range all {
		if from := descriptions.Defs[name]; from != nil {
			s.Description = from.Description
			describe(s, from)
		}
	}
	return &root
}

func describe(s, from *schema) {
	for name, p := range s.Properties {
		if q := from.Properties[name]; q != nil {
			p.Description = q.Description
		}
	}
}

// Whoever adds a field has to describe it: -update adds it, and the text is for
// the file.
func TestTheSchemaDescribesEveryField(t *testing.T) {
	content, err := os.ReadFile(schemaFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	var there schema
	if len(content) > 0 {
		if err := json.Unmarshal(content, &there); err != nil {
			t.Fatal(err)
		}
	}
	want := metricsSchema(&there)
	text, err := encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(text, content) {
		t.Error("docs/metrics.schema.json has other fields than Metrics: go test ./internal/result -run Schema -update, then describe the new ones in it")
	}
	for name, s := range want.Defs {
		lacking(t, name, s)
	}
	lacking(t, "metrics.json", want)
}

func lacking(t *testing.T, of string, s *schema) {
	t.Helper()
	for name, p := range s.Properties {
		if p.Description == "" {
			t.Errorf("%s of %s has no description in docs/metrics.schema.json", name, of)
		}
	}
}
