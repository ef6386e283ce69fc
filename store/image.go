package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// This file reads a bbolt file page by page, without mapping it, and checks all that bbolt takes
// for granted. bbolt follows pointers in the mapped file, on a goroutine of its own when it opens
// one. With a damaged page number it panics or faults where nobody can recover. With a damaged meta
// page it silently falls back to the transaction before the last, and the last may have had a vote.
// A file that has passed is safe to give to bbolt.
//
// The layout of bbolt's format version 2, in the byte order of the host:
//
//	page    id 8, flags 2, count 2, overflow 4, then the elements
//	meta    magic 4, version 4, page size 4, flags 4, root 8, sequence 8,
//	        freelist 8, pages in use 8, transaction 8, FNV-1a of these 8
//	branch  element: offset 4, key size 4, page 8; offset is from the element
//	leaf    element: flags 4, offset 4, key size 4, value size 4
//	bucket  value of a leaf element with flag 1: root 8, sequence 8, and if
//	        root is 0 the one leaf page of the bucket
const (
	pageHeader   = 16
	elementSize  = 16
	bucketHeader = 16
	metaSummed   = 56

	branchPage = 0x01
	leafPage   = 0x02
	bucketFlag = 0x01

	boltMagic   = 0xED0CDAED
	boltVersion = 2
	noFreelist  = 1<<64 - 1

	minPageSize = 1 << 10
	maxPageSize = 1 << 16
	// maxDepth of a tree: with two keys a page, 2^32 pages would not need it.
	maxDepth = 64
)

var host = binary.NativeEndian

// recordFunc gets one record of a bucket. Key and value are valid only during the call.
type recordFunc func(bucket string, key, value []byte) error

// image is a bbolt file that is being checked.
type image struct {
	r        io.ReaderAt
	pageSize uint64
	pages    uint64 // in use, free ones included
	root     uint64
	freelist uint64
	seen     []uint64 // a bit for each page of the tree
	leaf     []byte   // memory for the one leaf page that is being read
	fn       recordFunc
}

// checkImage walks the newest transaction of the bbolt file r, and gives fn every record in the
// order of bucket and key. An error says what is wrong with the file, unless it wraps an error of
// r.
func checkImage(r io.ReaderAt, size int64, fn recordFunc) error {
	im := &image{r: r, fn: fn}
	if err := im.readMeta(size); err != nil {
		return err
	}
	im.seen = make([]uint64, im.pages/64+1)
	return im.walk(im.root, nil, nil, 0, im.bucket)
}

// readMeta reads both meta pages and takes the newer one. Both must be valid. A meta page is
// smaller than a sector, so no crash leaves half of one. An older one must never replace a newer
// one that was lost.
func (im *image) readMeta(size int64) error {
	first := make([]byte, pageHeader+metaSummed+8)
	if _, err := im.r.ReadAt(first, 0); err != nil {
		return short("meta page 0", err)
	}
	tx0, err := im.parseMeta(first[pageHeader:])
	if err != nil {
		return fmt.Errorf("meta page 0: %w", err)
	}
	pageSize, pages, root, freelist := im.pageSize, im.pages, im.root, im.freelist
	if _, err := im.r.ReadAt(first, int64(pageSize)); err != nil {
		return short("meta page 1", err)
	}
	tx1, err := im.parseMeta(first[pageHeader:])
	if err != nil {
		return fmt.Errorf("meta page 1: %w", err)
	}
	if im.pageSize != pageSize {
		return fmt.Errorf("page size is %d and %d", pageSize, im.pageSize)
	}
	if tx0 == tx1 { // the older one was written over the newer one
		return fmt.Errorf("both meta pages are of transaction %d", tx0)
	}
	if tx0 > tx1 {
		im.pages, im.root, im.freelist = pages, root, freelist
	}
	if im.freelist != noFreelist {
		return fmt.Errorf("it has a list of free pages, and this program writes none")
	}
	if have := uint64(size) / pageSize; have < im.pages {
		return fmt.Errorf("cut short: has %d pages, should have %d", have, im.pages)
	}
	return nil
}

