package relay

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	"github.com/chessrelay/chessrelay/relay/relaypb"
)

// at sets a command's time to so many seconds after testTime.
func at(seconds int64, c *relaypb.Command) *relaypb.Command {
	c.At = testTime + 1000*seconds
	return c
}

// withDelay returns a script with a delayed round and a game in it, both public.
func withDelay(tb testing.TB, delay int32) *script {
	tb.Helper()
	s := newScript(tb)
	s.must(at(-10_000, createTournament(testTournament, "req-t")))
	c := at(-10_000, createRound(testRound, "req-r"))
	c.GetCreateRound().DelaySeconds = delay
	s.must(c)
	s.must(at(-10_000, createGame(testGame, "req-g", 1)))
	s.release(0, "game 3")
	return s
}

// release calls Release so many seconds after testTime, and wants these events.
func (s *script) release(seconds int64, want ...string) (next int64) {
	s.Helper()
	events, due := s.Release(testTime+Millis(1000*seconds), testTime+Millis(1000*seconds))
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprint(e.Type, " ", e.Index))
	}
	if !slices.Equal(got, want) {
		s.Fatalf("at %d s the public gets %q, and not %q", seconds, got, want)
	}
	if due == 0 {
		return 0
	}
	return int64(due-testTime) / 1000
}

// public returns the ply at which the public sees the game, and the index of that view.
func (s *script) public() (Ply, uint64) {
	s.Helper()
	p := s.Public(s.index)
	g, ok := p.Game(testGame)
	if !ok {
		return -1, p.Index()
	}
	return g.Ply(), p.Index()
}

func (s *script) see(ply Ply, index uint64) {
	s.Helper()
	if p, i := s.public(); p != ply || i != index {
		s.Fatalf("the public sees ply %d as of %d, and not %d as of %d", p, i, ply, index)
	}
}

// restart goes on from a checkpoint.
func (s *script) restart() {
	s.Helper()
	hash := s.Hash()
	s.State = reload(s, s.State)
	if s.Hash() != hash {
		s.Fatal("another hash after the restart")
	}
}

func delayTo(seconds int32, request string) *relaypb.Command {
	return updateRound(request, &relaypb.UpdateRound{DelaySeconds: &seconds})
}

func TestDelay(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart=", restart), func(t *testing.T) {
			s := withDelay(t, 60)
			again := func() {
				if restart {
					s.restart()
				}
			}
			s.see(0, 3)
			s.must(at(0, playMove(1, "e4")))  // 4
			s.must(at(5, playMove(2, "e5")))  // 5
			s.must(at(9, takeBack(1, "t")))   // 6
			s.must(at(10, playMove(2, "c5"))) // 7
			if s.game().Ply() != 2 {
				t.Fatal("the truth is delayed")
			}
			s.see(0, 3)
			if next := s.release(59); next != 60 {
				t.Fatalf("the next is due at %d s", next)
			}
			again()
			s.see(0, 3)
			s.release(64, "move 4", "round 4") // the round starts
			s.see(1, 4)
			again()
			s.release(66, "move 5") // which was taken back since
			s.see(2, 5)
			if g, _ := s.Public(0).Game(testGame); g.MoveAt(2).SAN != "e5" {
				t.Fatal("the public sees the move that is not out")
			}
			again()
			s.release(69, "takeback 6")
			s.see(1, 6)
			again()
			if next := s.release(1000, "move 7"); next != 0 {
				t.Fatalf("the next is due at %d s, and nothing is held", next)
			}
			s.see(2, 7)
			again()
			s.see(2, 7)
		})
	}
}

// TestDelayOrder: a command with an early time waits for those before it, and a clock that goes
// back hides nothing again.
func TestDelayOrder(t *testing.T) {
	s := withDelay(t, 60)
	s.must(at(20, playMove(1, "e4")))
	s.must(at(10, playMove(2, "e5")))
	s.release(75)
	s.release(80, "move 4", "round 4", "move 5")
	s.release(10)
	s.see(2, 5)
}

