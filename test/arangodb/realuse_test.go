package arangodb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/arangodb"
)

func TestInFrontOfARealServerFaultsAndCountersAreTheTests(t *testing.T) {
	inner := standIn(t, arangodb.Options{})
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"failures", TestFailuresComeAsOftenAsAskedAndRequestsAreCounted},
		{"passwords and tokens", TestNobodyIsAnsweredWithoutAPasswordOrAToken},
		{"answers that are lost", TestABatchThatWasLostOnItsWayIsGivenAgain},
		{"batches", TestACursorGivesItsBatchesInOrderAndIsGoneAfterTheLast},
		{"batches again", TestABatchIsGivenAgainIfAllowRetryWasAskedFor},
		{"cursors that are lost", TestACursorIsLostWithTheServerOrItsTime},
		{"imports", TestAnImportDoesWithDuplicatesAndErrorsWhatItIsTold},
		{"errors", TestErrorsHaveTheirDocumentedNumbers},
		{"the Go driver", TestTheGoDriverWorksUnchanged},
	} {
		t.Run(test.name, test.run)
	}
	mustBeUntouched(t, inner)
	short := arangodb.Start(t, arangodb.Options{User: user, Password: password, TokenLifetime: -time.Second})
	_, v := ask(t, short, "POST", "/_open/auth", fmt.Sprintf(`{"username":%q,"password":%q}`, user, password))
	if status, _ := ask(t, short, "GET", "/_api/version", "", "Authorization", "bearer "+v.(object)["jwt"].(string)); status != 401 {
		t.Errorf("a token past its time is answered by %d", status)
	}
}

func TestInFrontOfARealServerAnOlderVersionIsToldAndANewerOneSkipped(t *testing.T) {
	standIn(t, arangodb.Options{Version: "3.11.5"})
	for version, want := range map[string]string{"": "3.11.5", "3.10.0": "3.10.0", "3.11.9": "3.11.9", "3.12.4": "skipped"} {
		got := "skipped"
		t.Run("of "+version, func(t *testing.T) {
			s := arangodb.Start(t, arangodb.Options{Version: version})
			_, v := ask(t, s, "GET", "/_db/_system/_api/version?details=true", "")
			got = v.(object)["version"].(string)
			if inner := v.(object)["details"].(object)["server-version"]; inner != got {
				t.Errorf("it is of versions %s and %s", got, inner)
			}
		})
		if got != want {
			t.Errorf("a server of %q is %s in place of %s", version, got, want)
		}
	}
}

// refusals stands for a test, to see why it is ended.
type refusals struct {
	testing.TB
	said string
}

func (r *refusals) Helper() {}
func (r *refusals) Fatal(a ...any) {
	r.said = fmt.Sprint(a...)
	panic(r)
}
func (r *refusals) Fatalf(format string, a ...any) { r.Fatal(fmt.Sprintf(format, a...)) }

func TestARealServerThatCannotBeUsedEndsTheTestAndSaysWhy(t *testing.T) {
	standIn(t, arangodb.Options{})
	none := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(none, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ variable, value, want string }{
		{"ARANGO_TEST_URL", "127.0.0.1:8529", "ARANGO_TEST_URL is no address: write it as http://host:8529"},
		{"ARANGO_TEST_URL", "http://root:" + theirPassword + "@127.0.0.1:8529", "ARANGO_TEST_URL is no address"},
		{"ARANGO_TEST_URL", "http://127.0.0.1:1", "connection refused"},
		{"ARANGO_TEST_PASSWORD", "wrong", "as ARANGO_TEST_USER=operator: 401, errorNum 11: not authorized"},
		{"ARANGO_TEST_CA", none, "holds no certificate"},
		{"ARANGO_TEST_CA", none + "x", "no such file"},
	} {
		t.Run(c.variable+" "+strings.ReplaceAll(c.value, "/", ""), func(t *testing.T) {
			t.Setenv(c.variable, c.value)
			r := &refusals{TB: t}
			defer func() {
				if got := recover(); !reflect.DeepEqual(got, r) {
					t.Errorf("it was not refused: %v", got)
				}
				if !strings.Contains(r.said, c.want) || strings.Contains(r.said, theirPassword) {
					t.Errorf("it says %q, want %q", r.said, c.want)
				}
			}()
			arangodb.Start(r, arangodb.Options{})
		})
	}
}
