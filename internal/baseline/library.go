package baseline

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"
)

// libraryName is that of LightGBM's C library, which the dynamic linker finds
// beside the program's own libraries, in LD_LIBRARY_PATH or in the system's.
const libraryName = "lib_lightgbm.so"

// Library is LightGBM's C interface, opened at run time: nothing is linked, and a
// program without it lacks one baseline. It shares libtorch's OpenMP, which is
// loaded first and has the same name.
type Library struct {
	lastError     func() string
	createDataset func(x unsafe.Pointer, kind, rows, columns, rowMajor int32, parameters string, reference uintptr, out *uintptr) int32
	setField      func(dataset uintptr, name string, values unsafe.Pointer, count, kind int32) int32
	freeDataset   func(dataset uintptr) int32
	createBooster func(dataset uintptr, parameters string, out *uintptr) int32
	grow          func(booster uintptr, finished *int32) int32
	predict       func(booster uintptr, x unsafe.Pointer, kind, rows, columns, rowMajor, what, from, count int32, parameters string, length *int64, out *float64) int32
	freeBooster   func(booster uintptr) int32
}

// The C interface's numbers for what is used of it.
const (
	float32Kind = 0 // C_API_DTYPE_FLOAT32
	rowMajor    = 1
	rawScore    = 0 // C_API_PREDICT_NORMAL; of a regression that is the raw score
)

// OpenLibrary opens LightGBM's C library of a path, or the one that the dynamic
// linker finds where that is empty. It stays open: its threads outlive a call.
func OpenLibrary(path string) (*Library, error) {
	if path == "" {
		path = libraryName
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("opening LightGBM: %w", err)
	}
	l := &Library{}
	for name, function := range map[string]any{
		"LGBM_GetLastError": &l.lastError, "LGBM_DatasetCreateFromMat": &l.createDataset, "LGBM_DatasetSetField": &l.setField,
		"LGBM_DatasetFree": &l.freeDataset, "LGBM_BoosterCreate": &l.createBooster, "LGBM_BoosterUpdateOneIter": &l.grow,
		"LGBM_BoosterPredictForMat": &l.predict, "LGBM_BoosterFree": &l.freeBooster,
	} {
		at, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("opening LightGBM: %w", err)
		}
		purego.RegisterFunc(function, at)
	}
	return l, nil
}

// call makes a call and reads its error on the thread that made it: the last
// error is the thread's own. The functions themselves let no exception out.
func (l *Library) call(doing string, f func() int32) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if f() != 0 {
		return fmt.Errorf("%s: LightGBM: %s", doing, l.lastError())
	}
	return nil
}

// liveHandles counts what was made and is not freed.
var liveHandles atomic.Int64

// booster is a model of trees with the rows that it learns from.
type booster struct {
	library          *Library
	features         int
	dataset, boosted uintptr
}

// newBooster takes copies of rows x [R, F] and y [R]. The caller closes it.
func (l *Library) newBooster(x, y []float32, parameters string) (b *booster, err error) {
	b = &booster{library: l, features: len(x) / len(y)}
	defer func() {
		if err != nil {
			b.close()
			b = nil
		}
	}()
	err = l.call("reading the rows", func() int32 {
		return l.createDataset(unsafe.Pointer(&x[0]), float32Kind, int32(len(y)), int32(b.features), rowMajor, parameters, 0, &b.dataset)
	})
	if err != nil {
		return b, err
	}
	liveHandles.Add(1)
	err = l.call("reading the targets", func() int32 {
		return l.setField(b.dataset, "label", unsafe.Pointer(&y[0]), int32(len(y)), float32Kind)
	})
	if err != nil {
		return b, err
	}
	if err = l.call("beginning the trees", func() int32 { return l.createBooster(b.dataset, parameters, &b.boosted) }); err == nil {
		liveHandles.Add(1)
	}
	return b, err
}

// grow adds a tree. It reports whether none can be split any more.
func (b *booster) grow() (finished bool, err error) {
	done := int32(0)
	err = b.library.call("growing a tree", func() int32 { return b.library.grow(b.boosted, &done) })
	return done != 0, err
}

// predict fills the scores [R] of rows x [R, F].
func (b *booster) predict(x []float32, scores []float64, parameters string) error {
	if len(scores) == 0 {
		return nil
	}
	length := int64(0)
	err := b.library.call("predicting", func() int32 {
		return b.library.predict(b.boosted, unsafe.Pointer(&x[0]), float32Kind, int32(len(scores)), int32(b.features), rowMajor, rawScore, 0, -1, parameters, &length, &scores[0])
	})
	if err == nil && length != int64(len(scores)) {
		err = fmt.Errorf("predicting: LightGBM gives %d scores of %d rows", length, len(scores))
	}
	return err
}

// close frees what the booster holds; it may be called twice. Freeing does not
// fail.
func (b *booster) close() {
	if b.boosted != 0 {
		_ = b.library.call("freeing the trees", func() int32 { return b.library.freeBooster(b.boosted) })
		b.boosted = 0
		liveHandles.Add(-1)
	}
	if b.dataset != 0 {
		_ = b.library.call("freeing the rows", func() int32 { return b.library.freeDataset(b.dataset) })
		b.dataset = 0
		liveHandles.Add(-1)
	}
}
