package consensus

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
)

// Summed is a StateMachine with a rolling sum of all that it has done. By the sums nodes find out
// that one of them is wrong; see diverge.go.
type Summed interface {
	// Sums returns the last values of the sum, always the same object.
	Sums() *Sums
}

// Point is a rolling sum after the command at Index. Zero: none.
type Point struct{ Index, Sum uint64 }

// pointJSON is a Point on the wire: JavaScript has no 64-bit numbers.
type pointJSON struct {
	Index uint64 `json:"index"`
	Sum   string `json:"sum"` // 16 hex digits
}

// MarshalJSON implements json.Marshaler.
func (p Point) MarshalJSON() ([]byte, error) {
	return json.Marshal(pointJSON{p.Index, fmt.Sprintf("%016x", p.Sum)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Point) UnmarshalJSON(data []byte) error {
	var j pointJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	sum, err := strconv.ParseUint(j.Sum, 16, 64)
	if err != nil {
		return fmt.Errorf("a sum has 16 hexadecimal digits, not %.20q", j.Sum)
	}
	*p = Point{j.Index, sum}
	return nil
}

// Sums is the last values of a rolling sum: the newest one, and those at marks. A mark is the last
// command before the log index passes a multiple of markEvery. All nodes have the same marks, so a
// node that is behind can compare them later.
type Sums struct {
	mu    sync.Mutex
	now   Point
	mark  Point           // the newest mark
	marks [maxMarks]Point // by index / markEvery, modulo maxMarks
}

const (
	markEvery = 64
	// maxMarks is how many marks are kept: those of a quarter of a million entries.
	maxMarks = 4096
)

func markBlock(index uint64) uint64 { return index / markEvery }

// Note takes the sums of applied commands, in order.
func (s *Sums) Note(batch []Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		c := &batch[i]
		if s.now.Index != 0 && markBlock(c.Index) != markBlock(s.now.Index) {
			s.mark = s.now
			s.marks[markBlock(s.now.Index)%maxMarks] = s.now
		}
		s.now = Point{c.Index, c.Sum}
	}
}

// Reset takes the sum of boards that replace the present ones.
func (s *Sums) Reset(p Point) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.mark, s.marks = p, Point{}, [maxMarks]Point{}
}

// Newest returns the newest sum, and that at the newest mark.
func (s *Sums) Newest() (now, mark Point) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now, s.mark
}

// at returns the sum at index if it is known, and the newest index.
func (s *Sums) at(index uint64) (sum uint64, known bool, newest uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index == s.now.Index {
		return s.now.Sum, true, s.now.Index
	}
	m := s.marks[markBlock(index)%maxMarks]
	return m.Sum, m.Index == index, s.now.Index
}

// Comparison is what a node has found by comparing its sums with another node's. Its owner guards
// it.
type Comparison struct {
	At      uint64 // the index that was compared last; 0: none yet
	Differs bool
	pending Point // a mark of the other node that this node has not reached yet
}

// Compare takes the other node's sums.
func (c *Comparison) Compare(own *Sums, now, mark Point) {
	for _, p := range [...]Point{c.pending, mark, now} {
		if p.Index == 0 || p.Index < c.At {
			continue
		}
		sum, known, newest := own.at(p.Index)
		switch {
		case known:
			c.At, c.Differs = p.Index, sum != p.Sum
		case p == mark && p.Index > newest && c.pending.Index <= newest:
			c.pending = p
		}
	}
}
