package store

import (
	"encoding/json"
	"io"
	"path"
	"time"
)

// LatestName is the file beside the runs of a model that names the newest
// finished one.
const LatestName = "latest.json"

// Latest is latest.json.
type Latest struct {
	FormatVersion int       `json:"format_version"`
	ModelName     string    `json:"model_name"`
	QueueID       string    `json:"queue_id"`
	Created       time.Time `json:"created"`    // of the result, UTC, in whole seconds
	Manifest      string    `json:"manifest"`   // path from this file's folder
	ModelPath     string    `json:"model_path"` // address of model.pt
}

func newLatest(modelName, queueID string, m Manifest, location func(string) string) Latest {
	return Latest{
		FormatVersion: FormatVersion, ModelName: modelName, QueueID: queueID, Created: m.Created.UTC().Truncate(time.Second),
		Manifest: path.Join(queueID, ManifestName), ModelPath: location("model.pt"),
	}
}

// behind tells whether content, which is latest.json or what is left of it,
// names an older result than l, or none.
func (l Latest) behind(content []byte) bool {
	var old Latest
	return json.Unmarshal(content, &old) != nil || old.Manifest == "" || old.Created.Before(l.Created)
}

func (l Latest) write(w io.Writer) error { return encodeJSON(w, l) }

// encodeJSON writes v as people read it.
func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
