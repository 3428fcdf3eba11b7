package nn

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

const crossEntropyByPyTorch = `
import json, sys, torch
logits, y, cases = json.load(sys.stdin)
out = []
for weight, smoothing in cases:
    x = torch.tensor(logits).reshape(-1, 3).requires_grad_()
    loss = torch.nn.CrossEntropyLoss(weight=weight and torch.tensor(weight), label_smoothing=smoothing)(x, torch.tensor(y))
    loss.backward()
    out.append([loss.item(), x.grad.flatten().tolist()])
json.dump(out, sys.stdout)`

func TestLabelSmoothingAndClassWeightsAreThoseOfPyTorch(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "../.venv/bin/python"
	}
	if _, err := exec.LookPath(python); err != nil {
		t.Skipf("no Python with PyTorch to compare with (make setup): %v", err)
	}
	logits := []float32{1, -2, 0.5, 0, 0, 3, -1, 2, 2, 0.25, 0.5, -4, 1, 1, 1}
	y := []int64{0, 2, -100, 1, 1}
	cases := []ClassLoss{{}, {Smoothing: 0.1}, {Smoothing: 0.5}, {}, {Smoothing: 0.1}}
	weights := [][]float32{nil, nil, nil, {0.5, 2, 1.25}, {0.5, 2, 0}}
	var asked []any
	for i, c := range cases {
		asked = append(asked, []any{weights[i], c.Smoothing})
	}
	text, err := json.Marshal([]any{logits, y, asked})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", crossEntropyByPyTorch)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), os.Stderr
	if text, err = cmd.Output(); err != nil {
		t.Fatalf("running PyTorch: %v", err)
	}
	var want [][2]any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	err = onThread(t, func() error {
		s := torch.NewScope()
		defer s.Close()
		for i, c := range cases {
			if weights[i] != nil {
				c.Weight = s.Float32s(weights[i], 3)
			}
			x := torch.RequireGrad(s.Float32s(logits, 5, 3))
			loss := direction{}.WithClassLoss(c).Loss(s, x, Targets{Class: s.Int64s(y, 5, 1), Labelled: 4})
			torch.Backward(loss)
			if got := torch.Item(loss); math.Abs(got-want[i][0].(float64)) > 1e-6 {
				t.Errorf("case %d: the loss is %v, PyTorch's %v", i, got, want[i][0])
			}
			for k, got := range torch.ReadFloat32s(s.Grad(x)) {
				if by := want[i][1].([]any)[k].(float64); math.Abs(float64(got)-by) > 1e-6 {
					t.Errorf("case %d: gradient %d is %v, PyTorch's %v", i, k, got, by)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
