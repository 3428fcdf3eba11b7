// Package job is one run from start to end: it loads a market, makes its graph,
// trains a model and a baseline, stores the artefacts and reports how it went. A
// checked configuration enters; artefacts, exactly one terminal event and an
// exit code leave. It composes: the packages it calls know how each step is
// done.
package job

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/baseline"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/memory"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/store"
)

// Job is a run's configuration and surroundings.
type Job struct {
	Config  config.Config
	Store   Storage
	Events  kafka.Sink
	Broker  Broker            // nil: only signals stop the run
	Console *progress.Console // stderr
	Log     zerolog.Logger    // built on Console
	Version string            // of gnn-trainer
	Metrics *metrics.Metrics  // nil: nobody reads them
	Summary bool              // a person reads Console: show what came out
	Machine *memory.Machine   // nil: the memory that there is
	Search  *Search           // nil: the settings are those of Config
}

// Run does the job and returns the process's exit code. It ends early, with what
// is learned so far, when ctx ends, at a stop from the broker, or where that
// rejects the run; context.Cause says which.
func (j *Job) Run(ctx context.Context) int {
	started := time.Now()
	defer j.Store.Access.Close()
	s := newShutdown(ctx)
	defer s.over()
	if j.Metrics == nil {
		j.Metrics = newMetrics(j.Config, j.Version)
	}
	r := &reporter{metrics: j.Metrics, log: j.Log, reject: s.stop}
	undelivered := false
	r.telemetry = kafka.NewTelemetry(j.Config.IDs, j.Config.Kafka.Lang, j.Events, func(event []byte) {
		undelivered = true
		r.warn("keeping an undelivered event", j.Store.Access.AppendEvent(event))
	})
	j.observe(s, r.telemetry)
	endReports, awaitReports := j.reportProgress()

	previous := &checkpoints{store: j.Store.Checkpoints}
	state := &runState{}
	ending := s.supervise(stopWatchdog, j.Console, func() Ending { return j.steps(s, r, started, previous, state) })

	j.Metrics.Enter(metrics.Finishing)
	if ending.Err != nil {
		j.Metrics.Error()
	} else if ending.InterruptedBy == nil {
		j.Metrics.Finished()
	}
	endReports()
	if ending.Stored {
		j.logResult(ending)
	}
	code := j.emit(s, r.telemetry, ending)
	// Errors of earlier events are in the log already.
	_ = r.telemetry.Close()

	last, cancel := s.terminalContext()
	defer cancel()
	if stop := (kafka.Stop{}); code == ExitDone && errors.As(ending.InterruptedBy, &stop) {
		state.Served = append(state.Served, stop.Position)
		r.warn("remembering the stop", state.save(last, previous))
	}
	if undelivered || ending.Stored {
		r.warn("uploading what remains", j.Store.Access.Flush(last))
	}
	awaitReports()
	if j.Summary && ending.Err == nil && ending.Trials != nil {
		r.warn("writing the trials", writeTrials(j.Console, j.Console.Columns(), ending.Trials))
	}
	if j.Summary && ending.Err == nil && ending.Result != nil {
		r.warn("writing the summary", writeSummary(j.Console, j.Console.Columns(), j.Config, ending))
	}
	return code
}

// logResult logs a result that was stored. A person is shown it at the end.
func (j *Job) logResult(e Ending) {
	if !j.Summary {
		logStored(e.Result.Metrics, e.ModelPath, j.Log)
	}
	logVerdicts(e.Result.Metrics, j.Log)
	if costs := afterCosts(e.Result.Metrics); costs != "" && !j.Summary {
		j.Log.Info().Msg(costs)
	}
}

// emit concludes the run. The event must leave although the run's own context
// may have ended.
func (j *Job) emit(s *shutdown, t *kafka.Telemetry, e Ending) int {
	ctx, cancel := s.terminalContext()
	defer cancel()
	code, err := e.conclude(ctx, t, j.Log)
	if err != nil {
		j.Metrics.Error()
		j.Log.Error().Err(err).Msg("the terminal event was not delivered: it is in " + store.EventsName)
	}
	return code
}

