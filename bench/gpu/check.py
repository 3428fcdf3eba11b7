"""check.py [OUT]: what this program does on an NVIDIA GPU, in four minutes. `make gpu-check` runs it.

It needs the bundle that `make gpu-bundle` makes (the program, its libraries, tests) and a Python with PyTorch 2.11 for CUDA
13 and PyTorch Geometric, whose libtorch is used; no Go and no network. It writes OUT/gpu.md and OUT/gpu.json; each step
goes on after the failure of the one before, and the exit code is 1 where one failed. STEPS, a pattern, picks some of them;
DEVICE=cpu tries the script itself.
"""
import gzip
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch

root = Path(__file__).resolve().parents[2]
out = Path(sys.argv[1] if len(sys.argv) > 1 else "build/gpu/out").resolve()
device = os.environ.get("DEVICE", "cuda")
store = out / "store"
bundle = root / "build" / "gpu"
programs = out / "programs"
report = {"steps": {}, "shapes": {}, "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
begin = time.monotonic()


def prepare():
    programs.mkdir(parents=True, exist_ok=True)
    for file in bundle.glob("*.gz"):
        to = programs / file.stem
        with gzip.open(file) as source, open(to, "wb") as target:
            shutil.copyfileobj(source, target)
        to.chmod(0o755)
    lib = Path(torch.__file__).parent / "lib"
    (programs / "lib").mkdir(exist_ok=True)
    for so in (root / "build" / "lib").glob("*.so"):
        shutil.copy(so, programs / "lib")
    path = [str(programs / "lib"), str(lib)]
    if "libgomp.so.1" not in subprocess.run(["ldconfig", "-p"], capture_output=True, text=True).stdout:
        path.append(str(bundle / "lib"))
    os.environ["LD_LIBRARY_PATH"] = ":".join(path)
    os.environ["PYTHON"] = sys.executable


def step(name):
    """A step's function gives what it saw, as a line of text; an AssertionError says what does not hold."""

    def run(f):
        if not re.search(os.environ.get("STEPS", ""), name):
            return
        start = time.monotonic()
        try:
            said, ok = f(), True
        except Exception as e:
            said, ok = f"{type(e).__name__}: {e}", False
        seconds = time.monotonic() - start
        report["steps"][name] = {"ok": ok, "said": said, "seconds": round(seconds, 1)}
        print(f"{'ok    ' if ok else 'FAILED'} {name} ({seconds:.1f} s): {said}", flush=True)
        save()

    return run


def job(name, wait=True, dev=None, timeout=90, **variables):
    environment = os.environ | dict(
        QUEUE_ID=name, SYMBOL="BTCUSDT", TYPE="gnn_trainer", TELEMETRY_PRODUCER_ID="gpu", DATA_SOURCE="simulated",
        DEVICE=dev or device, STORE_DIR=str(store), BASELINES="none", RESUME="never", MESSAGE_LANG="en", LOG_FORMAT="json",
        EPOCHS="6", PATIENCE="0", DATASET="all", WORK_DIR=str(out / "work")) | {
        k: str(v) for k, v in variables.items()}
    process = subprocess.Popen([programs / "gnn-trainer"], env=environment, stdout=open(out / f"{name}.jsonl", "w"),
                               stderr=open(out / f"{name}.log", "w"))
    if not wait:
        return process
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"{name} took more than {timeout} s") from None


def finish(name, **variables):
    code = job(name, **variables)
    assert code == 0, f"{name} ended with {code}: {tail(name)}"
    return metrics(name)


def tail(name):
    return (out / f"{name}.log").read_text()[-600:]


def result(name):
    return store / "market_gnn_v1" / name


def metrics(name):
    return json.loads((result(name) / "metrics.json").read_text())


def epoch_seconds(name):
    return statistics.median(metrics(name)["timing"]["epoch_seconds"][2:])


def weights(name):
    return torch.load(result(name) / "weights.pt")


def apart(a, b):
    one, other = weights(a), weights(b)
    return max((one[k] - other[k]).abs().max().item() for k in one)


