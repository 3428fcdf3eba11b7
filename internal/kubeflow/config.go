package kubeflow

import (
	"net/url"
	"path/filepath"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Config is what Kubeflow Trainer's controller sets in each container of a
// TrainJob. The variables are documented in internal/config, which reads them.
type Config struct {
	URL    string `env:"KUBEFLOW_TRAINER_SERVER_URL"`
	CACert string `env:"KUBEFLOW_TRAINER_SERVER_CA_CERT"` // file of the authority that signed the server's certificate
	Token  string `env:"KUBEFLOW_TRAINER_SERVER_TOKEN"`   // file of the bearer token
}

// Validate tells all that is wrong with the values at once, each with its
// variable. It is for a Config with a URL. No path is repeated: it may be the
// token itself, put there by mistake.
func (c Config) Validate() error {
	var faults fault.List
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		faults.Add(fault.Input("KUBEFLOW_TRAINER_SERVER_URL is %.80q", c.URL).At("KUBEFLOW_TRAINER_SERVER_URL").Fix("set the https address of the TrainJob's status"))
	}
	for _, file := range []struct{ variable, path string }{
		{"KUBEFLOW_TRAINER_SERVER_CA_CERT", c.CACert}, {"KUBEFLOW_TRAINER_SERVER_TOKEN", c.Token},
	} {
		switch {
		case file.path == "":
			faults.Add(fault.Input("KUBEFLOW_TRAINER_SERVER_URL is set, but %s is not", file.variable).At("%s", file.variable).Fix("set all three or none"))
		case !filepath.IsAbs(file.path):
			faults.Add(fault.Input("%s is not an absolute path", file.variable).At("%s", file.variable).Fix("set that of the file"))
		}
	}
	return faults.Err()
}
