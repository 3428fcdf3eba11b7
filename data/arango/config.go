package arango

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Config is where the database is and what is read from it. The variables are
// documented in internal/config, which reads them.
type Config struct {
	URL      string        `env:"ARANGO_URL"` // one endpoint, or several of a cluster, comma-separated
	Database string        `env:"ARANGO_DB" envDefault:"_system"`
	User     string        `env:"ARANGO_USER" envDefault:"root"`
	Password secret.String `env:"ARANGO_PASSWORD"`
	CAPath   string        `env:"CA_PATH"` // PEM file of authorities trusted beside the system's

	Graph     string `env:"GRAPH_COLLECTION_NAME"` // a named graph, or one collection of nodes and edges
	Candles   string `env:"CANDLES_COLLECTION"`    // comma-separated collections, as the two below
	OrderBook string `env:"ORDERBOOK_COLLECTION"`
	Funding   string `env:"FUNDING_COLLECTION"`
	Inputs    string `env:"COLLECTION_INPUTS"` // queue-manager's list of all of the above

	Wait time.Duration `env:"GRAPH_WAIT" envDefault:"10m"` // for a graph or candles that are not there yet
	Save string        `env:"GRAPH_SAVE"`                  // named graph that the newest snapshot is written to; unset: none
}

// Reads reports whether anything is to be read from the database.
func (c Config) Reads() bool {
	return c.Graph != "" || c.Candles != "" || c.OrderBook != "" || c.Funding != "" || c.Inputs != ""
}

// graphName is what GRAPH_SAVE may be: the names of graphs and collections that
// every version of ArangoDB takes, with room for the suffixes of collections.
var graphName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,199}$`)

// Validate checks every value, and reports all errors together. Each wraps
// data.ErrInput.
func (c Config) Validate() error {
	var errs []error
	bad := func(variable, remedy, format string, a ...any) {
		errs = append(errs, fault.Input(format, a...).At("%s", variable).Fix("%s", remedy))
	}
	_, err := c.endpoints()
	errs = append(errs, err)
	if strings.Trim(c.Database, " ") == "" || strings.ContainsAny(c.Database, "/:") {
		bad("ARANGO_DB", "set it to the one that holds the collections, such as _system", "ARANGO_DB=%q names no database", c.Database)
	}
	if c.Wait < 0 {
		bad("GRAPH_WAIT", "set how long to wait for the graph, such as 10m, or 0", "GRAPH_WAIT=%v is below 0", c.Wait)
	}
	for _, l := range []struct{ name, value string }{
		{"GRAPH_COLLECTION_NAME", c.Graph},
		{"CANDLES_COLLECTION", c.Candles},
		{"ORDERBOOK_COLLECTION", c.OrderBook},
		{"FUNDING_COLLECTION", c.Funding},
		{"COLLECTION_INPUTS", c.Inputs},
	} {
		_, err := names(l.name, l.value)
		errs = append(errs, err)
	}
	switch {
	case strings.Contains(c.Graph, ","):
		bad("GRAPH_COLLECTION_NAME", "set one", "GRAPH_COLLECTION_NAME=%s names several graphs", c.Graph)
	case !c.Reads() && c.Save == "":
		bad("GRAPH_COLLECTION_NAME", "set the one to a prepared graph, or the other to collections of candles", "GRAPH_COLLECTION_NAME and CANDLES_COLLECTION are not set, so there is nothing to read from ArangoDB")
	case c.Graph == "" && c.Candles == "" && c.Inputs == "" && c.Reads():
		bad("CANDLES_COLLECTION", "set it too", "ORDERBOOK_COLLECTION or FUNDING_COLLECTION is set, but CANDLES_COLLECTION is not")
	}
	if c.Save != "" {
		if !graphName.MatchString(c.Save) {
			bad("GRAPH_SAVE", "set a name of letters, digits, _ and - that begins with a letter", "GRAPH_SAVE=%q cannot name a graph", c.Save)
		}
		if c.Save == c.Graph {
			bad("GRAPH_SAVE", "set another name", "GRAPH_SAVE=%s would write over the graph that GRAPH_COLLECTION_NAME reads", c.Save)
		}
	}
	return errors.Join(errs...)
}

// endpoints are the servers of ARANGO_URL.
func (c Config) endpoints() ([]string, error) {
	if c.URL == "" {
		return nil, fault.Input("ARANGO_URL is not set").At("ARANGO_URL").Fix("set it to the server, such as http://arangodb:8529")
	}
	var all []string
	var errs []error
	for i, text := range strings.Split(c.URL, ",") {
		text = strings.TrimSuffix(strings.TrimSpace(text), "/")
		u, err := url.Parse(text)
		// The text may hold a password: it is shown only where it is known not to.
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			errs = append(errs, fault.Input("ARANGO_URL, address %d, is no address", i+1).At("ARANGO_URL").Fix("write it as http://arangodb:8529 or https://arangodb:8529"))
		case u.User != nil:
			errs = append(errs, fault.Input("ARANGO_URL, address %d (%s), holds a user or password", i+1, u.Host).At("ARANGO_URL").Fix("set ARANGO_USER and ARANGO_PASSWORD instead"))
		case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
			errs = append(errs, fault.Input("ARANGO_URL, address %d (%s), has something behind the host", i+1, u.Host).At("ARANGO_URL").Fix("write only scheme, host and port"))
		case slices.Contains(all, text):
			errs = append(errs, fault.Input("ARANGO_URL names %s twice", text).At("ARANGO_URL").Fix("remove one"))
		default:
			all = append(all, text)
		}
	}
	return all, errors.Join(errs...)
}

// names are those of a comma-separated list of collections.
func names(variable, value string) ([]string, error) {
	if value == "" {
		return nil, nil
	}
	var all []string
	for i, name := range strings.Split(value, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return nil, fault.Input("%s=%s: name %d is empty", variable, value, i+1).At("%s", variable).Fix("remove the comma, or write the collection")
		case len(name) > 256 || strings.ContainsAny(name, "/:\x00"):
			return nil, fault.Input("%s: name %d, %.80q, cannot name a collection", variable, i+1, name).At("%s", variable).Fix("write it as the database has it")
		case slices.Contains(all, name):
			return nil, fault.Input("%s=%s names %s twice", variable, value, name).At("%s", variable).Fix("remove one")
		}
		all = append(all, name)
	}
	return all, nil
}
