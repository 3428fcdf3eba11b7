package arango

import (
	"testing"

	"github.com/streamforge/gnn-trainer/test/arangodb"
)

func TestALookTellsWhatIsThereAndDoesNotWait(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	d := open(t, c)
	if f, err := d.Look(t.Context()); err != nil || f.Lacks != "g is neither a named graph nor a collection in ARANGO_DB=market" {
		t.Errorf("%+v, %v", f, err)
	}
	s.CreateGraph("market", "g", nil, arangodb.EdgeDefinition{Collection: "e", From: []string{"v"}, To: []string{"v"}})
	if f, err := d.Look(t.Context()); err != nil || f.Lacks != "graph g is not whole: collection v is empty" {
		t.Errorf("%+v, %v", f, err)
	}
	s.Insert("market", "v", false, doc{"_key": "a"}, doc{"_key": "b"})
	s.Insert("market", "e", true, doc{"_from": "v/a", "_to": "v/b"})
	f, err := d.Look(t.Context())
	if err != nil || f.Lacks != "" || f.Inputs.Graph == nil || f.Documents["v"] != 2 || f.Documents["e"] != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}
