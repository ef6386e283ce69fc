package store

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"unsafe"
)

// simDisk is a folder on a simulated disk under a simulated system. Writes that are not synced are
// in the system's memory. After a power failure each sector, name and size is as before or as in
// one of the writes since.
type simDisk struct {
	r     *rand.Rand
	names map[string]*simFile
	saved map[string]*simFile // durable
	ops   []func(map[string]*simFile)

	// left is how many operations are done before the crash; negative: no crash. life counts the
	// crashes, by which open files are known to be closed.
	left int
	dead bool
	life int
	// failSync makes the next sync of a file fail, and the system take for
	// written what it has not written.
	failSync bool
	syncs    int // of files
	writes   int
}

type simFile struct {
	data    []byte           // what the system shows
	saved   []byte           // what is on the disk
	pending map[int][][]byte // by sector: what was written since
	sizes   []int            // since
}

var (
	errCrashed = errors.New("the machine has crashed")
	errSync    = errors.New("the disk has failed")

	errUnaligned = errors.New("not whole pages")
)

func newSimDisk(r *rand.Rand) *simDisk {
	return &simDisk{r: r, names: map[string]*simFile{}, saved: map[string]*simFile{}, left: -1}
}

// openLog opens the log on d, with segments that are made before what needs
// them goes on, so that a seed says what happens.
func (d *simDisk) openLog(o LogOptions) (*Log, error) {
	return openLog(d, "log", o, func(f func()) { f() })
}

// tick is called before each operation that changes the disk. If it reports a
// crash the operation may still be done in part.
func (d *simDisk) tick() error {
	if d.left == 0 {
		d.dead = true
	}
	if d.dead {
		return errCrashed
	}
	d.left--
	return nil
}

// restart is what follows after the process was killed, or if power is set
// the machine has lost its power. It may do so at any time.
func (d *simDisk) restart(power bool) {
	d.life++
	d.dead, d.left, d.failSync = false, -1, false
	if !power {
		return
	}
	// Names: some of what was done, in order, or each thing or not.
	names := maps.Clone(d.saved)
	cut, some := d.r.IntN(len(d.ops)+1), d.r.IntN(2) == 0
	for i, op := range d.ops {
		if some && d.r.IntN(2) == 0 || !some && i < cut {
			op(names)
		}
	}
	unit := []int{sector, 4096}[d.r.IntN(2)]
	mode := d.r.IntN(4)
	files := map[*simFile]bool{}
	for _, f := range names {
		if !files[f] {
			files[f] = true
			f.powerFailure(d.r, unit, mode)
		}
	}
	d.names, d.saved, d.ops = names, maps.Clone(names), nil
}

func (f *simFile) powerFailure(r *rand.Rand, unit, mode int) {
	sizes := append(f.sizes, len(f.saved))
	size := sizes[r.IntN(len(sizes))]
	now := append([]byte(nil), f.saved...)
	if size > len(now) {
		now = append(now, make([]byte, size-len(now))...)
	}
	now = now[:size]
	written := map[int]bool{} // by unit
	sectors := slices.Sorted(maps.Keys(f.pending))
	for _, s := range sectors {
		u := s * sector / unit
		if _, ok := written[u]; !ok {
			written[u] = mode == 0 || mode > 1 && r.IntN(2) == 0 // all, none, or some
		}
		if !written[u] || s*sector >= size {
			continue
		}
		versions := f.pending[s]
		v := versions[len(versions)-1]
		if unit == sector {
			v = versions[r.IntN(len(versions))]
		}
		copy(now[s*sector:], v)
	}
	f.data, f.saved = now, append([]byte(nil), now...)
	f.pending, f.sizes = nil, nil
}

func (d *simDisk) change(op func(map[string]*simFile)) {
	op(d.names)
	d.ops = append(d.ops, op)
}

func (d *simDisk) path(name string) string { return "log/" + name }

func (d *simDisk) list() ([]string, error) { return slices.Sorted(maps.Keys(d.names)), nil }