// parseMeta takes the fields of one meta page, and returns its transaction.
func (im *image) parseMeta(m []byte) (tx uint64, err error) {
	if host.Uint32(m) != boltMagic {
		return 0, fmt.Errorf("not a bbolt file")
	}
	if v := host.Uint32(m[4:]); v != boltVersion {
		return 0, fmt.Errorf("bbolt version %d, not %d", v, boltVersion)
	}
	sum := fnv.New64a()
	sum.Write(m[:metaSummed])
	if sum.Sum64() != host.Uint64(m[metaSummed:]) {
		return 0, errRecord
	}
	im.pageSize = uint64(host.Uint32(m[8:]))
	if im.pageSize < minPageSize || im.pageSize > maxPageSize || im.pageSize&(im.pageSize-1) != 0 {
		return 0, fmt.Errorf("page size %d", im.pageSize)
	}
	im.root = host.Uint64(m[16:])
	im.freelist = host.Uint64(m[32:])
	im.pages = host.Uint64(m[40:])
	return host.Uint64(m[48:]), nil
}

func short(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: cut short", what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// claim takes the pages [id, id+n) for the tree. Each may be taken once, so the walk round a cycle
// ends.
func (im *image) claim(id, n uint64) error {
	if id < 2 || id >= im.pages || n > im.pages-id {
		return fmt.Errorf("page %d (and %d more): there are %d pages", id, n-1, im.pages)
	}
	for p := id; p < id+n; p++ {
		if im.seen[p/64]&(1<<(p%64)) != 0 {
			return fmt.Errorf("page %d is used twice", p)
		}
		im.seen[p/64] |= 1 << (p % 64)
	}
	return nil
}

// read returns page id with its overflow pages.
func (im *image) read(id uint64) ([]byte, error) {
	if err := im.claim(id, 1); err != nil {
		return nil, err
	}
	var header [pageHeader]byte
	if _, err := im.r.ReadAt(header[:], int64(id*im.pageSize)); err != nil {
		return nil, short(fmt.Sprintf("page %d", id), err)
	}
	if got := host.Uint64(header[:]); got != id {
		return nil, fmt.Errorf("page %d says it is page %d", id, got)
	}
	n := 1 + uint64(host.Uint32(header[12:]))
	if n > 1 {
		if err := im.claim(id+1, n-1); err != nil {
			return nil, fmt.Errorf("page %d: overflow: %w", id, err)
		}
	}
	var buf []byte
	switch flags := host.Uint16(header[8:]); flags {
	case leafPage:
		if uint64(cap(im.leaf)) < n*im.pageSize {
			im.leaf = make([]byte, n*im.pageSize)
		}
		buf = im.leaf[:n*im.pageSize]
	case branchPage:
		buf = make([]byte, n*im.pageSize) // its keys are needed while its children are read
	default:
		return nil, fmt.Errorf("page %d has type %#x", id, flags)
	}
	if _, err := im.r.ReadAt(buf, int64(id*im.pageSize)); err != nil {
		return nil, short(fmt.Sprintf("page %d", id), err)
	}
	return buf, nil
}

// leafFunc gets one element of a leaf page.
type leafFunc func(flags uint32, key, value []byte) error

// walk visits the tree under page id, whose keys must be in [lo, hi). nil is no bound.
func (im *image) walk(id uint64, lo, hi []byte, depth int, fn leafFunc) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d is %d levels deep", id, depth)
	}
	page, err := im.read(id)
	if err != nil {
		return err
	}
	if host.Uint16(page[8:]) == leafPage {
		if err := walkLeaf(page, lo, hi, fn); err != nil {
			return fmt.Errorf("page %d: %w", id, err)
		}
		return nil
	}
	return im.walkBranch(id, page, lo, hi, depth, fn)
}

