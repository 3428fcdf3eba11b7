package config

import (
	"strings"
	"testing"
)

func TestANameThatIsNearlyAVariableIsTold(t *testing.T) {
	for name, meant := range map[string]string{
		"EPOCS": "EPOCHS", "EPOHCS": "EPOCHS", "EPOCH": "EPOCHS", "LEARNIG_RATE": "LEARNING_RATE", "LEARNINGRATE": "LEARNING_RATE",
		"MINIO_BUCKETNAME": "MINIO_BUCKET_NAME", "SYMBOLES": "SYMBOLS", "LAYER": "LAYERS", "learning_rate": "LEARNING_RATE",
		"KAFKA_PASSWORD_FILES": "KAFKA_PASSWORD_FILE", "Device": "DEVICE", "GRAPH_WINDOWS": "GRAPH_WINDOW",
	} {
		told := Misspelt([]string{"PATH=/bin", name + "=canary"})
		if len(told) != 1 || told[0] != "unknown variable "+name+"; did you mean "+meant+"?" {
			t.Errorf("%s: %q, want %s", name, told, meant)
		}
		if strings.Contains(strings.Join(told, ""), "canary") {
			t.Errorf("%s: the value is told: %q", name, told)
		}
	}
}

func TestVariablesAndAnOrdinaryEnvironmentAreNotTaken(t *testing.T) {
	var environ []string
	for _, name := range strings.Fields(`
		PATH HOME USER LOGNAME SHELL LANG LC_ALL TERM PWD OLDPWD SHLVL HOSTNAME EDITOR PAGER DISPLAY MAIL TMPDIR TZ
		KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_PORT_443_TCP_ADDR MINIO_SERVICE_HOST MINIO_PORT KAFKA_PORT
		ARANGO_PORT KAFKA_SERVICE_PORT_TCP LD_LIBRARY_PATH OMP_NUM_THREADS OMP_WAIT_POLICY GOMP_SPINCOUNT MKL_NUM_THREADS
		CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES SSL_CERT_FILE HTTP_PROXY HTTPS_PROXY NO_PROXY
		GOPATH GOROOT GOPROXY PYTHONPATH PYTHON VIRTUAL_ENV CI DEBUG VERSION COMMIT SERVICE PLAYER MODEL STORE TYPES SEEDS
		POD_NAME POD_NAMESPACE NODE_NAME K8S_NAMESPACE K8S_CONFIG KAFKA_TOPIC KAFKA_GROUP_ID`) {
		environ = append(environ, name+"=x")
	}
	for _, g := range groups {
		for _, v := range g.vars {
			for _, n := range v.names() {
				environ = append(environ, n+"=x")
				if v.secret {
					environ = append(environ, n+"_FILE=x")
				}
			}
		}
	}
	if told := Misspelt(append(environ, "EPOCS=", "")); len(told) > 0 {
		t.Errorf("%q", told)
	}
}
