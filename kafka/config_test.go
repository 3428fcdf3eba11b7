package kafka

import (
	"strings"
	"testing"
)

func TestWrongValuesAreToldTogetherEachWithItsVariable(t *testing.T) {
	good := Config{BootstrapServers: "kafka-bootstrap.kafka:9093", User: "u", Password: "p", EventsTopic: "queue-events", ControlTopic: "queue.control_1"}
	for name, c := range map[string]struct {
		change func(*Config)
		names  []string // none: it is right
	}{
		"all is right":         {func(*Config) {}, nil},
		"no authentication":    {func(c *Config) { c.User, c.Password = "", "" }, nil},
		"several addresses":    {func(c *Config) { c.BootstrapServers = "a:9093,10.0.0.1:9093,[::1]:9093" }, nil},
		"no address":           {func(c *Config) { c.BootstrapServers = "" }, []string{"address 1 of KAFKA_BOOTSTRAP_SERVERS"}},
		"no port":              {func(c *Config) { c.BootstrapServers = "a:9093,b" }, []string{"address 2 of KAFKA_BOOTSTRAP_SERVERS"}},
		"no host":              {func(c *Config) { c.BootstrapServers = ":9093" }, []string{"KAFKA_BOOTSTRAP_SERVERS"}},
		"port 0":               {func(c *Config) { c.BootstrapServers = "a:0" }, []string{"KAFKA_BOOTSTRAP_SERVERS"}},
		"a port out of range":  {func(c *Config) { c.BootstrapServers = "a:65536" }, []string{"KAFKA_BOOTSTRAP_SERVERS"}},
		"a space":              {func(c *Config) { c.BootstrapServers = "a:9093, b:9093" }, []string{"address 2 of KAFKA_BOOTSTRAP_SERVERS"}},
		"a comma at the end":   {func(c *Config) { c.BootstrapServers = "a:9093," }, []string{"address 2 of KAFKA_BOOTSTRAP_SERVERS"}},
		"a scheme":             {func(c *Config) { c.BootstrapServers = "SASL_SSL://a:9093" }, []string{"KAFKA_BOOTSTRAP_SERVERS"}},
		"a user in it":         {func(c *Config) { c.BootstrapServers = "canary@a:9093" }, []string{"KAFKA_BOOTSTRAP_SERVERS"}},
		"no password":          {func(c *Config) { c.Password = "" }, []string{"KAFKA_PASSWORD"}},
		"no user":              {func(c *Config) { c.User, c.Password = "", "canary" }, []string{"KAFKA_USER"}},
		"no topic":             {func(c *Config) { c.EventsTopic = "" }, []string{"QUEUE_EVENTS_TOPIC"}},
		"a topic of dots":      {func(c *Config) { c.ControlTopic = ".." }, []string{"QUEUE_CONTROL_TOPIC"}},
		"a topic with a slash": {func(c *Config) { c.ControlTopic = "a/b" }, []string{"QUEUE_CONTROL_TOPIC"}},
		"a topic too long":     {func(c *Config) { c.EventsTopic = strings.Repeat("t", 250) }, []string{"QUEUE_EVENTS_TOPIC"}},
		"all is wrong": {
			func(c *Config) { *c = Config{User: "u"} },
			[]string{"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_PASSWORD", "QUEUE_EVENTS_TOPIC", "QUEUE_CONTROL_TOPIC"},
		},
	} {
		config := good
		c.change(&config)
		err := config.Validate()
		if (err == nil) != (len(c.names) == 0) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, variable := range c.names {
			if !strings.Contains(err.Error(), variable) {
				t.Errorf("%s: %q does not name %s", name, err, variable)
			}
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %q shows a secret", name, err)
		}
	}
}
