package data

import (
	"math"
	"testing"
	"time"
)

// settling is a market of one symbol whose rate at each of its funding times is
// the time's number since 1970, in millionths, as it is known at the bars' closes.
func settling(interval, period, offset time.Duration, bars int) *Market {
	m := walk(3, 2, bars)
	m.Interval, m.Start = interval, 1_704_067_200_000+offset.Milliseconds()
	rates := NewSeries(2, bars)
	for t := range bars {
		rates[0][t] = float64((m.OpenTime(t)+interval.Milliseconds()-1)/period.Milliseconds()) * 1e-6
	}
	m.Optional = map[Column][][]float64{FundingRate: rates}
	return m
}

func TestFundingIsWhatSettlesWhileAPositionIsHeld(t *testing.T) {
	for name, c := range map[string]struct {
		interval, period, offset time.Duration
		horizon                  int
	}{
		"hours":                     {time.Hour, 8 * time.Hour, 0, 1},
		"hours, held for 12":        {time.Hour, 8 * time.Hour, 0, 12},
		"5 minutes":                 {5 * time.Minute, 8 * time.Hour, 0, 6},
		"4 hours":                   {4 * time.Hour, 4 * time.Hour, 0, 3},
		"settled every hour":        {15 * time.Minute, time.Hour, 0, 5},
		"settled within bars":       {time.Hour, 8 * time.Hour, 30 * time.Minute, 9},
		"a bar that opens half way": {4 * time.Hour, 8 * time.Hour, 2 * time.Hour, 1},
	} {
		m := settling(c.interval, c.period, c.offset, 400)
		got := newFunding(m, c.horizon)
		paying := 0
		for bar := range m.Bars - c.horizon - 2 {
			set := m.OpenTime(bar + 1)
			end, want := set+int64(c.horizon)*c.interval.Milliseconds(), 0.0
			for at := m.Start; at <= end; at += time.Minute.Milliseconds() {
				if at > set && at%c.period.Milliseconds() == 0 {
					want += float64(at/c.period.Milliseconds()) * 1e-6
				}
			}
			if want != 0 {
				paying++
			}
			if math.Abs(float64(got[2*bar])-want) > 1e-6*math.Max(want, 0.01) {
				t.Fatalf("%s: bar %d pays %v, want %v", name, bar, got[2*bar], want)
			}
			if got[2*bar+1] != 0 {
				t.Fatalf("%s: the symbol without rates pays %v", name, got[2*bar+1])
			}
		}
		if paying == 0 {
			t.Errorf("%s: nothing is ever paid", name)
		}
	}
}

func TestADayPaysItsLastRateAtEachSettlement(t *testing.T) {
	m := settling(24*time.Hour, 8*time.Hour, 0, 30)
	got := newFunding(m, 1)
	rates := m.Optional[FundingRate][0]
	for bar := range m.Bars - 3 {
		// At 8 and 16 o'clock of the next day, and as the one after it opens.
		if want := 2*rates[bar+1] + rates[bar+2]; math.Abs(float64(got[2*bar])-want) > 1e-6*want {
			t.Fatalf("bar %d pays %v, want %v", bar, got[2*bar], want)
		}
	}
}

func TestRatesThatChangeAtAnyTimeSettleEvery8Hours(t *testing.T) {
	m := settling(5*time.Minute, 25*time.Minute, 0, 300)
	if period := fundingPeriod(m.Axis(), m.Optional[FundingRate][0]); period != (8 * time.Hour).Milliseconds() {
		t.Errorf("every %v", time.Duration(period)*time.Millisecond)
	}
	constant := make([]float64, 300)
	if period := fundingPeriod(m.Axis(), constant); period != (8 * time.Hour).Milliseconds() {
		t.Errorf("a rate that never changes: every %v", time.Duration(period)*time.Millisecond)
	}
}

func TestFundingFollowsTheSnapshots(t *testing.T) {
	m := randomMarket(newRand(41), 9, 400)
	rates := NewSeries(9, m.Bars)
	for i := range rates {
		for bar := range rates[i] {
			rates[i][bar] = float64((m.OpenTime(bar)+m.Interval.Milliseconds()-1)/(8*time.Hour).Milliseconds()%97) * 1e-5
		}
	}
	m.Optional[FundingRate] = rates
	whole := newFunding(m, 1)
	d := mustBuild(t, m, defaultConfig())
	compared := 0
	for s := range d.Len() {
		bar := int((d.openTime[s] - m.Start) / m.Interval.Milliseconds())
		for i, got := range d.Targets.Funding(s) {
			if want := whole[bar*9+i]; got != want {
				t.Fatalf("snapshot %d of bar %d: %v, want %v", s, bar, got, want)
			}
			if got != 0 {
				compared++
			}
		}
	}
	if compared == 0 {
		t.Error("nothing is paid")
	}
	delete(m.Optional, FundingRate)
	if mustBuild(t, m, defaultConfig()).Targets.Funding(0) != nil {
		t.Error("a market without rates has funding")
	}
}
