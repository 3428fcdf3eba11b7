// Package bench times training side by side with PyTorch Geometric, from the
// same snapshots and starting weights, with the same batch size and number of
// threads. `make bench` runs it; a claim about speed is a ratio that it prints.
//
// An epoch of ours and one of a peer are a turn, and their ratio is of that
// turn. A turn waits until the machine is idle, and counts only where it stayed
// so: two threads on two CPUs wait for each other at every operation, and one
// more busy process slows them tenfold.
package bench

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

const (
	batchSize    = 32 // snapshots
	learningRate = 1e-3
	warmUp       = 3 // epochs before the turns; the losses after them are compared
	turns        = 5 // of each peer
	mostTurns    = 500
)

// configurations of PyTorch, from what its documentation shows to what an
// expert would write by hand. Names are those of functions in peer.py.
var configurations = []struct{ name, title string }{
	{"loader", "PyG, DataLoader"},
	{"collated_once", "PyG, batches collated once"},
	{"normalised_once", "PyG, collated and normalised once"},
	{"csr_once", "PyG, the same as torch CSR"},
	{"csr_both_ways", "PyTorch, CSR and its transpose made once"},
	{"dense_shuffled", "PyTorch, dense bmm, snapshots shuffled"},
	{"dense", "PyTorch, dense bmm, fixed batches"},
	{"dense_compiled", "PyTorch, the same under torch.compile"},
}

func TestBenchAnEpochOnSmallMarketGraphsBesidePyG(t *testing.T) {
	if os.Getenv("GNN_BENCH") == "" {
		t.Skip("a benchmark takes minutes and an idle machine: `make bench` runs it")
	}
	dataset := market(t)
	thread, err := torch.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	defer thread.Close()
	threads := torch.Threads()
	weights := untrained(t, thread, dataset) // as far as ours has come

	folder := t.TempDir()
	export(t, folder, dataset, weights)
	ours := &run{title: "gnn-trainer, snapshots shuffled", process: "self", loss: func() float64 { return lossOf(t, thread, weights, dataset) }}
	all := []*run{ours}
	for _, c := range configurations {
		p := startPeer(t, folder, c.name, threads)
		all = append(all, &run{
			title: c.title, process: fmt.Sprint(p.pid),
			loss:  func() float64 { return p.ask(t, "loss") },
			epoch: func() float64 { return p.ask(t, "epoch") },
		})
	}
	m := newMeter(t, all, threads)
	for _, r := range all {
		m.awaitIdle(t)
		r.before = r.loss()
	}
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	peer := all[1]
	n := network(t, thread, warmUp+mostTurns)
	n.CheckpointEvery = checkpoint.Every{Epochs: warmUp}
	n.Checkpoint = func(s checkpoint.State) {
		if len(s.Epochs) != warmUp {
			return
		}
		weights = &pyg.Dict{}
		for _, w := range s.Weights {
			weights.Set(w.Name, pyg.NewTensor(w.Value, w.Shape...))
		}
		for _, r := range all {
			for i := 0; i < warmUp && r != ours; i++ {
				m.awaitIdle(t)
				r.epoch()
			}
			r.after = r.loss()
		}
	}
	n.OnEpoch = func(e train.Epoch) {
		switch {
		case e.Number <= warmUp: // the checkpoint comes after it
		default:
			seconds := peer.epoch()
			if m.undisturbed(t) {
				ours.seconds = append(ours.seconds, e.Seconds)
				peer.seconds = append(peer.seconds, seconds)
				peer.ratios = append(peer.ratios, seconds/e.Seconds)
			}
			peer = slices.MinFunc(all[1:], func(a, b *run) int { return cmp.Compare(len(a.ratios), len(b.ratios)) })
			if len(peer.ratios) == turns {
				enough()
				return
			}
		}
		m.awaitIdle(t)
	}
	p, _, err := n.Fit(ctx, dataset)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if len(peer.ratios) < turns {
		t.Fatalf("fewer than %d turns with %s were undisturbed: stop other work on this machine", turns, peer.title)
	}
	for _, r := range all {
		r.megabytes = peakMemory(t, r.process)
		sameWork(t, ours, r)
	}
	fmt.Printf("\n%d snapshots of %d nodes, %d features and %.1f edges a node; %d layers of %d; batches of %d; %d threads; %d turns a peer\n\n%s\n",
		snapshots, dataset.NumNodes(), dataset.NumFeatures(), edgesPerNode(dataset), layers, hidden, batchSize, threads, turns, table(ours, all))
}

// sameWork fails where a side did not do what the other did: from the same
// weights the loss must be the same, and come down by the same amount, shuffling
// aside.
func sameWork(t *testing.T, ours, r *run) {
	t.Helper()
	if d := math.Abs(r.before - ours.before); !(d < 1e-5) {
		t.Errorf("%s starts from a loss of %.6f, and %s from %.6f", r.title, r.before, ours.title, ours.before)
	}
	fell, want := r.before-r.after, ours.before-ours.after
	if !(want > 0) || !(math.Abs(fell-want) < 0.2*want) {
		t.Errorf("the loss of %s fell by %.5f, and that of %s by %.5f", r.title, fell, ours.title, want)
	}
}