func TestDelayChanges(t *testing.T) {
	s := withDelay(t, 60)
	s.must(at(0, playMove(1, "e4")))   // 4
	s.must(at(50, playMove(2, "e5")))  // 5
	s.must(at(100, delayTo(600, "d"))) // 6: the first move is public since 60 s
	s.see(1, 4)
	s.restart()
	s.see(1, 4)
	s.release(100)                      // no event of that move: it was public before the restart
	s.must(at(110, playMove(3, "Nf3"))) // 7
	s.release(649)
	s.release(650, "move 5")
	s.must(at(651, delayTo(30, "d2"))) // 8: shorter
	s.release(651, "round 6", "move 7")
	s.see(3, 7)
	s.must(at(652, playMove(4, "Nc6"))) // 9
	s.release(670)
	s.must(at(671, delayTo(0, "d3"))) // 10: none
	if out := s.must(at(672, playMove(5, "Bb5"))); !out.Held() {
		t.Fatal("a move overtakes those that the end of the delay has let out")
	}
	s.see(5, 11)
	if s.release(672, "round 8", "move 9", "round 10", "move 11") != 0 {
		t.Fatal("there is more to come")
	}
	if out := s.must(at(673, playMove(6, "a6"))); out.Held() || len(s.delayed) > 0 {
		t.Fatal("the round no longer has a delay, but is held back")
	}
	s.see(6, 12)
	for key := range records(s.State) {
		if key[0] == 'p' || key[0] == 'h' {
			t.Errorf("%s is stored of a round without a delay", key)
		}
	}
	s.must(at(680, delayTo(60, "d4"))) // 13: in the middle
	s.must(at(690, playMove(7, "Ba4")))
	s.see(6, 12)
	if r, _ := s.Public(0).Round(testRound); r.Delay != 0 {
		t.Fatal("the public sees the delay before its time")
	}
	s.release(740, "round 13")
	s.release(750, "move 14")
}

// TestDelayNewGame: a game is not there until its creation is public.
func TestDelayNewGame(t *testing.T) {
	s := withDelay(t, 60)
	c := at(0, createGame("game0002", "g2", 2))
	s.must(c)
	p := s.Public(s.index)
	if _, ok := p.Game("game0002"); ok {
		t.Fatal("the public sees it")
	}
	if r, _ := p.Round(testRound); len(r.Games) != 1 || p.Index() != 3 {
		t.Fatalf("the public's round has %d games as of %d", len(r.Games), p.Index())
	}
	if _, ok := s.Game("game0002"); !ok {
		t.Fatal("it is not there")
	}
	s.restart()
	s.release(60, "game 4")
	if _, ok := s.Public(s.index).Game("game0002"); !ok {
		t.Fatal("the public does not see it")
	}
}

// TestDelayTournament: a tournament has no delay. But the event of its new name in a round with a
// delay comes after what is held.
func TestDelayTournament(t *testing.T) {
	s := withDelay(t, 60)
	s.must(at(0, createRound("round002", "r2")))                                                       // 4
	s.must(at(1, playMove(1, "e4")))                                                                   // 5
	out := s.must(at(2, updateTournament("u", &relaypb.UpdateTournament{Name: new("Olympiad 2014")}))) // 6
	var to []Recipients
	for _, e := range out.AppendEvents(nil) {
		if e.RoundID() == testRound && e.To != ToTruth || e.RoundID() != testRound && e.To != ToEveryone {
			t.Errorf("the event of %s is for %d", e.RoundID(), e.To)
		}
		to = append(to, e.To)
	}
	if len(to) != 2 {
		t.Fatalf("%d events", len(to))
	}
	if tour, _ := s.Public(6).Tournament(testTournament); tour.Name != "Olympiad 2014" {
		t.Error("the name is held back")
	}
	s.see(0, 3) // the newest of the round itself
	s.release(61, "move 5", "round 5")
	s.see(1, 5)
	s.release(62, "round 6")
	s.see(1, 6)
	s.must(at(70, updateTournament("u2", &relaypb.UpdateTournament{Name: new("Olympiad")})))
	s.restart()
	s.release(130)
	s.see(1, 5) // the event of the tournament's new name is not stored
}

// TestDelayOfOldBoards: boards stored by a program that held nothing are public.
func TestDelayOfOldBoards(t *testing.T) {
	s := withDelay(t, 60)
	s.must(at(0, playMove(1, "e4")))
	stored := records(s.State)
	maps.DeleteFunc(stored, func(key string, _ []byte) bool { return key[0] == 'p' || key[0] == 'h' })
	s.State = load(t, stored)
	s.see(1, 4)
	s.must(at(10, playMove(2, "e5")))
	s.see(1, 4)
	s.release(70, "move 5")
}

