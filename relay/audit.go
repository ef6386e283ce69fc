package relay

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// This file has the administrators' audit trail: who did what, when and from where. It has one line
// for each command that changed something. The history of a game, a round or a tournament says more
// about the change, at the same index, but not from where it came.
//
// There are two trails: one of moves, clocks and what comes from sources, and one of everything
// else. So neither a round's moves nor a busy source can push out the line that says who revoked a
// token. Each trail keeps its last 16,384 lines or a block less, in blocks as they are stored, at
// some 80 bytes a line.

const (
	auditBlock  = 32  // lines in a block; a checkpoint rewrites the last one
	auditBlocks = 512 // blocks in a trail
)

// An AuditEntry is one line of the audit trail.
type AuditEntry struct {
	Index  uint64 `json:"index"`
	At     Millis `json:"at"`
	By     string `json:"by,omitempty"`     // the token's name, or what the client said
	Token  string `json:"token,omitempty"`  // its id
	From   string `json:"from,omitempty"`   // the address that it came from
	Source string `json:"source,omitempty"` // the source that the client spoke for
	What   string `json:"what"`             // such as move, takeback, createRound
	ID     string `json:"id"`               // of the tournament, round, game or token
	Ply    Ply    `json:"ply,omitempty"`
}

// auditNames are the names of the commands in the trail, by the number of their field.
var auditNames = map[uint32]string{
	10: "createTournament", 11: "createRound", 12: "createGame", 13: "move", 14: "takeback", 15: "result",
	16: "correct", 17: "updateGame", 18: "updateRound", 19: "updateTournament", 20: "clock", 21: "unlock",
	22: "note", 23: "accept", 24: "delete", 25: "restore", 26: "createToken", 27: "revokeToken",
}

// A trail is the last lines of one of the two trails.
type trail struct {
	key    string   // of its records; the block's number follows
	first  int      // the number of the first block
	blocks [][]byte // AuditRecords; the last one is not full
	lines  int      // of the last block

	// The last checkpoint has the blocks from stored to end. Those from dirty on have changed
	// since.
	stored, end, dirty int
	loaded             map[int][]byte // of Load, until Loaded
}

func auditKey(trail string, block int) string { return fmt.Sprintf("a/%s/%012d", trail, block) }

// add adds a line, and drops the oldest block if there are too many.
func (t *trail) add(line []byte) {
	if t.lines == auditBlock || len(t.blocks) == 0 {
		t.blocks, t.lines = append(t.blocks, make([]byte, 0, 2<<10)), 0
		if len(t.blocks) > auditBlocks {
			t.blocks = slices.Clone(t.blocks[1:])
			t.first++
		}
	}
	at := len(t.blocks) - 1
	t.blocks[at] = append(binary.AppendUvarint(append(t.blocks[at], 1<<3|bytesType), uint64(len(line))), line...)
	t.lines++
	t.dirty = min(t.dirty, t.first+at)
}

// auditRecord returns the number of the operation, the id that it is about and, of moves, the ply.
func auditRecord(c *relaypb.Command) (what byte, id string, ply int32) {
	switch op := c.Op.(type) {
	case *relaypb.Command_CreateTournament:
		return 10, op.CreateTournament.Id, 0
	case *relaypb.Command_CreateRound:
		return 11, op.CreateRound.Id, 0
	case *relaypb.Command_CreateGame:
		return 12, op.CreateGame.Id, 0
	case *relaypb.Command_PlayMove:
		return 13, op.PlayMove.Game, op.PlayMove.Ply
	case *relaypb.Command_TakeBack:
		return 14, op.TakeBack.Game, op.TakeBack.ToPly
	case *relaypb.Command_SetResult:
		return 15, op.SetResult.Game, 0
	case *relaypb.Command_CorrectMoves:
		return 16, op.CorrectMoves.Game, op.CorrectMoves.ToPly
	case *relaypb.Command_UpdateGame:
		return 17, op.UpdateGame.Game, 0
	case *relaypb.Command_UpdateRound:
		return 18, op.UpdateRound.Round, 0
	case *relaypb.Command_UpdateTournament:
		return 19, op.UpdateTournament.Tournament, 0
	case *relaypb.Command_SetClock:
		return 20, op.SetClock.Game, 0
	case *relaypb.Command_Unlock:
		return 21, op.Unlock.Game, 0
	case *relaypb.Command_NoteSource:
		return 22, op.NoteSource.Game, 0
	case *relaypb.Command_AcceptSource:
		return 23, op.AcceptSource.Game, 0
	case *relaypb.Command_Delete:
		return 24, op.Delete.Id, 0
	case *relaypb.Command_Restore:
		return 25, op.Restore.Id, 0
	case *relaypb.Command_CreateToken:
		return 26, op.CreateToken.Id, 0
	case *relaypb.Command_RevokeToken:
		return 27, op.RevokeToken.Id, 0
	}
	return 0, "", 0
}

