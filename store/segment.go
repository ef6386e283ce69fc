package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A segment is one file of the log, of a fixed size. It begins with
//
//	magic    7 bytes, segmentMagic
//	version  1 byte
//	number   8 bytes, big endian: its place among the segments, as in its name
//	size     8 bytes: of the file
//	salt     8 bytes: random
//	crc      4 bytes: of all these
//
// and zeros up to segmentHeader. Then come batches, and then zeros.
//
// A segment has its full size, filled with zeros, before it is used. So a durable write has no
// metadata to write, which is half the time. It is made when the one before is half full, beside
// the writes. A segment whose entries are all compacted is used again, with a new name and salt and
// filled with zeros. So the files have the size of the entries and of three more segments.
//
// 8 MiB are enough for 50,000 moves, and few enough that a new node soon has its first segment.
const (
	segmentMagic   = "chesslg"
	segmentVersion = 1
	segmentFields  = 36
	// segmentHeader is a page, so that no batch writes it again.
	segmentHeader = page
	// maxSegment is enough for maxBatch.
	maxSegment    = segmentHeader + maxBatch
	segmentSuffix = ".seg"
	// fillStep is how much of a segment one write fills with zeros. So the batches that are written
	// meanwhile do not wait long.
	fillStep = 2 << 20
)

// segment is an open segment.
type segment struct {
	f      file
	name   string
	number uint64
	size   int64
	salt   uint32
	end    int64 // of its last batch. Owned by the writer.

	// The entries [first, first+len(offs)) are in the log and in this segment, at these offsets.
	// Guarded by the log's mu. As with tail's slices, the content of offs does not change.
	first uint64
	offs  []uint32
}

func (s *segment) next() uint64 { return s.first + uint64(len(s.offs)) }

// add notes the offset of entry index, which is s.next() if s has entries.
func (s *segment) add(index uint64, at int64) {
	if len(s.offs) == 0 {
		s.first = index
	}
	s.offs = append(s.offs, uint32(at))
}

// truncate forgets the entries from index on.
func (s *segment) truncate(index uint64) {
	switch {
	case len(s.offs) == 0:
	case index <= s.first:
		s.offs = nil
	case index < s.next():
		n := index - s.first
		// The next add must not write where readers still look.
		s.offs = s.offs[:n:n]
	}
}

func segmentName(number uint64) string { return fmt.Sprintf("%010d%s", number, segmentSuffix) }

// segmentNumber is the inverse of segmentName.
func segmentNumber(name string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimSuffix(name, segmentSuffix), 10, 64)
	return n, err == nil && n > 0 && name == segmentName(n)
}

// makeSegment makes segment number with size bytes. If old is not nil, it uses old's file, which
// has that size and is not in use. Until the segment is complete and durable it has a temporary
// name.
func makeSegment(dir folder, old *segment, number uint64, size int64) (_ *segment, err error) {
	s := &segment{name: segmentName(number), number: number, size: size, end: segmentHeader}
	temp := s.name + tempMark + "new"
	if old != nil {
		// A crash must not find old's name with other content.
		if err := errors.Join(dir.rename(old.name, temp), dir.sync()); err != nil {
			return nil, errors.Join(err, old.f.Close())
		}
		s.f = old.f
	} else if s.f, err = dir.create(temp); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.f.Close())
			_ = dir.remove(temp)
		}
	}()
	header := newPages(segmentHeader)
	b := append(header[:0], segmentMagic...)
	b = append(b, segmentVersion)
	b = binary.BigEndian.AppendUint64(b, number)
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails, see crypto/rand
	b = append(b, salt[:]...)
	s.salt = checksum(nil, b)
	binary.BigEndian.AppendUint32(b, s.salt)
	if err := s.f.write(header, 0); err != nil {
		return nil, err
	}
	for at := int64(segmentHeader); at < size; at += fillStep {
		if err := s.f.write(zeroPages[:min(fillStep, size-at)], at); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(dir.rename(temp, s.name), dir.sync()); err != nil {
		return nil, err
	}
	f, err := dir.open(s.name) // for the writes, whose errors then say this name
	if err != nil {
		return nil, err
	}
	if err, s.f = s.f.Close(), f; err != nil {
		return nil, err
	}
	return s, nil
}

var zeroPages = newPages(fillStep)

// overwrite writes b at offset at of the segment, durably. The rest of its pages stays.
func (s *segment) overwrite(b []byte, at int64) error {
	from := at / page * page
	pages := newPages(at + int64(len(b)) - from)
	pages = pages[:min(int64(len(pages)), s.size-from)]
	if _, err := s.f.ReadAt(pages, from); err != nil {
		return err
	}
	copy(pages[at-from:], b)
	return s.f.write(pages, from)
}

// openSegment opens the segment called name and checks its header.
func openSegment(dir folder, name string) (_ *segment, err error) {
	f, err := dir.open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	number, _ := segmentNumber(name)
	s := &segment{f: f, name: name, number: number, size: size, end: segmentHeader}
	if size < segmentHeader {
		return nil, damaged(dir.path(name), "cut short: it has %d bytes", size)
	}
	b := make([]byte, segmentHeader)
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir.path(name), err)
	}
	s.salt = checksum(nil, b[:segmentFields-4])
	switch {
	case string(b[:len(segmentMagic)]) != segmentMagic:
		return nil, damaged(dir.path(name), "it does not begin with the header of a log segment")
	case s.salt != binary.BigEndian.Uint32(b[segmentFields-4:]), !allZero(b[segmentFields:]):
		return nil, damaged(dir.path(name), "its header has a %v", errRecord)
	case b[len(segmentMagic)] != segmentVersion:
		return nil, fmt.Errorf("%s has format version %d, this program knows version %d", dir.path(name), b[len(segmentMagic)], segmentVersion)
	case binary.BigEndian.Uint64(b[8:]) != number:
		return nil, damaged(dir.path(name), "it is segment %d", binary.BigEndian.Uint64(b[8:]))
	case binary.BigEndian.Uint64(b[16:]) != uint64(size) || size > maxSegment:
		return nil, damaged(dir.path(name), "it has %d bytes, and should have %d", size, binary.BigEndian.Uint64(b[16:]))
	}
	return s, nil
}

// listSegments returns the numbers of the segments in dir, in order, and the files that were being
// made.
func listSegments(dir folder) (numbers []uint64, temps []string, err error) {
	names, err := dir.list()
	for _, name := range names {
		if n, ok := segmentNumber(name); ok {
			numbers = append(numbers, n)
		} else if strings.Contains(name, tempMark) {
			temps = append(temps, name)
		}
	}
	slices.Sort(numbers)
	return numbers, temps, err
}