// TestDelayDamaged: records that do not fit together are found.
func TestDelayDamaged(t *testing.T) {
	s := withDelay(t, 60)
	s.must(at(0, playMove(1, "e4")))
	s.must(at(1, playMove(2, "e5")))
	good := records(s.State)
	for key, value := range good {
		if key[0] != 'p' && key[0] != 'h' {
			continue
		}
		for name, damage := range map[string]func(map[string][]byte){
			"is missing":  func(m map[string][]byte) { delete(m, key) },
			"is another":  func(m map[string][]byte) { m[key] = append(slices.Clone(value), 0xff) },
			"has nothing": func(m map[string][]byte) { m[key] = []byte{} },
		} {
			bad := maps.Clone(good)
			damage(bad)
			s, err := NewState(), error(nil)
			for k, v := range bad {
				if err = s.Load(k, v); err != nil {
					break
				}
			}
			if err == nil {
				err = s.Loaded()
			}
			if err == nil {
				t.Errorf("%s %s, and nobody notices", key, name)
			}
		}
	}
}

// joinMoves puts all moves of each game into its head: records can be cut in several ways while
// moves are held.
func joinMoves(tb testing.TB, records map[string][]byte) {
	for key, value := range maps.Clone(records) {
		at := strings.LastIndex(key, "g/")
		if at < 0 || len(key) != at+2+createdLen+1+idLen {
			continue
		}
		head := new(relaypb.GameRecord)
		if err := proto.Unmarshal(value, head); err != nil {
			tb.Fatal(err)
		}
		var moves []*relaypb.MoveRecord
		for i := range int(head.MovesRecords) {
			part := new(relaypb.MovesRecord)
			if err := proto.Unmarshal(records[movesKey(key, i)], part); err != nil {
				tb.Fatal(err)
			}
			delete(records, movesKey(key, i))
			moves = append(moves, part.Moves...)
		}
		head.Moves, head.MovesRecords = append(moves, head.Moves...), 0
		records[key] = marshal(head)
	}
}

// TestDelayOfALongGame takes checkpoints of a long game with takebacks, of which more or less is
// held. The stored records must be those of a checkpoint of everything.
func TestDelayOfALongGame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	s := withDelay(t, 60)
	stored := map[string][]byte{}
	now, most, heldMost, exact := int64(0), 0, 0, 0
	for n := range 1500 {
		switch ply := s.game().Ply(); {
		case r.IntN(25) == 0 && ply > 0:
			s.must(at(now, takeBack(max(0, ply-Ply(r.IntN(50))-1), fmt.Sprint("t", n))))
		case r.IntN(200) == 0:
			s.must(at(now, delayTo(int32(r.IntN(4)*60), fmt.Sprint("d", n))))
		default:
			s.must(at(now, playMove(ply+1, knights(int(ply)))))
		}
		now += int64(r.IntN(3))
		if r.IntN(4) == 0 {
			s.Release(testTime+Millis(1000*now), 0)
		}
		if r.IntN(20) > 0 {
			continue
		}
		if r.IntN(3) == 0 { // all of it is public
			now += 300
			s.Release(testTime+Millis(1000*now), 0)
		}
		store(t, stored, s.TakeDirty())
		again := load(t, stored)
		have, want := maps.Clone(stored), records(again)
		if len(heldIn(s.State)) > 0 {
			joinMoves(t, have)
			joinMoves(t, want)
		} else { // nothing is held
			exact++
		}
		if !maps.EqualFunc(have, want, bytes.Equal) {
			t.Fatalf("index %d: other records", s.index)
		}
		if r.IntN(3) == 0 {
			s.State = load(t, stored)
			if n%6 == 0 { // the public's view is removed
				s.must(at(now, delayTo(0, fmt.Sprint("z", n))))
			}
		}
		most = max(most, int(s.game().Ply()))
		for _, h := range heldIn(s.State) {
			heldMost = max(heldMost, h.Held)
		}
	}
	if most < 150 || heldMost < 50 || exact < 5 {
		t.Fatalf("%d moves and %d held at most, %d times none: too few", most, heldMost, exact)
	}
}

