package data

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// splitNames are the splits of a file, in the order of its masks.
var splitNames = [3]Split{Train, Valid, Test}

// maskName is the attribute that a mask of the file comes from.
func maskName(f *pyg.File, k int) string {
	if name := f.SplitNames[k]; name != "" {
		return name
	}
	return [3]string{"train_mask", "val_mask", "test_mask"}[k]
}

// splitOrigin is what follows the name of a split in a message: the attribute
// that it comes from, if one.
func splitOrigin(f *pyg.File, s Split) string {
	for k, mask := range masksOf(f) {
		if splitNames[k] == s && mask != nil {
			return fmt.Sprintf(" (%s)", maskName(f, k))
		}
	}
	return ""
}

func masksOf(f *pyg.File) [3][]bool { return [3][]bool{f.TrainMask, f.ValidMask, f.TestMask} }

// nodeSplits is the split of each node [N], empty for those in none, and what of
// it a user should know.
//
// Masks of the file are kept as they are: a labelled node in none of them is in
// no split. Of train and test alone, part of the training nodes validates; any
// other lack is rejected, since somebody meant those nodes for something. A file
// without masks is divided by seed.
func nodeSplits(f *pyg.File, present []bool, cfg FoldConfig, seed int64) (split []Split, warnings []string, err error) {
	split = make([]Split, len(present))
	var labelled []int
	for i, ok := range present {
		switch {
		case f.Data.Y[i] != pyg.Unlabelled:
			labelled = append(labelled, i)
		case ok:
			split[i] = Live
		}
	}
	masks := masksOf(f)
	var has, lacks []string
	for k, mask := range masks {
		if mask != nil {
			has = append(has, maskName(f, k))
		} else {
			lacks = append(lacks, maskName(f, k))
		}
	}
	if has == nil {
		divide(labelled, split, seed, []cut{{Train, cfg.TrainFraction}, {Valid, cfg.ValidFraction}, {Test, 1}})
		return split, nil, nil
	}
	if masks[0] == nil || masks[2] == nil {
		return nil, nil, fault.Input("the graph has %s and no %s", strings.Join(has, " and "), strings.Join(lacks, " and no ")).
			Fix("save at least train_mask and test_mask, or none of them for a random division")
	}
	var training []int
	for k, mask := range masks {
		if mask == nil {
			continue
		}
		members, err := addMask(f, k, labelled, split)
		if err != nil {
			return nil, nil, err
		}
		if splitNames[k] == Train {
			training = members
		}
	}
	if masks[1] == nil {
		if len(training) < 2 {
			return nil, nil, fault.Input("%s holds one labelled node, and there is no val_mask to validate on", maskName(f, 0)).Fix("save a val_mask, or more training nodes")
		}
		part := max(1, int(cfg.ValidFraction/(cfg.TrainFraction+cfg.ValidFraction)*float64(len(training))+0.5))
		part = min(part, len(training)-1)
		divide(training, split, seed, []cut{{Valid, float64(part) / float64(len(training))}, {Train, 1}})
		warnings = append(warnings, fmt.Sprintf("the graph has %s and no val_mask: %d of the %d training nodes, chosen by SEED, validate", strings.Join(has, " and "), part, len(training)))
	}
	return split, warnings, nil
}

// addMask puts the labelled nodes of mask k into its split, and gives them.
func addMask(f *pyg.File, k int, labelled []int, split []Split) (members []int, err error) {
	mask, name := masksOf(f)[k], maskName(f, k)
	if len(mask) != len(split) {
		return nil, fault.Input("%s holds %d values, the graph has %d nodes", name, len(mask), len(split)).
			Fix("give one of each node")
	}
	for _, i := range labelled {
		if !mask[i] {
			continue
		}
		if split[i] != "" {
			other := name
			for j, s := range splitNames {
				if s == split[i] {
					other = maskName(f, j)
				}
			}
			return nil, fault.Input("node %d is in %s and in %s too, and a node trained on cannot be tested on", i, other, name).
				Fix("take it out of one")
		}
		split[i] = splitNames[k]
		members = append(members, i)
	}
	if len(members) == 0 {
		return nil, fault.Input("%s holds no node that has a label", name).Fix("put labelled nodes into it")
	}
	return members, nil
}

// cut is the part of the nodes that a split begins with, up to the last one,
// which takes the rest.
type cut struct {
	split Split
	part  float64
}

// divide shuffles nodes by seed and cuts them.
func divide(nodes []int, split []Split, seed int64, shares []cut) {
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	random.Shuffle(len(nodes), func(a, b int) { nodes[a], nodes[b] = nodes[b], nodes[a] })
	begin, sum := 0, 0.0
	for k, s := range shares {
		sum += s.part
		end := min(len(nodes), int(sum*float64(len(nodes))+0.5))
		if k == len(shares)-1 {
			end = len(nodes)
		}
		for _, i := range nodes[begin:end] {
			split[i] = s.split
		}
		begin = end
	}
}