def card():
    line = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
                          capture_output=True, text=True).stdout.strip() if device != "cpu" else "no GPU: a trial of this script"
    report["card"], report["torch"] = line, torch.__version__
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    report["cpu"] = f"{cpu.group(1) if cpu else '?'}, {os.cpu_count()} cores"
    if device == "cpu":
        return line
    # The card's own limits, for the roofline.
    x = torch.randn(1 << 28, device="cuda")
    y = torch.empty_like(x)
    a, b = torch.randn(8192, 8192, device="cuda"), torch.randn(8192, 8192, device="cuda")

    def best(f, n=6):
        times = []
        for _ in range(n):
            one, two = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            one.record()
            f()
            two.record()
            torch.cuda.synchronize()
            times.append(one.elapsed_time(two) / 1e3)
        return min(times)

    report["bytes_per_second"] = 2 * x.numel() * 4 / best(lambda: y.copy_(x))
    report["flops_per_second"] = 2 * 8192**3 / best(lambda: a @ b)
    return f"{line}; {report['bytes_per_second'] / 1e12:.2f} TB/s, {report['flops_per_second'] / 1e12:.1f} TFLOP/s in float32 (no TF32)"


def tests():
    said, failed = [], []
    # Of nn/torch those that ask for the device: libtorch looks for CUDA once, and the others compute before.
    for name, folder, some in (("nn", "nn", ""), ("torch", "nn/torch", "OnCUDA|Replayed"), ("train", "nn/train", "")):
        run = subprocess.run([programs / f"{name}.test", "-test.timeout=100s", "-test.v", f"-test.run={some}"], cwd=root / folder, capture_output=True, text=True,
                             env=dict(os.environ, GNN_TEST_DEVICE=device))
        (out / f"{name}.test.log").write_text(run.stdout + run.stderr)
        passed, skipped = len(re.findall("^--- PASS", run.stdout, re.M)), len(re.findall("^--- SKIP", run.stdout, re.M))
        wrong = re.findall("^--- FAIL: (\\S+)", run.stdout, re.M)
        said.append(f"{folder}: {passed} passed, {skipped} skipped")
        if run.returncode != 0:
            failed.append(f"{folder}: {wrong or run.stdout[-300:] + run.stderr[-300:]}")
    assert not failed, "; ".join(failed)
    return "; ".join(said)


def end_to_end():
    cpu, gpu = finish("cpu", dev="cpu"), finish("gpu")
    again = finish("gpu2")
    assert apart("gpu", "gpu2") == 0 and gpu["history"] == again["history"], "the same seed gave other bits"
    losses = [abs(a - b) for a, b in zip(cpu["history"]["train_loss"], gpu["history"]["train_loss"])]
    assert max(losses) < 1e-4, f"the losses of CPU and GPU are {max(losses):.2g} apart"
    auc = [m["splits"]["test"]["auc"] for m in (cpu, gpu)]
    assert abs(auc[0] - auc[1]) < 2e-3, f"test AUC {auc[0]} on the CPU and {auc[1]} on the GPU"
    # The artefacts, on a CPU, in PyTorch.
    import pandas

    model = torch.jit.load(result("gpu") / "model.pt", map_location="cpu")
    graph = torch.load(result("gpu") / "graph.pt")
    p = torch.softmax(model(graph["x"], graph["edge_index"], graph["edge_weight"]), 1)
    rows = pandas.read_parquet(result("gpu") / "predictions.parquet") if pyarrow() else None
    if rows is not None:
        newest = rows[rows.open_time == rows.open_time.max()]
        off = (torch.tensor(newest[["p_down", "p_flat", "p_up"]].to_numpy()) - p).abs().max().item()
        assert off < 1e-5, f"model.pt on a CPU is {off:.2g} off predictions.parquet"
    return (f"the same bits twice; losses within {max(losses):.1e} of the CPU's; test AUC {auc[1]:.4f} (CPU {auc[0]:.4f}); "
            + ("model.pt on a CPU gives predictions.parquet to 1e-5" if rows is not None else "model.pt opens on a CPU; no pyarrow here to read predictions.parquet"))


def pyarrow():
    try:
        import pyarrow  # noqa: F401

        return True
    except ImportError:
        return False