// A delayedModel is a round of the property test in one sight, and a model of it: another State,
// with those of the round's commands that are released.
type delayedModel struct {
	id    RoundID
	sight Sight
	delay int64 // milliseconds, of the round
	all   []loadedHeld
	times []int64
	out   int
	shown [2]uint64 // out, and the last index in this sight
	model *State
}

func (d *delayedModel) release(t *testing.T, now int64) {
	delay := d.delay
	if d.sight != Public {
		delay = min(delay, int64(d.sight)*1000)
	}
	for ; d.out < len(d.all) && d.times[d.out]+delay <= now; d.out++ {
		c := d.all[d.out]
		if out := d.model.Apply(c.index, c.term, c.command); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
}

// TestDelayProperty applies random commands to rounds with random delays that change. The public
// and each tier must always see a State with exactly the round's released commands. Each event
// comes once and in order. Checkpoints change nothing, and neither do restarts that apply a part of
// the log again.
func TestDelayProperty(t *testing.T) {
	for seed := range uint64(someOf(4, 10)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { delayProperty(t, seed) })
	}
}

func delayProperty(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	s := &story{Rand: r, script: newScript(t)}
	now := int64(testTime)
	stored, storedAt := map[string][]byte{}, uint64(0)
	rounds := map[RoundID][]*delayedModel{}
	type topic struct {
		round RoundID
		sight Sight
	}
	told := map[topic]uint64{} // the index of the last event
	restarts, heldMost, goneMost := 0, 0, 0

	tell := func(events []Event) {
		for _, e := range events {
			if e.Renews {
				continue // it is told at once
			}
			to := []topic{{e.RoundID(), e.Sight}}
			if e.To == ToEveryone {
				for _, d := range rounds[e.RoundID()] {
					to = append(to, topic{d.id, d.sight})
				}
			}
			for _, a := range to {
				if e.Index < told[a] {
					t.Fatalf("event %d for %v comes after %d", e.Index, a, told[a])
				}
				told[a] = e.Index
			}
		}
	}
	release := func() {
		for _, views := range rounds {
			for _, d := range views {
				d.release(t, now)
			}
		}
		events, _ := s.Release(Millis(now), 0)
		tell(events)
	}
	do := func(c *relaypb.Command) {
		data, err := EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		before := map[RoundID]int{}
		for id := range rounds {
			before[id] = s.State.rounds[id].Delay
		}
		out := s.bytes(data)
		if out.Err != nil || out.Duplicate {
			return
		}
		if c.GetCreateRound() == nil && (out.Game != nil || out.Round != nil) {
			id := RoundID("")
			if out.Game != nil {
				id = out.Game.Round
			} else {
				id = out.Round.ID
			}
			for _, d := range rounds[id] {
				if delay := s.State.rounds[id].Delay; delay != before[id] {
					d.release(t, c.At)
					d.delay = int64(delay) * 1000
				}
				d.all = append(d.all, loadedHeld{id, out.Index, out.Term, data})
				d.times = append(d.times, c.At)
				if d.delay == 0 {
					d.release(t, int64(never))
				}
			}
		}
		if !out.Held() {
			tell(out.AppendEvents(nil))
		}
	}
	check := func() {
		var views []*delayedModel
		for _, d := range rounds {
			views = append(views, d...)
		}
		for _, d := range views {
			id := d.id
			p := s.ReaderFor(s.index, func(TournamentID, RoundID) Sight { return d.sight })
			truth := s.State.rounds[id]
			got, seen := p.Round(id)
			if gone := s.deletedRound(truth) != nil; gone == seen {
				t.Fatalf("index %d: the round is deleted: %v, and public: %v", s.index, gone, seen)
			} else if gone {
				goneMost++
				for g := range s.allGames(truth) {
					if _, seen := p.Game(g.ID); seen {
						t.Fatalf("index %d: game %s of a deleted round is public", s.index, g.ID)
					}
				}
				continue
			}
			if m := d.model.rounds[id]; m.Status != got.Status || !slices.Equal(m.Games, got.Games) || !proto.Equal(roundRecord(m), roundRecord(got)) {
				t.Fatalf("index %d: the public's round: %s", s.index, cmp.Diff(m, got, cmpopts.EquateEmpty()))
			}
			for g := range s.allGames(truth) {
				gid := g.ID
				var want *Game
				there := false
				if m := d.model.games.get(gid); m != nil {
					want, there = m.Game, m.Deleted == nil && g.Deleted == nil
				}
				got, seen := p.Game(gid)
				if there != seen {
					t.Fatalf("index %d: game %s is public: %v, and should be: %v", s.index, gid, seen, there)
				}
				if there && (want.Index != got.Index || want.Ply() != got.Ply()) {
					t.Fatalf("index %d: game %s is at %d, ply %d, and should be at %d, ply %d", s.index, gid, got.Index, got.Ply(), want.Index, want.Ply())
				}
				if there && r.IntN(200) == 0 {
					if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), wholeGames); diff != "" {
						t.Fatalf("index %d: the public's game: %s", s.index, diff)
					}
				}
			}
			// Released commands are at or below the index, and held ones above it. Held ones do not
			// move it.
			most, least := s.index, uint64(0)
			if d.out < len(d.all) {
				most = d.all[d.out].index - 1
			}
			if d.out > 0 {
				least = d.all[d.out-1].index
			}
			heldMost = max(heldMost, len(d.all)-d.out)
			index, stood := p.Index(), d.shown
			if index < least || index > most {
				t.Fatalf("index %d: the public's index is %d, and should be from %d to %d", s.index, index, least, most)
			}
			if d.shown = [2]uint64{uint64(d.out), index}; s.HasDelay(id) && stood[0] == d.shown[0] && stood[1] != index && stood[1] != 0 {
				t.Fatalf("index %d: what is held has moved the public's index from %d to %d", s.index, stood[1], index)
			} else if !s.HasDelay(id) {
				d.shown = [2]uint64{}
			}
		}
	}

	do(createTournament(testTournament, "req-t"))
	do(createToken("admin001", "k1", RoleAdmin, nil))
	for i, delay := range []int32{10, 60} {
		do(createToken(fmt.Sprint("viewer0", i), fmt.Sprint("v", i), RoleViewer, func(op *relaypb.CreateToken) { op.Delay = delay }))
	}
	for i := range 3 {
		id := fmt.Sprintf("round%03d", i+1)
		c := createRound(id, "req-"+id)
		c.GetCreateRound().DelaySeconds = []int32{0, 20, 200}[i]
		do(c)
		for _, sight := range []Sight{Public, 10, 60} {
			d := &delayedModel{id: RoundID(id), sight: sight, delay: int64(c.GetCreateRound().DelaySeconds) * 1000, model: newPublicState()}
			for j, data := range [][]byte{s.log[0], s.log[len(s.log)-1]} {
				d.model.Apply(uint64([]int{0, len(s.log) - 1}[j]+1), 1, data)
			}
			rounds[d.id] = append(rounds[d.id], d)
		}
		for b := range 3 {
			game := GameID(fmt.Sprintf("game%d%03d", i, b))
			g := createGame(string(game), "req-"+string(game), int32(b+1))
			g.GetCreateGame().Round = id
			do(g)
			s.games = append(s.games, game)
		}
	}
	for range 500 {
		switch n := r.IntN(40); {
		case n < 8:
			now += int64(r.IntN(30_000))
			release()
		case n < 10:
			request := s.request()
			c := updateRound(request, &relaypb.UpdateRound{DelaySeconds: new([]int32{0, 5, 20, 100, 300}[r.IntN(5)])})
			c.GetUpdateRound().Round = fmt.Sprintf("round%03d", 1+r.IntN(3))
			c.At = now
			do(c)
		case n < 13:
			store(t, stored, s.TakeDirty())
			storedAt = s.index
		case n == 13 && storedAt > 0:
			restarts++
			hash := s.Hash()
			s.State = load(t, stored)
			for i, c := range s.log[storedAt:] {
				index := storedAt + uint64(i) + 1
				s.Apply(index, 1+index/100, c)
			}
			if s.Hash() != hash {
				t.Fatal("another hash after the restart")
			}
			for _, views := range rounds {
				for _, d := range views {
					d.release(t, now)
				}
			}
			s.Release(Millis(now), 0)
		default:
			c := s.next()
			c.At = now - int64(r.IntN(3000))
			if c.GetSetClock() != nil {
				c.GetSetClock().At = 0
			}
			do(c)
		}
		release()
		check()
	}
	if restarts < 3 || heldMost < 5 || goneMost < 5 {
		t.Fatalf("%d restarts, %d held at most, %d times deleted: too few", restarts, heldMost, goneMost)
	}
}

