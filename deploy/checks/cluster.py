"""The chart in a real control plane, where no kubelet is: what a pod does is written into its status, as a kubelet would. Run by
cluster.sh."""

import json
import os
import subprocess
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/gnn-trainer"
SETS = {f.name.removesuffix("-values.yaml"): f for f in sorted((CHART / "ci").glob("*-values.yaml"))}
SPACE = "trainings"


def run(*command, stdin=None):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, input=stdin)
    if done.returncode:
        raise AssertionError(f"{' '.join(str(c) for c in command[1:])}: {done.stderr}")
    return done.stdout


def kubectl(*args, stdin=None):
    return run(os.environ["CLUSTER"], "kubectl", "--namespace", SPACE, *args, stdin=stdin)


def helm(*args):
    return run(os.environ["HELM"], "--namespace", SPACE, *args)


def get(*args):
    return json.loads(kubectl("get", *args, "-o", "json"))


def until(what, condition, seconds=120):
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.2)
    return value


def create(document):
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(document))


def setUpModule():
    # What no kubelet can be asked for: a node, so that an evicted pod is given time to end.
    create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": {
        "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}}})
    create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plain"}})
    create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}})
    create({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"})
    kubectl("apply", "--server-side", "-f", os.environ["PODMONITOR"])
    kubectl("wait", "--for=condition=Established", "crd/podmonitors.monitoring.coreos.com", "--timeout=60s")
    for space in (SPACE, "plain"):
        until("the account", lambda: run(os.environ["CLUSTER"], "kubectl", "-n", space, "get", "serviceaccount", "--ignore-not-found", "default"))


class Pods:
    """The pods of one Job, and the kubelet that they lack."""

    def __init__(self, job, space=SPACE):
        self.job, self.space, self.seen = job, space, set()

    def kubectl(self, *args, stdin=None):
        return run(os.environ["CLUSTER"], "kubectl", "--namespace", self.space, *args, stdin=stdin)

    def status(self):
        return json.loads(self.kubectl("get", "job", self.job, "-o", "json"))["status"]

    def next(self):
        """The pod that the Job has made since, running on the node."""
        def new():
            pods = json.loads(self.kubectl("get", "pods", "--selector", f"batch.kubernetes.io/job-name={self.job}", "-o", "json"))["items"]
            return next((p for p in pods if p["metadata"]["name"] not in self.seen), None)
        pod = until(f"a pod of {self.job}", new)
        name = pod["metadata"]["name"]
        self.seen.add(name)
        self.kubectl("create", "--raw", f"/api/v1/namespaces/{self.space}/pods/{name}/binding", "-f", "-", stdin=json.dumps(
            {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"apiVersion": "v1", "kind": "Node", "name": "node"}}))
        self.patch(name, "Running", {"running": {"startedAt": "2024-06-01T00:00:00Z"}})
        return name, pod

    def patch(self, name, phase, state):
        container = json.loads(self.kubectl("get", "pod", name, "-o", "json"))["spec"]["containers"][0]["name"]
        status = {"phase": phase, "containerStatuses": [{
            "name": container, "state": state, "image": "i", "imageID": "i", "ready": False, "restartCount": 0}]}
        self.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", "--patch", json.dumps({"status": status}))

    def end(self, name, code):
        self.patch(name, "Failed" if code else "Succeeded", {"terminated": {
            "exitCode": code, "startedAt": "2024-06-01T00:00:00Z", "finishedAt": "2024-06-01T00:01:00Z"}})

    def evict(self, name):
        self.kubectl("create", "--raw", f"/api/v1/namespaces/{self.space}/pods/{name}/eviction", "-f", "-", stdin=json.dumps(
            {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": self.space}}))

    def gone(self, name):
        self.kubectl("delete", "pod", name, "--grace-period=0", "--force", "--wait=false", "--ignore-not-found")

    def failed(self):
        """Why the Job has failed."""
        def reason():
            return next((c["reason"] for c in self.status().get("conditions", []) if c["type"] == "Failed"), None)
        return until(f"the end of {self.job}", reason)


class Chart(unittest.TestCase):
    def install(self, *args, values="cpu", release="r"):
        helm("install", release, CHART, "--values", SETS[values], *args)
        self.addCleanup(helm, "uninstall", release)
        return Pods(f"{release}-gnn-trainer")

    def test_every_set_of_values_is_taken_by_a_dry_run_and_for_good(self):
        for values in SETS:
            with self.subTest(values=values):
                release = values
                self.assertIn("kind: Job", helm("install", release, CHART, "--values", SETS[values], "--dry-run=server"))
                self.install(values=values, release=release)
                # The API server has checked the Job; the restricted namespace has taken its pod.
                name, pod = Pods(f"{release}-gnn-trainer").next()
                self.assertEqual(pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"], True)
                self.assertNotIn("kube-api-access", json.dumps(pod), "a token of the API is mounted")

    def test_exit_code_0_completes_the_job(self):
        pods = self.install()
        name, _ = pods.next()
        pods.end(name, 0)
        kubectl("wait", "--for=condition=Complete", f"job/{pods.job}", "--timeout=60s")

    def test_exit_code_2_fails_the_job_at_once(self):
        pods = self.install()
        name, _ = pods.next()
        pods.end(name, 2)
        self.assertEqual(pods.failed(), "PodFailurePolicy")
        self.assertEqual((pods.status()["failed"], len(pods.seen)), (1, 1))

    def test_exit_code_1_is_tried_again_up_to_the_limit(self):
        pods = self.install("--set", "job.backoffLimit=1")
        for _ in range(2):
            name, _ = pods.next()
            pods.end(name, 1)
        self.assertEqual(pods.failed(), "BackoffLimitExceeded")
        self.assertEqual(pods.status()["failed"], 2)

    def test_an_evicted_pod_is_replaced_and_does_not_count(self):
        pods = self.install("--set", "job.backoffLimit=0")
        for _ in range(2):
            name, _ = pods.next()
            pods.evict(name)
            self.assertEqual(len(get("pods", "--selector", f"batch.kubernetes.io/job-name={pods.job}")["items"]), 1, "two pods of one run")
            pods.end(name, 143)
            pods.gone(name)
        name, _ = pods.next()
        self.assertEqual(pods.status().get("failed", 0), 0)
        pods.end(name, 0)
        kubectl("wait", "--for=condition=Complete", f"job/{pods.job}", "--timeout=60s")

    def test_a_pod_that_is_deleted_by_hand_counts(self):
        pods = self.install("--set", "job.backoffLimit=0")
        name, _ = pods.next()
        kubectl("delete", "pod", name, "--wait=false")
        pods.end(name, 143)
        pods.gone(name)
        self.assertEqual(pods.failed(), "BackoffLimitExceeded")

    def test_an_upgrade_that_changes_the_run_is_refused(self):
        self.install()
        with self.assertRaisesRegex(AssertionError, "immutable"):
            helm("upgrade", "r", CHART, "--values", SETS["cpu"], "--set-string", "env.EPOCHS=10")
        helm("upgrade", "r", CHART, "--values", SETS["cpu"], "--set", "networkPolicy.extraPorts={9999}")


class BareJob(unittest.TestCase):
    def test_it_is_tried_again_whatever_happens(self):
        file = ROOT / "deploy/examples/bare-job.yaml"
        run(os.environ["CLUSTER"], "kubectl", "-n", "plain", "create", "-f", file)
        pods = Pods("gnn-trainer-abc", "plain")
        name, _ = pods.next()
        pods.evict(name)
        pods.end(name, 143)
        pods.gone(name)
        for code in (1, 2):
            name, _ = pods.next()
            pods.end(name, code)
        pods.next()
        self.assertEqual(pods.status()["failed"], 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
