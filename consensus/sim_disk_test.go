package consensus

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// simDisk is the disk of one simulated node, and outlives the node. image is what was synced, which
// is all that a restart finds. A write takes time. A crash keeps the present write wholly or not at
// all.
//
// The boards are a real bbolt file beside it. The disk only delays their checkpoints, and may lose
// the present one at a crash.
type simDisk struct {
	owner *simNode
	check *checker

	mu       sync.Mutex
	logRng   *rand.Rand
	boardRng *rand.Rand
	image    logImage
	survivor func()        // what a failed write has left, which a restart finds on disk
	boardsAt uint64        // the index of the boards file
	fsync    time.Duration // about how long a write takes
	stall    time.Duration // of the next write, added to that
	hiccup   float64       // chance of a write that takes twenty times as long
	failNext bool          // the next write fails
	failed   bool          // one has failed: all further writes fail
	forgets  bool          // a crash always loses boards that are being written
	down     chan struct{} // closed at a crash
}

// logImage is the content of a log file.
type logImage struct {
	hard      raftpb.HardState
	compacted uint64
	term      uint64         // of the entry at compacted
	entries   []raftpb.Entry // from compacted+1 on
}

func (i *logImage) last() uint64 { return i.compacted + uint64(len(i.entries)) }

// at returns the entry at index, nil if it is compacted or missing.
func (i *logImage) at(index uint64) *raftpb.Entry {
	if index <= i.compacted || index > i.last() {
		return nil
	}
	return &i.entries[index-i.compacted-1]
}

// contains reports whether the log has, or had before it was compacted, the entry at index with
// that term.
func (i *logImage) contains(index, term uint64) bool {
	if index <= i.compacted {
		return index < i.compacted || i.term == term
	}
	e := i.at(index)
	return e != nil && e.Term == term
}

var errDiskFailed = fmt.Errorf("simulated disk: %w", store.ErrFailed)

// latency draws how long the next write takes, and whether it fails. The caller holds mu.
func (d *simDisk) latency(rng *rand.Rand) (time.Duration, bool) {
	t := d.fsync/2 + time.Duration(rng.Int64N(int64(d.fsync)+1000))
	if rng.Float64() < d.hiccup {
		t *= 20
	}
	t += d.stall
	fails := d.failNext
	d.failNext, d.stall = false, 0
	return t, fails
}

// write makes change durable after the time of an fsync. done tells the checker, once the change is
// in the image.
func (d *simDisk) write(change func(*logImage), done func()) error {
	d.mu.Lock()
	if d.failed {
		d.mu.Unlock()
		return errDiskFailed
	}
	down := d.down
	t, fails := d.latency(d.logRng)
	d.mu.Unlock()
	err := d.wait(t, down)
	d.mu.Lock()
	if err == nil && fails {
		err = errDiskFailed
	}
	if err != nil {
		// After a failed fsync, as after a crash, the write may be on disk or not.
		d.failed = true
		if d.logRng.IntN(2) == 0 {
			d.survivor = func() { change(&d.image); done() }
		}
		d.mu.Unlock()
		return err
	}
	change(&d.image)
	d.mu.Unlock()
	done()
	return nil
}

var errDiskDown = errors.New("simulated disk: the machine is down")

func (d *simDisk) wait(t time.Duration, down chan struct{}) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-down:
		return errDiskDown
	}
}

// checkpoint is the seam of that name.
func (d *simDisk) checkpoint(b *store.Boards, c store.Checkpoint) error {
	d.mu.Lock()
	down := d.down
	t, fails := d.latency(d.boardRng)
	d.mu.Unlock()
	err := d.wait(t+300*time.Microsecond, down)
	if err == nil && fails {
		err = errDiskFailed
	}
	d.mu.Lock()
	lost := err != nil && (d.boardRng.IntN(2) == 0 || d.forgets)
	d.mu.Unlock()
	if lost {
		return err
	}
	if failed := b.Checkpoint(c); failed != nil {
		return failed
	}
	d.stand(c.Index)
	d.check.checkpointed(d.owner, c.Index)
	return err
}

// set changes the properties of the disk.
func (d *simDisk) set(fsync time.Duration, hiccup float64, fail bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fsync, d.hiccup, d.failNext = fsync, hiccup, fail
}

// hang makes the next write take that much longer.
func (d *simDisk) hang(stall time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stall = stall
}