// TestDelayImageBesideCheckpoint: an edge may get all records while a checkpoint takes the changed
// ones. -race shows that this is safe.
func TestDelayImageBesideCheckpoint(t *testing.T) {
	s := withDelay(t, 60)
	s.must(at(0, playMove(1, "e4")))
	var wg sync.WaitGroup
	wg.Go(func() { s.Records() })
	s.TakeDirty()
	wg.Wait()
}

// TestDelayMeasured: neither a leader's clock that is behind nor a clock that is set ahead shortens
// a delay, if the node saw the commands arrive.
func TestDelayMeasured(t *testing.T) {
	const second = 1000
	s := withDelay(t, 60)
	release := func(now, up Millis, want ...string) Millis {
		t.Helper()
		events, next := s.Release(testTime+now*second, up*second)
		var got []string
		for _, e := range events {
			got = append(got, fmt.Sprint(e.Type, " ", e.Index))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("at %d s, %d s after the start, the public gets %q, and not %q", now, up, got, want)
		}
		return (next - testTime) / second
	}
	s.Arrive(1000*second, 1000*second)
	s.must(at(-600, playMove(1, "e4"))) // 4, by a clock that is ten minutes behind
	if next := release(0, 1000); next != 60 {
		t.Errorf("the move is due at %d s", next)
	}
	release(59, 1059)
	release(5000, 1059) // this node's clock is set
	release(60, 1060, "move 4", "round 4")
	s.Arrive(0, 1070*second) // it is replayed: only the leader knows when it was made
	s.must(at(70, playMove(2, "e5")))
	release(129, 1070)
	release(130, 1070, "move 5")
	s.Arrive(1100*second, 1140*second) // it may have been made up to 40 s ago
	s.must(at(0, playMove(3, "Nf3")))
	release(159, 1159)
	release(160, 1160, "move 6")
	s.Arrive(1200*second, 1200*second)
	s.must(at(0, playMove(4, "Nc6")))
	s.must(at(100, delayTo(600, "d"))) // by this node's measure, commands stay held
	s.see(3, 6)
	s.Arrive(1270*second, 1270*second)
	s.must(at(200, delayTo(30, "d2")))
	s.see(3, 6)
	release(1900, 1900, "move 7", "round 8", "round 9")
}