func (im *image) walkBranch(id uint64, page, lo, hi []byte, depth int, fn leafFunc) error {
	count := int(host.Uint16(page[10:]))
	if count == 0 {
		return fmt.Errorf("page %d is a branch without children", id)
	}
	key := func(i int) ([]byte, error) {
		at := pageHeader + i*elementSize
		if at+elementSize > len(page) {
			return nil, fmt.Errorf("page %d: element %d is outside the page", id, i)
		}
		return part(page, at, host.Uint32(page[at:]), host.Uint32(page[at+4:]))
	}
	here, err := key(0)
	if err != nil {
		return err
	}
	for i := range count {
		if err := inOrder(here, lo, hi); err != nil {
			return fmt.Errorf("page %d: %w", id, err)
		}
		next := hi
		if i+1 < count {
			if next, err = key(i + 1); err != nil {
				return err
			}
			if bytes.Compare(here, next) >= 0 {
				return fmt.Errorf("page %d: keys are out of order", id)
			}
		}
		child := host.Uint64(page[pageHeader+i*elementSize+8:])
		if err := im.walk(child, here, next, depth+1, fn); err != nil {
			return err
		}
		here, lo = next, here
	}
	return nil
}

// walkLeaf visits one leaf page, which may be inside a bucket's value.
func walkLeaf(page, lo, hi []byte, fn leafFunc) error {
	var last []byte
	for i := range int(host.Uint16(page[10:])) {
		at := pageHeader + i*elementSize
		if at+elementSize > len(page) {
			return fmt.Errorf("element %d is outside the page", i)
		}
		e := page[at:]
		kv, err := part(page, at, host.Uint32(e[4:]), host.Uint32(e[8:]))
		if err != nil {
			return err
		}
		key := kv
		if value := host.Uint32(e[12:]); value > 0 {
			start := int(host.Uint32(e[4:])) + len(key)
			if kv, err = part(page, at, uint32(start), value); err != nil {
				return err
			}
		} else {
			kv = nil
		}
		if err := inOrder(key, lo, hi); err != nil {
			return err
		}
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return fmt.Errorf("keys are out of order")
		}
		last = key
		if err := fn(host.Uint32(e), key, kv); err != nil {
			return err
		}
	}
	return nil
}

// part is the n bytes at offset from position at, if they are in page.
func part(page []byte, at int, offset, n uint32) ([]byte, error) {
	start := uint64(at) + uint64(offset)
	if offset < elementSize || start+uint64(n) > uint64(len(page)) {
		return nil, fmt.Errorf("a key or value is outside the page")
	}
	return page[start : start+uint64(n) : start+uint64(n)], nil
}

func inOrder(key, lo, hi []byte) error {
	switch {
	case len(key) == 0:
		return fmt.Errorf("an empty key")
	case lo != nil && bytes.Compare(key, lo) < 0, hi != nil && bytes.Compare(key, hi) >= 0:
		return fmt.Errorf("a key is on a page where it cannot be found")
	}
	return nil
}

// bucket walks the bucket in an element of the root. Every element there is a bucket, and buckets
// are not nested.
func (im *image) bucket(flags uint32, name, value []byte) error {
	if flags != bucketFlag {
		return fmt.Errorf("flags %#x at the root", flags)
	}
	if len(value) < bucketHeader {
		return fmt.Errorf("bucket %q has %d bytes", name, len(value))
	}
	bucket := string(name)
	record := func(flags uint32, key, value []byte) error {
		if flags != 0 {
			return fmt.Errorf("key %q has flags %#x", key, flags)
		}
		return im.fn(bucket, key, value)
	}
	if root := host.Uint64(value); root != 0 {
		// The walk reads over the leaf with value, so it is put aside meanwhile.
		mine := im.leaf
		im.leaf = nil
		err := im.walk(root, nil, nil, 0, record)
		im.leaf = mine
		return err
	}
	page := value[bucketHeader:]
	if len(page) < pageHeader || host.Uint16(page[8:]) != leafPage {
		return fmt.Errorf("bucket %q holds no leaf page", name)
	}
	return walkLeaf(page, nil, nil, record)
}