// steps is the run itself: what each step needs is passed to it, what it makes is
// returned.
func (j *Job) steps(s *shutdown, r *reporter, started time.Time, c *checkpoints, state *runState) Ending {
	settings, modelPath := j.Config.Settings(), ""
	var found *searched
	end := func(err error) Ending {
		e := endingOf(s, err, modelPath)
		e.Trials = found.trials()
		return e
	}

	// First of all, since it asks for CUDA before libtorch looks for it.
	thread, device, err := openDevice(j.Config.Train.Device, j.Metrics, j.Log)
	if err != nil {
		return end(err)
	}
	defer thread.Close()
	lightGBM, err := OpenLightGBM(j.Config.Train, func(why error) {
		j.Log.Info().Str("baseline", baseline.LightGBM).Str("why", why.Error()).Msg("left out: LightGBM's library is not here")
	})
	if err != nil {
		return end(err)
	}
	// A finished run that is started again emits nothing but its end, unless there
	// is something to wait for.
	begin := sync.OnceFunc(func() { r.handleTelemetryError(r.telemetry.Started()) })
	watch, waited := watchSteps(r, j.Console)
	defer waited()
	j.Store.Access.OnWait(func(why string, until time.Time) {
		begin()
		watch(data.Step{Phase: data.Waiting, Why: why, Until: until})
	})
	// A store that cannot be written fails before hours of work, not after.
	if err = j.Store.Access.Open(s); err != nil {
		return end(err)
	}
	j.Metrics.Ready()
	if err = c.list(s); err != nil {
		return end(err)
	}
	if found, err = j.findSearch(s, c); err != nil {
		return end(err)
	}
	chosen := found.config(j.Config)
	var done *Ending
	if found.over() { // else there is no result to be found
		if done, modelPath, err = previousResult(s, j.Store.Results, c, chosen, r); err != nil {
			return end(err)
		}
	}
	if done != nil {
		done.Trials = found.trials()
		return *done
	}
	waited()
	begin()

	if err = j.loadState(s, r, started, c, state); err != nil {
		return end(err)
	}
	listen(s, j.Broker, kafka.WatchConfig{
		IDs: j.Config.IDs, Since: state.Started.Add(-stopMargin), SinceAll: started, Served: state.Served,
	}, j.Log)
	if found.over() {
		if err = checkSettings(s, c, chosen.Settings(), j.Log); err != nil {
			return end(err)
		}
	}

	first, err := readInitial(s, j.Config)
	if err != nil {
		return end(err)
	}
	if err = j.checkPlan(device); err != nil {
		return end(err)
	}
	l := &loader{config: chosen, source: found.widen(state.pinned(Cached(chosen), settings)), console: j.Console, reporter: r, keepMarket: found.rebuilds()}
	l.pin = func(p *source.Pin) {
		if !sameTraining(state.Settings, settings) {
			state.Pin, state.Settings = p, settings
			r.warn("saving the extent of the data", state.save(s, c))
		}
	}
	inputs := listInputs(l.source)
	input, err := l.load(s)
	if err != nil {
		return end(err)
	}
	loadTime := time.Since(started)
	describe(input.dataset, j.Config.IDs.Symbol, j.Log)
	logAudit(input.audit, j.Log)
	if err = checkSymbol(input.dataset, j.Config.IDs.Symbol, j.Log); err != nil {
		return end(err)
	}
	if err = first.check(input.dataset, j.Log); err != nil {
		return end(err)
	}
	if err = j.checkData(input.dataset, device); err != nil {
		return end(err)
	}
	if device == torch.CPU {
		values := float64(min(j.Config.Train.BatchSize, input.dataset.Len())) * float64(input.dataset.NumNodes()) * float64(j.Config.Model.Hidden)
		if err = limitThreads(thread, values, j.Log); err != nil {
			return end(err)
		}
	}

	t := &trainer{
		config: chosen, version: j.Version, console: j.Console, reporter: r,
		thread: thread, device: device, loaded: input, checkpoints: c, trials: j.Store.Trials, lightGBM: lightGBM, initial: first,
	}
	if found != nil {
		if err = j.search(s, t, l, found); err != nil {
			return end(err)
		}
		input = t.loaded
	}
	// Before the old result goes: a checkpoint of other data is rejected.
	resumed, err := t.resume(s, kindOf(modelKind, input.dataset.OfFold(1).Number))
	if err != nil {
		return end(err)
	}
	if err = j.Store.Artefacts.Begin(s); err != nil {
		return end(err)
	}
	waited()
	modelPath = ""
	a := &artefacts{store: j.Store.Artefacts, inputs: withEdges(recordInputs(s, l.source, inputs, input.dataset), j.Config.Data.StaticSHA256)}
	if err = found.put(s, a); err != nil {
		return end(err)
	}
	j.Metrics.Enter(metrics.StoringGraph)
	// The graph does not wait for the model, so that a stop need not write it.
	if t.kept, err = putGraph(s, a, input.dataset, t.config, j.Log); err != nil {
		return end(err)
	}
	ending, err := t.trainAndStore(s, a, resumed, started, loadTime)
	if err != nil {
		return end(err)
	}
	ending.Trials = found.trials()
	return ending
}

// loadState loads what the earlier starts of the run remembered, or begins it.
func (j *Job) loadState(ctx context.Context, r *reporter, started time.Time, c *checkpoints, state *runState) (err error) {
	if j.Config.Train.Resume == config.ResumeNever {
		if err := c.removeAll(ctx); err != nil {
			return err
		}
	}
	if *state, err = loadRunState(ctx, c, started, j.Log); err != nil {
		return err
	}
	if state.Number == 0 {
		r.warn("saving the time of the start", state.save(ctx, c))
	}
	return nil
}
