package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/internal/tune"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// Search is what a run searches before it trains.
type Search struct {
	Space   tune.Space
	Environ []string // of the run, in the form of os.Environ

	stored []byte // tune.json; nil: this start has stored none
}

// write writes tune.json: what this start has stored, or, where an earlier one had
// finished the run, what that did. A search that has not come to its end writes
// nothing.
func (s *Search) write(ctx context.Context, w io.Writer, results ResultStore, code int) error {
	content := s.stored
	if content == nil && code == ExitDone {
		earlier, err := results.Read(ctx, trialsName)
		if errors.Is(err, fs.ErrNotExist) { // a stop from Kafka
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", trialsName, err)
		}
		if state, err := tune.ParseState(earlier); err == nil && maps.Equal(state.Origin.Ranges, s.Space.Ranges()) {
			content = earlier
		}
	}
	_, err := w.Write(content)
	return err
}

// The files of a search: its state, which lies among the checkpoints until the run
// has finished and beside the model then, and the settings that it chose.
const (
	searchKind    = "tune"
	trialsName    = "tune.json"
	settingsName  = "best.env"
	searchRemedy  = "set that back to go on with its trials, set RESUME=never to search from the start, or give the run another QUEUE_ID"
	searchesOther = "this QUEUE_ID has the trials of another search: %s"
)

// searched is the search of a run; nil: there is none.
type searched struct {
	*Search
	base    config.Config
	state   *tune.State
	configs []config.Config // by trial
	chosen  *config.Config  // nil: none is yet
	saves   int             // number of the newest state in the store
	seconds float64         // of this start
}

// findSearch draws the trials, and finds what earlier starts have come to.
func (j *Job) findSearch(ctx context.Context, c *checkpoints) (*searched, error) {
	if j.Search == nil {
		return nil, nil
	}
	f := &searched{Search: j.Search, base: j.Config}
	trials := f.Space.Draw(j.Config.Tune.Trials, uint64(j.Config.Train.Seed), j.Config.Own(f.Space.Variables()), func(s tune.Settings) (tune.Settings, bool) {
		return config.Configuration(f.Environ, s)
	})
	if len(trials) == 0 {
		return nil, fault.Input("no configuration of the searched ranges can be trained").Fix("search values that go together: `gnn-trainer env` says what each variable takes")
	}
	if len(trials) < j.Config.Tune.Trials {
		j.Log.Info().Int("trials", len(trials)).Int("wanted", j.Config.Tune.Trials).Msg("the searched ranges hold no more configurations")
	}
	origin := tune.Origin{Settings: j.Config.Settings(), Ranges: f.Space.Ranges()}
	for _, name := range f.Space.Variables() {
		delete(origin.Settings, name)
	}
	var epochs []int
	for _, settings := range trials {
		with, err := config.Load(settings.Environ(f.Environ))
		if err != nil {
			return nil, fault.Internal("an accepted configuration is wrong: %w", err)
		}
		epochs = append(epochs, with.Train.Epochs)
	}
	f.state = tune.NewState(origin, trials, epochs)
	if j.Config.Train.Resume != config.ResumeNever {
		if err := f.takeEarlier(ctx, j, c); err != nil {
			return nil, err
		}
	}
	return f, f.settle()
}

// settle makes the trials' configurations, and the chosen one where the search is
// over.
func (f *searched) settle() error {
	f.configs = nil
	for _, trial := range f.state.Trials {
		with, err := config.Load(f.settingsOf(trial).Environ(f.Environ))
		if err != nil {
			return fault.Internal("an accepted configuration is wrong: %w", err)
		}
		f.configs = append(f.configs, with)
	}
	if err := f.state.Choose(); err != nil {
		return err
	}
	if f.state.Chosen > 0 {
		f.chosen = &f.configs[f.state.Chosen-1]
	}
	return nil
}

// settingsOf are a trial's settings and those that all have.
func (f *searched) settingsOf(trial tune.Trial) tune.Settings {
	all := tune.Settings{}
	for _, some := range []tune.Settings{trial.Settings, f.state.Fixed} {
		for name, value := range some {
			all[name] = value
		}
	}
	return all
}

