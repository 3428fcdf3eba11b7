package metrics

//lint:file-ignore SA1019 the schema before v2 is the one that every Grafana in use imports

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

const dashboardFile = "../../deploy/grafana/gnn-trainer.json"

// Grafana's own types, which are made from its schema, take the dashboard: no
// field is unknown, missing or of another kind, in the options of each panel too.
func TestTheDashboardKeepsToGrafanasSchema(t *testing.T) {
	d := readDashboard(t)
	if err := d.Validate(); err != nil && err.Error() != "" {
		t.Errorf("a value is not allowed: %v", err)
	}
	if now := dashboard.NewDashboard().SchemaVersion; d.SchemaVersion != now {
		t.Errorf("schemaVersion is %d, that of the current Grafana %d", d.SchemaVersion, now)
	}
	if d.Id != nil {
		t.Error("id is set: Grafana gives it")
	}
	seen := map[uint32]bool{}
	for _, p := range allPanels(d) {
		if p.Id == nil || seen[*p.Id] {
			t.Errorf("%q has no id of its own", *p.Title)
			continue
		}
		seen[*p.Id] = true
	}
}

func readDashboard(t *testing.T) dashboard.Dashboard {
	t.Helper()
	content, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	plugins.RegisterDefaultPlugins()
	// Where nothing is wrong the error is empty, and not nil, and panels are left
	// out: what they hold is read apart.
	var wrong cog.BuildErrors
	if err := new(dashboard.Dashboard).UnmarshalJSONStrict(content); err != nil && (!errors.As(err, &wrong) || len(wrong) > 0) {
		t.Fatal(err)
	}
	var d dashboard.Dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func allPanels(d dashboard.Dashboard) []*dashboard.Panel {
	var all []*dashboard.Panel
	for _, p := range d.Panels {
		if p.Panel != nil {
			all = append(all, p.Panel)
		}
	}
	return all
}

var metricName = regexp.MustCompile(`\b(gnn_trainer|process|go)_[a-z_]+\b`)

func TestTheDashboardAsksOnlyForMetricsThatThereAreAndForAllOfOurs(t *testing.T) {
	there := map[string]bool{}
	families, err := whole().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		there[f.GetName()] = true
		if f.GetType().String() == "HISTOGRAM" {
			there[f.GetName()+"_bucket"] = true
		}
	}
	asked := map[string]bool{}
	d := readDashboard(t)
	for _, p := range allPanels(d) {
		if p.Datasource == nil || *p.Datasource.Uid != "${datasource}" {
			t.Errorf("%q is bound to a data source", *p.Title)
		}
		for _, target := range p.Targets {
			q, ok := target.(*prometheus.Dataquery)
			if !ok {
				t.Fatalf("%q asks with a %T", *p.Title, target)
			}
			if !strings.Contains(q.Expr, `{queue_id=~"$run"}`) {
				t.Errorf("%q shows other runs than the chosen ones: %s", *p.Title, q.Expr)
			}
			names := metricName.FindAllString(q.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%q asks for nothing: %s", *p.Title, q.Expr)
			}
			for _, name := range names {
				if !there[name] {
					t.Errorf("%q asks for %s, which there is not", *p.Title, name)
				}
				asked[strings.TrimSuffix(name, "_bucket")] = true
			}
		}
	}
	for _, row := range New(Run{}).Table() {
		if !asked[row.Name] {
			t.Errorf("no panel shows %s", row.Name)
		}
	}
}

func TestTheDashboardsDataSourceIsChosenByItsUser(t *testing.T) {
	var kinds []string
	for _, v := range readDashboard(t).Templating.List {
		kinds = append(kinds, string(v.Type)+" "+v.Name)
	}
	if got, _ := json.Marshal(kinds); string(got) != `["datasource datasource","query run"]` {
		t.Errorf("the variables are %s", got)
	}
}