def killed():
    finish("whole", EPOCHS=200)
    process = job("kill", wait=False, EPOCHS=200, CHECKPOINT_EVERY=1, RESUME="auto")
    for _ in range(2000):
        if list((result("kill") / "checkpoints").glob("*")):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (result("kill") / "manifest.json").exists(), "it had ended before it was killed"
    m = finish("kill", EPOCHS=200, CHECKPOINT_EVERY=1, RESUME="auto")
    d = apart("whole", "kill")
    assert d == 0, f"the weights are {d:.2g} apart"
    assert '"resum' in (out / "kill.log").read_text().lower(), "it did not resume"
    return f"resumed after SIGKILL to the same bits, {m['epochs_run']} epochs"


def out_of_memory():
    if device == "cpu":
        return "not on a CPU"
    hold = subprocess.Popen([sys.executable, "-c", """
import sys, torch
free, _ = torch.cuda.mem_get_info()
x = torch.empty(free - (900 << 20), dtype=torch.uint8, device="cuda")
print("held", flush=True); sys.stdin.read()"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert hold.stdout.readline().strip() == "held"
        code = job("oom", BATCH_SIZE=2048, HIDDEN=1024, LAYERS=4)
    finally:
        hold.stdin.close()
        hold.wait()
    events = [json.loads(line) for line in (out / "oom.jsonl").read_text().splitlines()]
    last = events[-1] if events else {}
    assert code in (1, 2) and last.get("status") == "error", f"exit {code}, last event {last}"
    said = re.findall(r'"message":"([^"]*memory[^"]*)"', (out / "oom.log").read_text())
    return f"exit {code}, an error event: {said[-1][:160] if said else last.get('message', '')[:160]}"


def flat():
    process = job("flat", wait=False, EPOCHS=400)
    used, resident, stop = [], [], threading.Event()

    def watch():
        while not stop.wait(0.25):
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
                resident.append(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024)
            except (OSError, AttributeError):
                return
            if device != "cpu":
                u = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], capture_output=True, text=True)
                used.append(float(u.stdout.split()[0]))

    thread = threading.Thread(target=watch)
    thread.start()
    code = process.wait(90)
    stop.set()
    thread.join()
    assert code == 0, tail("flat")
    m = metrics("flat")
    batches = -(-json.loads((result("flat") / "metadata.json").read_text())["splits"]["train"]["count"] // 32)
    resident, used = resident[len(resident) // 4:], used[len(used) // 4:]  # after the start
    third = max(1, len(resident) // 3)
    growth = statistics.median(resident[-third:]) - statistics.median(resident[:third])
    assert growth < 64, f"the process grew by {growth:.0f} MB"
    said = f"{m['epochs_run'] * batches} steps; the process grew by {growth:.0f} MB"
    if used:
        grown = statistics.median(used[-third:]) - statistics.median(used[:third])
        assert grown <= 2, f"the card's memory in use grew by {grown:.0f} MB"
        said += f", the card's memory in use by {grown:.0f} MB ({max(used):.0f} MB in all)"
    return said


SHAPES = {
    "small": dict(title="20 nodes, batch 32, 2 x 64", SYMBOLS="top:20"),
    "market": dict(title="100 nodes, batch 32, 2 x 64", SYMBOLS="top:100", LOOKBACK="12d"),
    "large": dict(title="400 nodes, degree 20, batch 32, 2 x 64", SYMBOLS="top:400", LOOKBACK="4d", EDGE_TOP_K=20),
    "wide": dict(title="20 nodes, batch 512, 2 x 256", SYMBOLS="top:20", BATCH_SIZE=512, HIDDEN=256),
}


def floor(shape, batch, hidden):
    """Seconds of a step that the card needs at least: by arithmetic and by bytes, each tensor read and written once."""
    n, f, e = batch * shape["nodes"], shape["features"], batch * (shape["edges"] + shape["nodes"])
    products = n * (f * hidden + hidden * hidden + 3 * hidden)
    flops = 2 * (3 * products - n * f * hidden) + 2 * e * (f + 2 * hidden)
    moved = 4 * n * (2 * f + 12 * hidden + 12) + 8 * 3 * e
    return max(flops / report["flops_per_second"], moved / report["bytes_per_second"])


def epochs(name):
    variables = dict(SHAPES[name])
    title = variables.pop("title")
    finish(name, EPOCHS=8, DROPOUT=0.1, **variables)
    batch, hidden = variables.get("BATCH_SIZE", 32), variables.get("HIDDEN", 64)
    run = subprocess.run([sys.executable, root / "bench/gpu/peers.py", result(name), device, str(batch), str(hidden),
                          "compiled" if name == "market" else ""], capture_output=True, text=True, timeout=120)
    (out / f"{name}.peers.log").write_text(run.stderr)
    assert run.returncode == 0, run.stderr[-400:]
    shape = json.loads(run.stdout)
    ours = epoch_seconds(name)
    steps = -(-shape["snapshots"] // batch)
    times = {k: v for k, v in shape.items() if k.startswith("Py")}
    report["shapes"][name] = dict(title=title, ours=ours, step=ours / steps, snapshots=shape["snapshots"], peers=times)
    said = f"{title}: {ours:.4f} s an epoch, {1e6 * ours / steps:.0f} microseconds a step"
    if "flops_per_second" in report:
        least = floor(shape, batch, hidden)
        report["shapes"][name]["floor"] = least
        said += f" (floor {1e6 * least:.1f})"
    shutil.rmtree(result(name))
    return said + "; " + ", ".join(f"{k} {v / ours:.1f}x" for k, v in times.items())


def sanitizer():
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if device == "cpu" or not Path(tool).exists():
        return "no compute-sanitizer here"
    run = subprocess.run([tool, "--tool", "memcheck", "--error-exitcode", "9", programs / "nn.test",
                          "-test.run", "^TestEachModelOnCUDA"], cwd=root / "nn", capture_output=True, text=True, timeout=100,
                         env=dict(os.environ, GNN_TEST_DEVICE=device))
    (out / "sanitizer.log").write_text(run.stdout + run.stderr)
    summary = re.findall("ERROR SUMMARY: .*", run.stdout + run.stderr)
    assert run.returncode == 0, f"exit {run.returncode}: {summary or (run.stdout + run.stderr)[-300:]}"
    return f"steps of each model under memcheck: {summary[-1] if summary else 'no summary'}"


def save():
    report["seconds"] = round(time.monotonic() - begin, 1)
    (out / "gpu.json").write_text(json.dumps(report, indent=1))
    lines = [f"Card: {report.get('card')}; PyTorch {report.get('torch')}; host: {report.get('cpu')}; {report['started']}, {report['seconds']} s.", "",
             "| check | holds | seen |", "|---|---|---|"]
    lines += [f"| {k} | {'yes' if v['ok'] else '**no**'} | {v['said'].replace('|', '/')} |" for k, v in report["steps"].items()]
    names = list(dict.fromkeys(p for s in report["shapes"].values() for p in s["peers"]))
    if names:
        lines += ["", "| shape | ours: epoch | a step | its floor | " + " | ".join(names) + " |", "|---|---|---|---|" + "---|" * len(names)]
        for s in report["shapes"].values():
            peers = [f"{s['peers'][p]:.4f} s, {s['peers'][p] / s['ours']:.1f} x ours" if p in s["peers"] else "" for p in names]
            least = f"{1e6 * s['floor']:.1f} µs" if "floor" in s else ""
            lines.append(f"| {s['title']} | {s['ours']:.4f} s | {1e6 * s['step']:.0f} µs | {least} | " + " | ".join(peers) + " |")
    (out / "gpu.md").write_text("\n".join(lines) + "\n")


out.mkdir(parents=True, exist_ok=True)
prepare()
step("card")(card)
step("tests on the device")(tests)
step("end to end")(end_to_end)
step("kill and resume")(killed)
step("10,000 steps")(flat)
step("out of memory")(out_of_memory)
for shape in SHAPES:
    step(f"epochs, {shape}")(lambda shape=shape: epochs(shape))
step("compute-sanitizer")(sanitizer)
shutil.rmtree(store, ignore_errors=True)
shutil.rmtree(programs, ignore_errors=True)
sys.exit(0 if all(s["ok"] for s in report["steps"].values()) else 1)