// takeEarlier goes on from the state of an earlier start.
func (f *searched) takeEarlier(ctx context.Context, j *Job, c *checkpoints) error {
	for _, info := range slices.Backward(c.ofKind(searchKind)) {
		content, err := c.store.ReadCheckpoint(ctx, info)
		var old *tune.State
		if err == nil {
			_, _ = fmt.Sscanf(info.Name, searchKind+"-%d", &f.saves) // ours are so named
			old, err = tune.ParseState(content)
		}
		switch {
		case errors.Is(err, store.ErrInvalid):
			j.Log.Warn().Err(err).Msg("skipping torn trials of an earlier start")
			continue
		case ctx.Err() != nil, fault.KindOf(err) == fault.ErrTransient:
			return err
		case err != nil:
			return fault.Input(searchesOther, err).Fix(searchRemedy)
		}
		if difference := f.state.Take(old); difference != "" {
			return fault.Input(searchesOther, difference).Fix(searchRemedy)
		}
		done, of := f.state.Trainings()
		j.Log.Info().Int("trainings", done).Int("of", of).Msg("going on with the trials of an earlier start")
		return nil
	}
	// A finished run has no checkpoints.
	if _, err := j.Store.Results.Result(ctx); err != nil {
		if ctx.Err() != nil || fault.KindOf(err) == fault.ErrTransient {
			return err
		}
		return nil
	}
	content, err := j.Store.Results.Read(ctx, trialsName)
	if err != nil {
		return nil // it was trained without a search
	}
	if old, err := tune.ParseState(content); err == nil {
		if difference := f.state.Take(old); difference != "" {
			j.Log.Warn().Msg("this QUEUE_ID has a result of another search, which is replaced when this run is stored: " + difference)
		}
	}
	return nil
}

// over tells whether nothing is left to search.
func (f *searched) over() bool { return f == nil || f.chosen != nil }

// config is the configuration to load data by and, once the search is over, to
// train.
func (f *searched) config(without config.Config) config.Config {
	if f == nil || f.chosen == nil {
		return without
	}
	return *f.chosen
}

// rebuilds tells whether trials are of other datasets than the run without a search.
func (f *searched) rebuilds() bool {
	return !f.over() && slices.ContainsFunc(f.configs, func(c config.Config) bool { return !reflect.DeepEqual(c.Data, f.base.Data) })
}

// widen is a source that gives what every trial needs.
func (f *searched) widen(c source.Config) source.Config {
	if f.over() {
		return c
	}
	c.Columns = slices.Clone(c.Columns)
	for _, with := range f.configs {
		for _, column := range with.Source.Columns {
			if !slices.Contains(c.Columns, column) {
				c.Columns = append(c.Columns, column)
			}
		}
	}
	return c
}

// search trains trials until one is chosen, whose configuration and data the
// trainer then has. It ends with the cause of ctx where that ends.
func (j *Job) search(ctx context.Context, t *trainer, l *loader, f *searched) error {
	t.searched = f
	if f.over() {
		t.reporter.metrics.Search(1)
		return nil
	}
	t.reporter.enter(metrics.Searching, kafka.Text{Russian: "Подбор параметров", English: "Searching settings"})
	if err := f.prepare(j, t, l); err != nil {
		return err
	}
	begin := time.Now()
	for !f.over() {
		trial, rung, _ := f.state.Next()
		f.report(t, trial, rung)
		run, metric, err := t.try(ctx, f, l, trial, rung)
		if err != nil {
			return err
		}
		f.state.Metric = metric
		f.state.Add(trial, run)
		if err := f.state.Choose(); err != nil {
			return err
		}
		if f.state.Chosen > 0 {
			f.chosen = &f.configs[f.state.Chosen-1]
		}
		t.reporter.warn("saving the trials", f.save(ctx, t.checkpoints))
		f.log(t, trial, rung)
	}
	f.seconds = time.Since(begin).Seconds()
	t.config = *f.chosen
	if !reflect.DeepEqual(f.chosen.Data, l.config.Data) {
		l.config, l.keepMarket = *f.chosen, false
		d, found, err := l.buildAudited(l.market)
		if err != nil {
			return err
		}
		l.market = nil
		t.loaded = loadedOf(d)
		t.loaded.report, t.loaded.audit = l.report, found
	}
	return nil
}

