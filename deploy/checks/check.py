"""The chart rendered for several sets of values, held to Kubernetes's own schemas and to what it promises; the example; the pins
of the image files. Run by check.sh."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/gnn-trainer"
SETS = {f.name.removesuffix("-values.yaml"): f for f in sorted((CHART / "ci").glob("*-values.yaml"))}
# The oldest that the chart allows, and the newest whose schemas are here.
VERSIONS = ("1.31", "1.37")


def helm(command, *args, values="cpu", version=VERSIONS[0]):
    name = ["q1"] if command == "template" else []
    return subprocess.run([os.environ["HELM"], command, *name, CHART, "--kube-version", version, "--values", SETS[values], *args],
                          capture_output=True, text=True)


def rendered(values, *args, version=VERSIONS[0]):
    done = helm("template", *args, values=values, version=version)
    if done.returncode:
        raise AssertionError(done.stderr)
    return {d["kind"]: d for d in yaml.safe_load_all(done.stdout) if d and "helm.sh/hook" not in d["metadata"].get("annotations", {})}


def pod(values, *args):
    return rendered(values, *args)["Job"]["spec"]["template"]["spec"]


def environment(values, *args):
    return {e["name"]: e.get("value") for e in pod(values, *args)["containers"][0]["env"]}


def closed(schema):
    """The schema, with no property but those it names."""
    if isinstance(schema, dict):
        schema = {k: closed(v) for k, v in schema.items()}
        if schema.get("properties") and not schema.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
    return schema


class Chart(unittest.TestCase):
    def test_every_set_of_values_gives_what_kubernetes_schemas_allow(self):
        crd = yaml.safe_load(Path(os.environ["PODMONITOR"]).read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        crd["properties"]["metadata"] = {}
        for values in SETS:
            for version in VERSIONS:
                with self.subTest(values=values, kubernetes=version):
                    lint = helm("lint", "--strict", values=values, version=version)
                    self.assertEqual(lint.returncode, 0, lint.stdout + lint.stderr)
                    done = helm("template", values=values, version=version)
                    documents = [d for d in yaml.safe_load_all(done.stdout) if d]
                    self.assertGreater(len(documents), 3, done.stderr)
                    for d in documents:
                        if d["kind"] == "PodMonitor":
                            jsonschema.validate(d, closed(crd))
                        else:
                            kubernetes_validate.validate(d, version, strict=True)

    def test_an_older_kubernetes_is_refused(self):
        self.assertIn("kubeVersion", helm("template", version="1.30").stderr)

    def test_exit_code_2_fails_the_job_and_a_disruption_does_not_count(self):
        job = rendered("cpu")["Job"]["spec"]
        self.assertEqual([(r["action"], *r.get("onExitCodes", {}).get("values", []), *(c["type"] for c in r.get("onPodConditions", [])))
                          for r in job["podFailurePolicy"]["rules"]], [("FailJob", 2), ("Ignore", "DisruptionTarget")])
        self.assertEqual(job["podFailurePolicy"]["rules"][0]["onExitCodes"]["containerName"], job["template"]["spec"]["containers"][0]["name"])
        self.assertEqual((job["backoffLimit"], job["podReplacementPolicy"]), (4, "Failed"))
        self.assertEqual(job["template"]["spec"]["restartPolicy"], "Never")
        self.assertGreaterEqual(job["template"]["spec"]["terminationGracePeriodSeconds"], 30)

    def test_only_work_and_cache_are_written_and_nothing_is_privileged(self):
        for values in SETS:
            spec = pod(values)
            container, = spec["containers"]
            self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
            self.assertEqual([m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")], ["/work", "/cache"])
            self.assertFalse(spec["automountServiceAccountToken"])
            env = environment(values)
            self.assertEqual((env["WORK_DIR"], env["CACHE_DIR"]), ("/work", "/cache"))

    def test_secrets_are_files_that_their_variables_name(self):
        env, spec = environment("cluster"), pod("cluster")
        volumes = {v["name"]: v for v in spec["volumes"]}
        files = {i["path"]: (s["secret"]["name"], i["key"]) for s in volumes["secrets"]["projected"]["sources"] for i in s["secret"]["items"]}
        self.assertEqual(files["MINIO_SECRET_KEY"], ("gnn-trainer-minio", "secretkey"))
        mounts = {m["name"]: m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
        for name in files:
            self.assertEqual(env[f"{name}_FILE"], f"{mounts['secrets']}/{name}")
            self.assertNotIn(name, env)
        self.assertEqual(volumes["ca"]["configMap"]["name"], "cluster-ca")
        self.assertEqual(env["CA_PATH"], f"{mounts['ca']}/{volumes['ca']['configMap']['items'][0]['path']}")

    def test_a_gpu_is_asked_for_where_it_is_enabled_and_nowhere_else(self):
        spec = pod("gpu")
        container, = spec["containers"]
        self.assertEqual(container["resources"]["limits"], {"nvidia.com/gpu": 1, "cpu": "4", "memory": "8Gi"})
        self.assertIn("-cuda:", container["image"])
        self.assertEqual(spec["runtimeClassName"], "nvidia")
        self.assertEqual(spec["nodeSelector"], {"nvidia.com/gpu.present": "true", "kubernetes.io/arch": "amd64"})
        self.assertEqual([t["key"] for t in spec["tolerations"]], ["training", "nvidia.com/gpu"])
        self.assertEqual(environment("gpu")["DEVICE"], "cuda")
        self.assertEqual(environment("gpu-fallback")["DEVICE"], "auto")
        spec = pod("cpu")
        self.assertNotIn("nvidia", str(spec))
        self.assertEqual(environment("cpu")["DEVICE"], "cpu")

    def test_the_network_is_open_for_what_is_configured(self):
        def ports(values, *args):
            policy = rendered(values, *args)["NetworkPolicy"]["spec"]
            return [p["port"] for rule in policy["egress"][1:] for p in rule["ports"]], policy["ingress"]

        self.assertEqual(ports("cpu"), ([443], []))
        self.assertEqual(sorted(ports("cluster")[0]), [8529, 9000, 9093, 9094, 9095])
        self.assertEqual(ports("cpu", "--set", "env.DATA_SOURCE=simulated"), ([], []))
        self.assertEqual(ports("cpu", "--set", "env.BINANCE_BASE_URL=http://mirror:8080")[0], [443, 8080])
        self.assertEqual(sorted(ports("cpu", "--set", "env.ARANGO_URL=http://a\\,https://b")[0]), [80, 443])
        self.assertEqual(environment("cpu")["METRICS_ADDR"], "")  # the image has one
        self.assertEqual(environment("gpu-fallback")["METRICS_ADDR"], ":8080")
        fallback = rendered("gpu-fallback")["NetworkPolicy"]["spec"]
        self.assertEqual(fallback["ingress"], [{"ports": [{"protocol": "TCP", "port": "metrics"}]}])
        self.assertEqual(fallback["egress"][1:], [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}])

    def test_a_wrong_value_is_refused_with_a_sentence(self):
        for arguments, say in {
            ("--set", "run.queueId="): "run.queueId is not set: set it to the pipeline run's id",
            ("--set", "run.symbol="): "run.symbol is not set",
            ("--set-string", "env.EPOCH=10"): "EPOCH",
            ("--set", "env.EPOCHS=10"): "string",
            ("--set", "env.MINIO_SECRET_KEY=hunter2"): "MINIO_SECRET_KEY",
            ("--set", "env.QUEUE_ID=other"): "QUEUE_ID",
            ("--set", "secrets.KAFKA_PASSWORD=hunter2"): "KAFKA_PASSWORD",
            ("--set", "gpus.enabled=true"): "gpus",
            ("--set", "job.terminationGracePeriodSeconds=10"): "terminationGracePeriodSeconds",
            ("--set", "image.digest=sha256:12"): "digest",
            ("--set", "metrics.podMonitor.enabled=true"): "metrics.podMonitor.enabled needs metrics.enabled",
        }.items():
            with self.subTest(arguments=arguments):
                done = helm("template", *arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(say, done.stderr)

    def test_a_long_release_name_is_shortened(self):
        done = helm("template", "--set", f"fullnameOverride={'x' * 80}")
        self.assertTrue(all(len(n) <= 57 for n in re.findall(r"(?m)^  name: (x+\S*)$", done.stdout)), done.stderr)


class Files(unittest.TestCase):
    def test_the_examples_are_what_kubernetes_schemas_allow(self):
        for file in sorted((ROOT / "deploy/examples").glob("*.yaml")):
            for d in yaml.safe_load_all(file.read_text()):
                for version in VERSIONS:
                    with self.subTest(file=file.name, kubernetes=version):
                        kubernetes_validate.validate(d, version, strict=True)

    def test_the_image_files_name_the_versions_of_the_pin_files(self):
        torch = re.search(r"(?m)^torch==(.*)$", (ROOT / "requirements.txt").read_text())[1]
        go = re.search(r"(?m)^go (\d+\.\d+)", (ROOT / "go.mod").read_text())[1]
        for name in ("Dockerfile", "Dockerfile.cuda"):
            text = (ROOT / name).read_text()
            self.assertIn(f"ARG TORCH={torch}\n", text, name)
            self.assertIn(f"golang:{go}-bookworm\n", text, name)

    def test_go_install_says_how_to_build_it(self):
        # As go install sees it: the module's files, nothing built, and no environment of the Makefile.
        with tempfile.TemporaryDirectory() as folder:
            files = subprocess.run(["git", "ls-files", "-z", "*.go", "*.h", "go.mod", "go.sum"], cwd=ROOT, check=True, capture_output=True)
            subprocess.run(["tar", "--create", "--null", "--files-from=-", f"--file={folder}/m.tar"], cwd=ROOT, check=True, input=files.stdout)
            subprocess.run(["tar", "--extract", f"--file={folder}/m.tar", f"--directory={folder}"], check=True)
            env = {k: v for k, v in os.environ.items() if k != "CGO_LDFLAGS"}
            done = subprocess.run(["go", "build", "./nn/torch"], cwd=folder, env=env, capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('clone its repository and run "make build" there, or take a release', done.stderr)
        self.assertNotIn("cannot find -l", done.stderr)

    def test_all_that_the_image_copies_is_in_its_context(self):
        allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
        for name in ("Dockerfile", "Dockerfile.cuda"):
            for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", (ROOT / name).read_text()):
                for source in line.split()[:-1]:
                    self.assertTrue(any(f"{a}/".startswith(f"{source}/") or f"{source}/".startswith(f"{a}/") for a in allowed), (name, source))


if __name__ == "__main__":
    unittest.main(verbosity=2)
