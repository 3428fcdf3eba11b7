package kubeflow

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
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
	var errs []error
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		errs = append(errs, fmt.Errorf("KUBEFLOW_TRAINER_SERVER_URL is %.80q: set the https address of the TrainJob's status", c.URL))
	}
	for _, file := range []struct{ variable, path string }{
		{"KUBEFLOW_TRAINER_SERVER_CA_CERT", c.CACert}, {"KUBEFLOW_TRAINER_SERVER_TOKEN", c.Token},
	} {
		switch {
		case file.path == "":
			errs = append(errs, fmt.Errorf("KUBEFLOW_TRAINER_SERVER_URL is set, but %s is not: set all three or none", file.variable))
		case !filepath.IsAbs(file.path):
			errs = append(errs, fmt.Errorf("%s is no absolute path: set that of the file", file.variable))
		}
	}
	return errors.Join(errs...)
}
