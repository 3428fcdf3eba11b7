package train

import (
	"math/rand/v2"
	"slices"

	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// learner is a network that is trained by itself: the model, or one member of an
// ensemble. Its seed draws what it drops and the order of its batches, so that a
// member is trained as a model of that seed is.
type learner struct {
	network nn.Model
	adam    *torch.Adam
	average *average
	seed    int64
}

// learnersOf are those of a model; owner owns what they are trained with.
func learnersOf(owner *torch.Scope, m nn.Model, c Config) []*learner {
	var all []*learner
	for i, network := range nn.Members(m) {
		var parameters []torch.Tensor
		for _, p := range network.Parameters() {
			parameters = append(parameters, p.Tensor)
		}
		all = append(all, &learner{
			network: network,
			adam:    torch.Own(owner, torch.NewAdam(parameters, c.Adam)),
			average: newAverage(owner, c.EMA, parameters),
			seed:    c.Seed + int64(i),
		})
	}
	for _, l := range all {
		for i, p := range l.network.Parameters() {
			if c.Decays != nil && !c.Decays(p.Name) {
				l.adam.SetWeightDecay(i, 0)
			}
		}
	}
	return all
}

// batches are the snapshots of each batch of an epoch, of pieces in an order that
// the seed and the epoch's number alone decide. A batch is as many pieces as fit into
// size snapshots where each is as long as the longest: every epoch has as many.
func (l *learner) batches(pieces [][]int, size, number int) [][]int {
	pieces = slices.Clone(pieces)
	random := rand.New(rand.NewPCG(uint64(l.seed), uint64(number)))
	random.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
	longest := 1
	for _, p := range pieces {
		longest = max(longest, len(p))
	}
	var batches [][]int
	for batch := range slices.Chunk(pieces, max(1, size/longest)) {
		batches = append(batches, slices.Concat(batch...))
	}
	return batches
}

// eachParameter calls do for the parameters of the model, numbered as those of all
// learners one after the other, and by their number in their learner's.
func (f *loop) eachParameter(do func(k int, p nn.Parameter, l *learner, i int)) {
	all, k := f.model.Parameters(), 0
	for _, l := range f.learners {
		for i := range l.network.Parameters() {
			do(k, all[k], l, i)
			k++
		}
	}
}

// applyAverages gives the model the averages of its weights, where it has some,
// until withdrawAverages.
func (f *loop) applyAverages() error {
	for _, l := range f.learners {
		l.average.apply()
	}
	return nil
}

func (f *loop) withdrawAverages() error {
	for _, l := range f.learners {
		l.average.withdraw()
	}
	return nil
}
