package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// floorSystem is the least that three processes can do to have a record on the disks of a majority:
// no terms, no elections, no log to restart from. With one submission at a time, nothing can be
// faster here.
var floorSystem = system{
	name:    "floor",
	about:   "a bare quorum append without Raft: the leader's fdatasync beside those of two followers",
	durable: true,
	loads:   []int{1},
	open:    openFloor,
}

// floorAckSize is the size of a follower's answer: the number up to which it has all records.
const floorAckSize = 8

// floor is one node. Followers get each record with its number in front, and answer with the
// number.
type floor struct {
	cfg  nodeConfig
	disk *syncFile

	followers []net.Conn
	acks      chan uint64 // from both followers; each sends its numbers in order
	failed    chan error

	// Owned by the one submitter.
	last  uint64 // the last submitted record
	acked uint64 // the highest that any follower has
}

func openFloor(_ context.Context, cfg nodeConfig) (node.Node, error) {
	disk, err := openSyncFile(filepath.Join(cfg.Dir, "log"))
	if err != nil {
		return nil, err
	}
	f := &floor{cfg: cfg, disk: disk, acks: make(chan uint64, 1024), failed: make(chan error, 2)}
	if cfg.Index == 0 {
		return f, nil
	}
	l, err := net.Listen("tcp", cfg.OwnAddrs()[0])
	if err != nil {
		return nil, err
	}
	go func() {
		defer l.Close()
		if err := f.follow(l); err != nil {
			fmt.Fprintln(os.Stderr, "follower ends:", err)
		}
	}()
	return f, nil
}

// follow answers the leader's records until the connection ends.
func (f *floor) follow(l net.Listener) error {
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	record := make([]byte, floorAckSize+node.PayloadSize)
	for {
		if _, err := io.ReadFull(in, record); err != nil {
			return err
		}
		if err := f.disk.append(record); err != nil {
			return err
		}
		if _, err := conn.Write(record[:floorAckSize]); err != nil {
			return err
		}
	}
}

func (f *floor) Lead(context.Context) error {
	for _, addrs := range f.cfg.Addrs[1:] {
		conn, err := net.Dial("tcp", addrs[0])
		if err != nil {
			return err
		}
		f.followers = append(f.followers, conn)
		go func() {
			ack := make([]byte, floorAckSize)
			for {
				if _, err := io.ReadFull(conn, ack); err != nil {
					f.failed <- err
					return
				}
				f.acks <- binary.BigEndian.Uint64(ack)
			}
		}()
	}
	return nil
}

func (f *floor) Submitter(worker int) (func(context.Context) error, error) {
	if worker > 0 {
		return nil, errors.New("the floor takes one submission at a time")
	}
	record := make([]byte, floorAckSize+node.PayloadSize)
	return func(context.Context) error {
		f.last++
		binary.BigEndian.PutUint64(record, f.last)
		for _, conn := range f.followers {
			if _, err := conn.Write(record); err != nil {
				return err
			}
		}
		if err := f.disk.append(record); err != nil {
			return err
		}
		for f.acked < f.last {
			select {
			case n := <-f.acks:
				f.acked = max(f.acked, n)
			case err := <-f.failed:
				return err
			}
		}
		return nil
	}, nil
}

// A syncFile is a log that was filled with zeros beforehand. It is written round and round, with 4
// KiB and one fdatasync for each record. That is the best that a disk can do, since no record
// changes the file's size or its blocks.
type syncFile struct {
	f     *os.File
	block []byte
	at    int64
}

const (
	syncBlock = 4 << 10
	syncBytes = 16 << 20
)

// zeros fills new files; it is made at most once a process, and only read.
var zeros = sync.OnceValue(func() []byte { return make([]byte, 1<<20) })

func openSyncFile(path string) (*syncFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	for range syncBytes / len(zeros()) {
		if _, err := f.Write(zeros()); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return &syncFile{f: f, block: make([]byte, syncBlock)}, f.Sync()
}

// append makes record durable. It must fit in one block.
func (s *syncFile) append(record []byte) error {
	copy(s.block, record)
	if _, err := s.f.WriteAt(s.block, s.at); err != nil {
		return err
	}
	s.at = (s.at + syncBlock) % syncBytes
	return fdatasync(s.f)
}

// close removes the file.
func (s *syncFile) close() error { return errors.Join(s.f.Close(), os.Remove(s.f.Name())) }

// measureSync times n appends of a block to such a file in dir.
func measureSync(dir string, n int) ([]time.Duration, error) {
	s, err := openSyncFile(filepath.Join(dir, "bench-sync-probe"))
	if err != nil {
		return nil, err
	}
	defer s.close()
	var times []time.Duration
	for i := range n {
		began := time.Now()
		if err := s.append([]byte{byte(i), byte(i >> 8)}); err != nil {
			return nil, err
		}
		times = append(times, time.Since(began))
	}
	return times, nil
}