// prepare checks that every trial can be trained on the data that were loaded.
func (f *searched) prepare(j *Job, t *trainer, l *loader) error {
	d := t.loaded.dataset
	if sum := t.loaded.fingerprint(); f.state.Origin.Data == "" {
		f.state.Origin.Data = sum
	} else if f.state.Origin.Data != sum {
		return fault.Input(searchesOther, "the data are others").Fix(searchRemedy)
	}
	if f.rebuilds() {
		switch {
		case l.market == nil:
			return fault.Input("settings of the graph are searched, and the graph is a prepared one").Fix("search variables of the model and the training alone")
		case d.NumFolds() > 1:
			return fault.Input("settings of the graph are searched in FOLDS=%d, whose windows they move", d.NumFolds()).At("FOLDS").
				Fix("unset FOLDS, or search variables of the model and the training alone")
		case f.state.Fixed == nil && f.base.Data.TrainEnd.IsZero():
			// Or a snapshot that validates one trial would test another.
			at := func(split data.Split) string { return rfc3339(d.OpenTimes()[d.Snapshots(split)[0]]) }
			f.state.Fixed = tune.Settings{"TRAIN_END": at(data.Valid), "VALID_END": at(data.Test), "TRAIN_FRACTION": "", "VALID_FRACTION": ""}
			if err := f.settle(); err != nil {
				return err
			}
		}
	}
	size := sizeOf(d)
	for i, with := range f.configs {
		err := (&Job{Config: with, Machine: j.Machine, Log: j.Log}).checkMemory(size, t.device, false)
		if err == nil && l.market != nil {
			err = with.Data.CheckBars(l.market.Bars)
		}
		if err != nil {
			return fault.Wrap("trial %d (%s): %w", i+1, named(f.state.Trials[i].Settings), err)
		}
	}
	return nil
}

// save stores the state, the newest of which the next start goes on from.
func (f *searched) save(ctx context.Context, c *checkpoints) error {
	content, err := f.state.JSON()
	if err != nil {
		return err
	}
	f.saves++
	return c.put(context.WithoutCancel(ctx), searchKind, fmt.Sprintf("%s-%09d.json", searchKind, f.saves), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// put stores the trials and the chosen settings beside the model.
func (f *searched) put(ctx context.Context, a *artefacts) error {
	if f == nil {
		return nil
	}
	content, err := f.state.JSON()
	if err != nil {
		return err
	}
	if err := a.putBytes(ctx, trialsName, content); err != nil {
		return err
	}
	f.stored = content
	return a.putBytes(ctx, settingsName, f.settingsOf(f.state.Trials[f.state.Chosen-1]).File())
}

// tuning is what metrics.json has of the search.
func (f *searched) tuning() *result.Tuning {
	if f == nil {
		return nil
	}
	trial := f.state.Trials[f.state.Chosen-1]
	done, _ := f.state.Trainings()
	return &result.Tuning{
		Ranges: f.Space.Ranges(), Trials: len(f.state.Trials), Trainings: done, Chosen: f.settingsOf(trial),
		Metric: f.state.Metric, Value: trial.Runs[len(trial.Runs)-1].Value,
	}
}

// took is how many seconds this start of the run has searched.
func (f *searched) took() float64 {
	if f == nil {
		return 0
	}
	return f.seconds
}

// trials are the state of the search; nil: there is none.
func (f *searched) trials() *tune.State {
	if f == nil {
		return nil
	}
	return f.state
}

// newSearch reads what environ, of which c is the configuration, searches.
func newSearch(c config.Config, environ []string) (*Search, error) {
	space, err := c.Space(environ)
	if err != nil {
		return nil, err
	}
	return &Search{Space: space, Environ: environ}, nil
}