// audit adds the line of a command that has changed something, encoded as an AuditRecord.
func (s *State) audit(c *relaypb.Command, index uint64) {
	what, id, ply := auditRecord(c)
	line := s.line[:0]
	line = appendNonZero(line, 1, index)
	line = appendNonZero(line, 2, uint64(c.At))
	line = appendString(line, 3, c.By)
	line = appendString(line, 4, c.Token)
	line = appendString(line, 5, c.From)
	line = appendString(line, 6, c.Source)
	line = appendNonZero(line, 7, uint64(what))
	line = appendString(line, 8, id)
	line = appendNonZero(line, 9, uint64(ply))
	s.line = line
	if what == 13 || what == 20 || c.Source != "" {
		s.played.add(line)
	} else {
		s.managed.add(line)
	}
}

// Audit returns at most limit lines with an index below before, newest first; before 0 means all.
func (s *State) Audit(before uint64, limit int) []AuditEntry {
	out := append(s.played.last(before, limit), s.managed.last(before, limit)...)
	slices.SortFunc(out, func(a, b AuditEntry) int { return cmp.Compare(b.Index, a.Index) })
	return out[:min(limit, len(out))]
}

func (t *trail) last(before uint64, limit int) (out []AuditEntry) {
	for i := len(t.blocks) - 1; i >= 0 && len(out) < limit; i-- {
		r := new(relaypb.AuditRecords)
		_ = proto.Unmarshal(t.blocks[i], r) // encoded here, or checked by loadAudit
		for _, line := range slices.Backward(r.List) {
			if before == 0 || line.Index < before {
				out = append(out, auditEntry(line))
			}
		}
	}
	return out[:min(limit, len(out))]
}

func auditEntry(r *relaypb.AuditRecord) AuditEntry {
	return AuditEntry{
		Index: r.Index, At: Millis(r.At), By: r.By, Token: r.Token, From: r.From, Source: r.Source,
		What: auditNames[r.What], ID: r.Id, Ply: Ply(r.Ply),
	}
}

// trailChange is what a checkpoint has to write of a trail. A block only grows, so a copy of its
// slice stays valid.
type trailChange struct {
	key                    string
	first                  int
	blocks                 [][]byte
	removedFrom, removedTo int // the blocks to remove
}

func (t *trail) takeDirty() trailChange {
	next := t.first + len(t.blocks)
	from := max(t.dirty, t.first)
	c := trailChange{key: t.key, first: from, removedFrom: t.stored, removedTo: min(t.first, t.end)}
	if from < next {
		c.blocks = slices.Clone(t.blocks[from-t.first:])
		t.end = next
	}
	t.stored, t.dirty = t.first, next
	return c
}

func (t *trail) whole() trailChange {
	return trailChange{key: t.key, first: t.first, blocks: slices.Clone(t.blocks)}
}

func (c trailChange) encode(yield func(string, []byte) bool) bool {
	for i, b := range c.blocks {
		if !yield(auditKey(c.key, c.first+i), b) {
			return false
		}
	}
	for block := c.removedFrom; block < c.removedTo; block++ {
		if !yield(auditKey(c.key, block), nil) {
			return false
		}
	}
	return true
}

// loadAudit reads a block.
func (s *State) loadAudit(key string, value []byte) error {
	for _, t := range []*trail{&s.played, &s.managed} {
		if len(key) < len("a/x/") {
			break
		}
		block, err := strconv.Atoi(key[len("a/x/"):])
		if err != nil || key != auditKey(t.key, block) || block < 0 {
			continue
		}
		if err := proto.Unmarshal(value, new(relaypb.AuditRecords)); err != nil {
			return err
		}
		if t.loaded == nil {
			t.loaded = make(map[int][]byte)
		}
		t.loaded[block] = slices.Clone(value)
		return nil
	}
	return errKey
}

// loadedAudit joins the blocks of a trail.
func (t *trail) loadedAudit() error {
	numbers := slices.Sorted(maps.Keys(t.loaded))
	loaded := t.loaded
	t.loaded = nil
	if len(numbers) == 0 {
		return nil
	}
	t.first = numbers[0]
	for i, n := range numbers {
		r := new(relaypb.AuditRecords)
		if err := proto.Unmarshal(loaded[n], r); err != nil {
			return err
		}
		if t.lines = len(r.List); n != t.first+i || t.lines > auditBlock || t.lines < auditBlock && i < len(numbers)-1 || len(numbers) > auditBlocks {
			return errors.New("it does not fit the blocks beside it")
		}
		t.blocks = append(t.blocks, loaded[n])
	}
	t.stored, t.end = t.first, t.first+len(numbers)
	t.dirty = t.end
	return nil
}
