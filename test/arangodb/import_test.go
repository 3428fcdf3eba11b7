package arangodb_test

import (
	"strings"
	"testing"
)

func TestAnImportDoesWithDuplicatesAndErrorsWhatItIsTold(t *testing.T) {
	for _, c := range []struct {
		name, parameters, body string
		counts                 string // created, errors, empty, updated, ignored
		left                   string // {_key: v} of all documents after it
	}{
		{"lines", "type=documents", "{\"_key\":\"c\"}\n\n {\"_key\":\"d\"} \n", "2 0 1 0 0", `{"a":1,"b":1,"c":null,"d":null}`},
		{"an array", "type=list", `[{"_key":"c"},{"_key":"d"}]`, "2 0 0 0 0", `{"a":1,"b":1,"c":null,"d":null}`},
		{"an array, found out", "type=auto", " \n[{\"_key\":\"c\"}]", "1 0 0 0 0", `{"a":1,"b":1,"c":null}`},
		{"lines, found out", "type=auto", "{\"_key\":\"c\"}\n", "1 0 0 0 0", `{"a":1,"b":1,"c":null}`},
		{"values", "", "[\"_key\",\"v\"]\n[\"c\",2]\n[\"d\"]\n", "2 0 0 0 0", `{"a":1,"b":1,"c":2,"d":null}`},
		{"duplicates fail", "type=list", `[{"_key":"a"},{"_key":"c"},7]`, "1 2 0 0 0", `{"a":1,"b":1,"c":null}`},
		{"duplicates are ignored", "type=list&onDuplicate=ignore", `[{"_key":"a","v":2},{"_key":"c"}]`, "1 0 0 0 1", `{"a":1,"b":1,"c":null}`},
		{"duplicates update", "type=list&onDuplicate=update", `[{"_key":"a","w":2},{"_key":"b","v":3}]`, "0 0 0 2 0", `{"a":1,"b":3}`},
		{"duplicates replace", "type=list&onDuplicate=replace", `[{"_key":"a","w":2}]`, "0 0 0 1 0", `{"a":null,"b":1}`},
		{"all is replaced", "type=list&overwrite=true", `[{"_key":"c","v":5}]`, "1 0 0 0 0", `{"c":5}`},
		{"lines that are none", "type=documents", "{\"_key\":\"c\"}\n{\"_key\":\n", "1 1 0 0 0", `{"a":1,"b":1,"c":null}`},
		{"all or nothing", "type=list&complete=true", `[{"_key":"c"},{"_key":"a"}]`, "1210", `{"a":1,"b":1}`},
		{"all or nothing, over all", "type=list&complete=true&overwrite=true", `[{"_key":"c"},7]`, "1227", `{"a":1,"b":1}`},
	} {
		s := filled(t)
		s.Insert("market", "there", false, object{"_key": "a", "v": 1}, object{"_key": "b", "v": 1})
		_, v := ask(t, s, "POST", "/_db/market/_api/import?collection=there&details=true&"+c.parameters, c.body)
		got := v.(object)
		var counts []string
		for _, name := range []string{"created", "errors", "empty", "updated", "ignored"} {
			counts = append(counts, jsonOf(t, got[name]))
		}
		if got["errorNum"] != nil {
			counts = []string{jsonOf(t, got["errorNum"])}
		} else if n := len(got["details"].([]any)); float64(n) != got["errors"] {
			t.Errorf("%s: %d details of %v errors", c.name, n, got["errors"])
		}
		if got := strings.Join(counts, " "); got != c.counts {
			t.Errorf("%s: counts %s in place of %s", c.name, got, c.counts)
		}
		left, _ := aql(t, s, "FOR d IN there SORT d._key RETURN [d._key, d.v]", nil)
		if left = strings.NewReplacer("[[", "{", "]]", "}", "],[", ",", `",`, `":`).Replace(left); left != c.left {
			t.Errorf("%s: leaves %s in place of %s", c.name, left, c.left)
		}
	}
}

func TestAnImportOfEdgesAddsThePrefixesToBareKeys(t *testing.T) {
	s := filled(t)
	_, v := ask(t, s, "POST", "/_db/market/_api/import?collection=related&type=list&overwrite=true&fromPrefix=assets&toPrefix=other/",
		`[{"_key":"a","_from":"x","_to":7},{"_key":"b","_from":"p/q","_to":"r/s"},{"_key":"c","_from":"x"}]`)
	if got := v.(object); got["created"] != 2.0 || got["errors"] != 1.0 {
		t.Errorf("imported %v", got)
	}
	if got, _ := aql(t, s, "FOR e IN related SORT e._key RETURN [e._from, e._to]", nil); got != `[["assets/x","other/7"],["p/q","r/s"]]` {
		t.Errorf("the edges are %s", got)
	}
}
