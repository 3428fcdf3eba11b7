"""What PyTorch's schedulers and averages give. Cases come on stdin; the rates of each, and the averages, leave on stdout."""

import json
import sys
import warnings

import torch
from torch.optim import lr_scheduler as sched

warnings.simplefilter("ignore")  # a scheduler that steps after the last one


def optimiser(base):
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=base)


def one_cycle(base, warmup, steps):
    o = optimiser(base)
    return o, sched.OneCycleLR(o, max_lr=base, total_steps=steps, pct_start=float(warmup), cycle_momentum=False)


def cosine(base, warmup, steps):
    o = optimiser(base)
    warm = int(warmup * steps)
    decay = sched.CosineAnnealingLR(o, T_max=steps - warm)
    if warm == 0:
        return o, decay
    return o, sched.SequentialLR(
        o, [sched.LinearLR(o, start_factor=1 / 25, total_iters=warm), sched.CosineAnnealingLR(o, T_max=steps - warm)], [warm]
    )


def stepped(case):
    o, s = {"one_cycle": one_cycle, "cosine": cosine}[case["kind"]](case["base"], case["warmup"], case["steps"])
    rates = []
    for step in range(case["steps"]):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        if step + 1 < case["steps"]:
            s.step()
    return rates


def plateau(case):
    o = optimiser(case["base"])
    s = sched.ReduceLROnPlateau(o, mode="min" if case["lower"] else "max", factor=0.5, patience=case["patience"])
    rates = [o.param_groups[0]["lr"]]
    for value in case["values"]:
        o.step()
        s.step(float("nan") if value is None else value)
        rates.append(o.param_groups[0]["lr"])
    return rates


def averages(decay, steps):
    model = torch.nn.Linear(len(steps[0]), 1, bias=False)
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))
    for weights in steps:
        with torch.no_grad():
            model.weight.copy_(torch.tensor([weights]))
        averaged.update_parameters(model)
    return averaged.module.weight.tolist()[0]


asked = json.load(sys.stdin)
json.dump(
    {
        "rates": [plateau(c) if c["kind"] == "plateau" else stepped(c) for c in asked["schedules"]],
        "average": averages(asked["decay"], asked["weights"]),
    },
    sys.stdout,
)