func TestStamp(t *testing.T) {
	now := time.UnixMilli(testTime + 12345)
	for _, c := range []*relaypb.Command{
		at(0, playMove(1, "e4")), at(1<<50, playMove(1, "e4")), {Op: playMove(1, "e4").Op}, at(5, createRound(testRound, "r")),
	} {
		command, err := EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		c.At = now.UnixMilli()
		want, err := EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := Stamp([]byte("before"), command, now); !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%x, and not %x", got, want)
		}
	}
	for _, junk := range [][]byte{nil, {8}, {16, 255}, {255}, []byte("no command at all")} {
		if got := Stamp(nil, junk, now); len(got) > len(junk)+11 {
			t.Errorf("%x becomes %x", junk, got)
		}
	}
}

// heldIn returns the rounds with held commands.
func heldIn(s *State) (out []Delayed) {
	if d := s.Delays(); d != nil {
		for _, r := range d.Rounds {
			if r.Held > 0 {
				out = append(out, r)
			}
		}
	}
	return out
}

// TestShownAfterARestart checks that the public's index does not depend on commands of which a
// restarted node knows no index, such as those about tokens.
func TestShownAfterARestart(t *testing.T) {
	s := newScript(t)
	s.must(createTournament(testTournament, "req-t"))
	c := createRound(testRound, "req-r")
	c.GetCreateRound().DelaySeconds = 60
	shown := s.must(c).Index
	s.must(createToken("tokenAA1", "req-token", RoleAdmin, nil))
	for what, state := range map[string]*State{"the node": s.State, "a restarted one": reload(t, s.State)} {
		if got := state.Shown(s.index); got != shown {
			t.Errorf("%s shows the index %d, want %d", what, got, shown)
		}
	}
}