func (d *simDisk) create(name string) (file, error) {
	if err := d.tick(); err != nil {
		return nil, err
	}
	f := &simFile{}
	d.change(func(names map[string]*simFile) { names[name] = f })
	return &simHandle{d, f, d.life}, nil
}

func (d *simDisk) open(name string) (file, error) {
	f := d.names[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return &simHandle{d, f, d.life}, nil
}

func (d *simDisk) rename(from, to string) error {
	if err := d.tick(); err != nil {
		return err
	}
	f := d.names[from]
	if f == nil {
		return fs.ErrNotExist
	}
	d.change(func(names map[string]*simFile) {
		if names[from] == f {
			delete(names, from)
		}
		names[to] = f
	})
	return nil
}

func (d *simDisk) remove(name string) error {
	if err := d.tick(); err != nil {
		return err
	}
	if d.names[name] == nil {
		return fs.ErrNotExist
	}
	d.change(func(names map[string]*simFile) { delete(names, name) })
	return nil
}

func (d *simDisk) sync() error {
	if err := d.tick(); err != nil {
		return err
	}
	d.saved, d.ops = maps.Clone(d.names), nil
	return nil
}

func (d *simDisk) Close() error { return nil }

// files is what a restart would find.
func (d *simDisk) files() map[string][]byte {
	all := map[string][]byte{}
	for name, f := range d.names {
		all[name] = append([]byte(nil), f.data...)
	}
	return all
}

// simDiskOf holds files, durably.
func simDiskOf(files map[string][]byte) *simDisk {
	d := newSimDisk(nil)
	for name, data := range files {
		f := &simFile{data: bytes.Clone(data), saved: bytes.Clone(data)}
		d.names[name], d.saved[name] = f, f
	}
	return d
}

// simHandle is an open file.
type simHandle struct {
	d    *simDisk
	f    *simFile
	life int
}

func (h *simHandle) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(h.f.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.f.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// write is a write and an fsync, between which the machine may crash.
func (h *simHandle) write(pages []byte, at int64) error {
	if uintptr(unsafe.Pointer(unsafe.SliceData(pages)))%page != 0 || at%page != 0 ||
		len(pages)%page != 0 && int(at)+len(pages) != len(h.f.data) {
		return errUnaligned
	}
	if _, err := h.WriteAt(pages, at); err != nil {
		return err
	}
	return h.sync()
}

func (h *simHandle) WriteAt(b []byte, at int64) (int, error) {
	crash := h.d.tick()
	if crash != nil {
		if h.d.left != 0 || h.life != h.d.life {
			return 0, crash
		}
		h.d.left = -1 // a write is done in part once
		n := h.d.r.IntN(len(b) + 1)
		if n < len(b) { // up to the end of a page
			n -= min(n, (int(at)+n)%4096)
		}
		b = b[:n]
	}
	h.d.writes++
	f := h.f
	if end := int(at) + len(b); end > len(f.data) {
		f.data = append(f.data, make([]byte, end-len(f.data))...)
		f.sizes = append(f.sizes, end)
	}
	copy(f.data[at:], b)
	if f.pending == nil {
		f.pending = map[int][][]byte{}
	}
	for s := int(at) / sector; s*sector < int(at)+len(b); s++ {
		now := append([]byte(nil), f.data[s*sector:min(len(f.data), (s+1)*sector)]...)
		f.pending[s] = append(f.pending[s], now)
	}
	return len(b), crash
}

func (h *simHandle) sync() error {
	if err := h.d.tick(); err != nil {
		return err
	}
	h.d.syncs++
	f := h.f
	if h.d.failSync {
		h.d.failSync = false
		f.pending, f.sizes = nil, nil
		return errSync
	}
	if n := len(f.data) - len(f.saved); n > 0 {
		f.saved = append(f.saved, make([]byte, n)...)
	}
	for s := range f.pending {
		copy(f.saved[s*sector:min(len(f.saved), (s+1)*sector)], f.data[s*sector:])
	}
	f.pending, f.sizes = nil, nil
	return nil
}

func (h *simHandle) size() (int64, error) { return int64(len(h.f.data)), nil }

func (h *simHandle) Close() error { return nil }
