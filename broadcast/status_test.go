package broadcast

import (
	"testing"
	"time"
)

// nextStatus reads up to the next status frame for which holds returns true.
func (w *watcher) nextStatus(holds func(anyFrame) bool) anyFrame {
	w.t.Helper()
	for {
		frames, err := w.read()
		if err != nil {
			w.t.Fatal(err)
		}
		for _, f := range frames {
			if f.Type == "status" && holds(f) {
				return f
			}
		}
	}
}

func anyStatus(anyFrame) bool { return true }

func TestStatusAtOnceOnAChange(t *testing.T) {
	s := longScript(t, 10)
	// No frame is routine.
	n := startNode(t, s, s.last(), func(c *Config) { c.StatusEvery, c.maxStatusEvery = time.Hour, time.Hour })
	a := newWatcher(t, roundA).join(n)
	b := newWatcher(t, roundB).join(n)
	for _, w := range []*watcher{a, b} {
		if f := w.nextStatus(anyStatus); f.Stale || f.Age != 0 || f.Spectators < 1 {
			t.Errorf("at the start: %s", f.raw)
		}
	}
	waitFor(t, "both are counted", func() bool { return n.hub.Stats().Spectators == 2 })
	changed := time.Now()
	n.hub.SetStale(true, changed.Add(-7*time.Second))
	for _, w := range []*watcher{a, b} {
		if f := w.nextStatus(anyStatus); !f.Stale || f.Age < 7000 || int64(f.Age) > 7000+time.Since(changed).Milliseconds()+1 || f.Spectators != 2 {
			t.Errorf("stale: %s", f.raw)
		}
	}
	late := newWatcher(t, roundA).join(n) // it is told, too
	if f := late.nextStatus(anyStatus); !f.Stale || f.Age < 7000 {
		t.Errorf("a late one: %s", f.raw)
	}
	if late.snapshots != 1 {
		t.Error("the status came before the snapshot")
	}
	n.hub.SetStale(true, time.Now()) // nothing new
	n.hub.SetStale(false, time.Time{})
	for _, w := range []*watcher{a, b, late} {
		if f := w.nextStatus(anyStatus); f.Stale || f.Age != 0 {
			t.Errorf("fresh again: %s", f.raw)
		}
	}
}

func TestStatusInTurn(t *testing.T) {
	s := longScript(t, 10)
	n := startNode(t, s, s.last(), func(c *Config) { c.StatusEvery = 20 * time.Millisecond })
	w := newWatcher(t, roundA).join(n)
	before := int64(0)
	for range 5 {
		f := w.nextStatus(anyStatus)
		if f.Now < before {
			t.Errorf("time went back: %s", f.raw)
		}
		before = f.Now
	}
}

// TestStatusMovesAQuietCursor: the cursor of a quiet round moves with the events of others, and a
// later event of the round is not lost.
func TestStatusMovesAQuietCursor(t *testing.T) {
	s := newScript(t)
	a, b := s.game(roundA, 1), s.game(roundB, 1)
	for range 50 {
		s.move(b)
	}
	quiet := s.last()
	s.move(a)
	n := startNode(t, s, 5, func(c *Config) { c.StatusEvery = 10 * time.Millisecond })
	w := newWatcher(t, roundA).join(n).until(4)
	n.apply(quiet)
	w.until(quiet)
	if len(w.seen) != 0 || w.snapshots != 1 {
		t.Errorf("events %v, %d snapshots", w.seen, w.snapshots)
	}
	w.join(n) // with the index of a status frame
	n.apply(s.last())
	w.until(s.last())
	if len(w.seen) != 1 || w.snapshots != 1 {
		t.Errorf("events %v, %d snapshots", w.seen, w.snapshots)
	}
	w.check(s, s.last())
}