// sleep waits, and fails if the machine goes down meanwhile.
func (d *simDisk) sleep(t time.Duration) error {
	d.mu.Lock()
	down := d.down
	d.mu.Unlock()
	return d.wait(t, down)
}

// stand notes the index of the boards file.
func (d *simDisk) stand(index uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boardsAt = index
}

// crash ends a run. The present write fails, and is kept or lost.
func (d *simDisk) crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed = true
	close(d.down)
}

// start makes the disk ready for the next run.
func (d *simDisk) start() {
	d.mu.Lock()
	left := d.survivor
	d.failed, d.failNext, d.down, d.survivor = false, false, make(chan struct{}), nil
	d.mu.Unlock()
	if left != nil {
		left()
	}
}

// openLog is the seam of that name.
func (d *simDisk) openLog(string) (entryLog, error) { return &simLog{d}, nil }

// simLog is the entryLog on a simDisk. It shows what is durable, as entryLog promises. One
// goroutine writes, as in a node.
type simLog struct{ disk *simDisk }

var _ entryLog = (*simLog)(nil)

func (l *simLog) view(f func(*logImage)) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	f(&l.disk.image)
}

func (l *simLog) HardState() (hs raftpb.HardState) {
	l.view(func(i *logImage) { hs = i.hard })
	return hs
}

func (l *simLog) FirstIndex() (first uint64) {
	l.view(func(i *logImage) { first = i.compacted + 1 })
	return first
}

func (l *simLog) LastIndex() (last uint64) {
	l.view(func(i *logImage) { last = i.last() })
	return last
}

func (l *simLog) Term(index uint64) (term uint64, err error) {
	l.view(func(i *logImage) {
		switch {
		case index < i.compacted:
			err = raft.ErrCompacted
		case index > i.last():
			err = raft.ErrUnavailable
		case index == i.compacted:
			term = i.term
		default:
			term = i.at(index).Term
		}
	})
	return term, err
}

func (l *simLog) Entries(lo, hi, maxSize uint64) (out []raftpb.Entry, err error) {
	l.view(func(i *logImage) {
		switch {
		case lo <= i.compacted:
			err = raft.ErrCompacted
		case hi > i.last()+1 || len(i.entries) == 0 || lo > hi:
			err = raft.ErrUnavailable
		default:
			size := uint64(0)
			for _, e := range i.entries[lo-i.compacted-1 : hi-i.compacted-1] {
				if size += uint64(len(e.Data) + 16); size > maxSize && len(out) > 0 {
					return
				}
				out = append(out, e)
			}
		}
	})
	return out, err
}

func (l *simLog) Write(hs raftpb.HardState, entries []raftpb.Entry) error {
	l.disk.mu.Lock()
	last := l.disk.image.last()
	l.disk.mu.Unlock()
	for i, e := range entries {
		if e.Index != entries[0].Index+uint64(i) || entries[0].Index > last+1 {
			return store.ErrGap
		}
	}
	return l.disk.write(func(i *logImage) {
		if !raft.IsEmptyHardState(hs) {
			i.hard = hs
		}
		for len(entries) > 0 && entries[0].Index <= i.compacted {
			entries = entries[1:]
		}
		if len(entries) > 0 {
			// Readers keep slices of the old array.
			i.entries = append(slices.Clip(i.entries[:entries[0].Index-i.compacted-1]), entries...)
		}
	}, func() { l.disk.check.wrote(l.disk.owner, hs, entries) })
}

func (l *simLog) Reset(index, term uint64, hs raftpb.HardState) error {
	return l.disk.write(func(i *logImage) {
		if !raft.IsEmptyHardState(hs) {
			i.hard = hs
		}
		i.compacted, i.term, i.entries = index, term, nil
	}, func() { l.disk.check.compacted(l.disk.owner, index) })
}

func (l *simLog) Compact(index uint64) error {
	term, err := l.Term(index)
	switch {
	case errors.Is(err, raft.ErrCompacted):
		return nil
	case err != nil:
		return err
	}
	return l.disk.write(func(i *logImage) {
		if index > i.compacted {
			i.entries = slices.Clone(i.entries[index-i.compacted:])
			i.compacted, i.term = index, term
		}
	}, func() { l.disk.check.compacted(l.disk.owner, index) })
}

func (l *simLog) Close() error { return nil }
