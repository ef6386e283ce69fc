package broadcast

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chessrelay/chessrelay/relay"
)

// With ?evaluations=1 a spectator gets what an engine thinks of the boards that it watches. These
// frames have no index, and come after everything else that a turn has, so they never hold up a
// move:
//
//	{"type":"evaluations","on":true}
//	{"type":"evaluation","game":"…","board":1,"ply":9,"cp":34,"depth":22,"pv":["Nf3",…]}
//
// The first says whether there are evaluations of this round. Each topic keeps the newest frame of
// each board, in the order in which they came. A spectator is an index into that order, as it is
// into a history: it gets what is behind its cursor, and of a board the newest frame only. An
// evaluation leaves the list before the event that changes its position is sent, so none is about a
// position that the spectator no longer sees. It is looked up by the position that the topic's
// sight shows, so none is about a position that the spectator does not see yet.

// Evaluations are what engines think of positions. Package engine has one.
type Evaluations interface {
	// Available reports whether an engine works for this node.
	Available() bool
	// Changed returns a channel that is closed when there is more.
	Changed() <-chan struct{}
	// Get returns the evaluation of a position; nil if there is none.
	Get(relay.Position) *relay.Evaluation
	// Want says which positions are on the watched boards now, the newest first. One goroutine
	// calls it.
	Want([]relay.Position)
}

// evaluations are the newest evaluation frames of one topic.
type evaluations struct {
	watchers atomic.Int32  // the spectators that want them
	newest   atomic.Uint64 // seq of the last one

	mu     sync.Mutex
	all    int             // how many of the watchers watch all boards
	boards map[int]int     // how many of the others watch each board
	list   []evaluationMsg // by seq
	seq    uint64
	// generation counts what was forgotten. It shows the evaluator that the boards have changed
	// since it read them.
	generation uint64
}

// evaluationMsg is the newest frame of a board.
type evaluationMsg struct {
	seq        uint64
	board      int // 0: whether there are evaluations
	on         bool
	evaluation *relay.Evaluation
	*message
}

// watch counts a spectator of these boards; n is 1 or -1.
func (v *evaluations) watch(set *boardSet, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.watchers.Add(int32(n)) == 1 && n > 0 {
		v.forgetLocked() // without watchers nothing was forgotten
	}
	if set == nil {
		v.all += n
		return
	}
	if v.boards == nil {
		v.boards = map[int]int{}
	}
	for _, b := range *set {
		if v.boards[int(b)] += n; v.boards[int(b)] == 0 {
			delete(v.boards, int(b))
		}
	}
}

// forgetAll removes all frames.
func (v *evaluations) forgetAll() {
	if v.watchers.Load() > 0 {
		v.mu.Lock()
		v.forgetLocked()
		v.mu.Unlock()
	}
}

func (v *evaluations) forgetLocked() {
	v.generation++
	v.list = slices.DeleteFunc(v.list, func(m evaluationMsg) bool { return m.board != 0 })
}

// forget removes the frames of boards whose position f changes. It comes before f is in the
// history.
func (v *evaluations) forget(f *frame) {
	if v.watchers.Load() == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range f.parts {
		if board := f.parts[i].moved; board != 0 {
			v.generation++
			v.list = slices.DeleteFunc(v.list, func(m evaluationMsg) bool { return m.board == board })
		}
	}
}

func changesPosition(t relay.EventType) bool {
	switch t {
	case relay.EventMove, relay.EventTakeback, relay.EventCorrection, relay.EventGame, relay.EventDeleted:
		return true
	}
	return false
}

// forgetEvaluations prepares for events of one round. If they switch its evaluations off,
// spectators get none from now on, in whatever sight and whether or not the command is held.
func (h *Hub) forgetEvaluations(events []relay.Event) {
	if h.evaluator == nil {
		return
	}
	h.evaluator.signal()
	if !slices.ContainsFunc(events, func(e relay.Event) bool { return e.Type == relay.EventRound && e.Round.Evaluations.Off }) {
		return
	}
	for _, tp := range h.evaluated() {
		if tp.id == events[0].RoundID() {
			tp.evaluations.forgetAll()
		}
	}
}

// maxEvaluations is how many evaluation frames a spectator gets in one write.
const maxEvaluations = 64

// putEvaluations gives s the frames after its cursor, and reports whether there are more.
func (w *worker) putEvaluations(s *spectator) (more bool) {
	v := &s.topic.evaluations
	if !s.evaluations || s.evaluated >= v.newest.Load() {
		return false
	}
	w.evaluations, s.evaluated, more = v.after(w.evaluations[:0], s.evaluated, s.only)
	for i, m := range w.evaluations {
		w.put(s, m)
		w.counted.evaluations.Add(1)
		w.evaluations[i] = nil
	}
	return more
}

// after appends the frames after the cursor to out, of the boards of set, and returns the next
// cursor.
func (v *evaluations) after(out []*message, cursor uint64, set *boardSet) (_ []*message, next uint64, more bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	next = cursor
	i, _ := slices.BinarySearchFunc(v.list, cursor+1, func(m evaluationMsg, seq uint64) int { return cmp.Compare(m.seq, seq) })
	for ; i < len(v.list); i++ {
		m := &v.list[i]
		if m.board == 0 || set.has(m.board) {
			if len(out) == maxEvaluations {
				return out, next, true
			}
			out = append(out, m.message)
		}
		next = m.seq
	}
	return out, max(next, v.seq), false
}

// A Watched names boards that spectators watch with evaluations, as one sight shows them.
type Watched struct {
	Round  relay.RoundID
	Sight  relay.Sight
	Boards []int // nil: all
}

// Watched returns what this node's spectators watch with evaluations.
func (h *Hub) Watched() []Watched {
	var out []Watched
	for _, tp := range h.evaluated() {
		out = append(out, tp.watched())
	}
	return out
}

// evaluated returns the topics that have spectators with evaluations.
func (h *Hub) evaluated() (topics []*topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, tp := range h.topics {
		if tp.evaluations.watchers.Load() > 0 {
			topics = append(topics, tp)
		}
	}
	return topics
}

func (tp *topic) watched() Watched {
	v := &tp.evaluations
	v.mu.Lock()
	defer v.mu.Unlock()
	w := Watched{Round: tp.id, Sight: tp.sight}
	if v.all == 0 {
		w.Boards = make([]int, 0, len(v.boards))
		for b := range v.boards {
			w.Boards = append(w.Boards, b)
		}
		slices.Sort(w.Boards)
	}
	return w
}

func (w *Watched) has(board int) bool { return w.Boards == nil || slices.Contains(w.Boards, board) }

const (
	// MaxWatchedText is the longest text of [FormatWatched].
	MaxWatchedText = 2 << 10
	maxNamed       = 64 // boards of one round; more are told as all of them
	maxWatchedAll  = 256
)

// FormatWatched writes a list for [ParseWatched], such as "Ab3dEf7h.0,Xy4zAb2c.-1.3-4". It leaves
// out the end of a list that is too long.
func FormatWatched(list []Watched) string {
	var b strings.Builder
	for _, w := range list {
		text := fmt.Sprintf("%s.%d", w.Round, w.Sight)
		if w.Boards != nil && len(w.Boards) <= maxNamed {
			text += "." + strings.Trim(strings.ReplaceAll(fmt.Sprint(w.Boards), " ", "-"), "[]")
		}
		if b.Len()+1+len(text) > MaxWatchedText {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(text)
	}
	return b.String()
}

// ParseWatched reads what [FormatWatched] writes. It leaves out what it cannot read.
func ParseWatched(text string) (list []Watched) {
	if len(text) > MaxWatchedText {
		return nil
	}
	for one := range strings.SplitSeq(text, ",") {
		fields := strings.Split(one, ".")
		if len(fields) < 2 || len(list) == maxWatchedAll {
			continue
		}
		sight, err := strconv.ParseInt(fields[1], 10, 32)
		if err != nil || sight < int64(relay.Truth) {
			continue
		}
		w := Watched{Round: relay.RoundID(fields[0]), Sight: relay.Sight(sight)}
		if len(fields) > 2 {
			w.Boards = []int{}
			for number := range strings.SplitSeq(fields[2], "-") {
				if n, err := strconv.ParseUint(number, 10, 31); err == nil {
					w.Boards = append(w.Boards, int(n))
				}
			}
		}
		list = append(list, w)
	}
	return list
}

// evaluator is the goroutine that looks up the evaluations of watched boards, and says which are
// wanted.
type evaluator struct {
	hub  *Hub
	from Evaluations
	wake chan struct{} // capacity 1
	quit chan struct{}
	done chan struct{}

	// positions are those of the games that were looked at last. Making one costs a microsecond,
	// and a game is nearly always the same as before. Owned by run.
	positions map[*relay.Game]relay.Position
}

const (
	// evaluateEvery is the shortest time between two looks, and so between two frames of a board.
	evaluateEvery = 250 * time.Millisecond
	// lookBelow is how often the evaluator looks at what the edges' spectators watch.
	lookBelow = time.Second
)

func newEvaluator(h *Hub) *evaluator {
	return &evaluator{hub: h, from: h.cfg.Evaluations, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
}

// signal has the evaluator look again soon. A nil evaluator does nothing.
func (e *evaluator) signal() {
	if e == nil {
		return
	}
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *evaluator) close() {
	if e != nil {
		close(e.quit)
		<-e.done
	}
}

func (e *evaluator) run() {
	defer close(e.done)
	every := time.NewTicker(lookBelow)
	defer every.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-e.quit:
			return
		}
		changed := e.from.Changed() // before it is read
		e.look()
		pause.Reset(evaluateEvery)
		select {
		case <-e.wake:
		case <-changed:
		case <-every.C:
		case <-e.quit:
			return
		}
	}
}

// wantedBoard is a board that is watched, and when its game last changed.
type wantedBoard struct {
	position relay.Position
	index    uint64
}

// look looks at all watched boards.
func (e *evaluator) look() {
	seen := map[*relay.Game]relay.Position{}
	var wanted []wantedBoard
	for _, tp := range e.hub.evaluated() {
		wanted = append(wanted, e.lookAt(tp, seen)...)
	}
	if below := e.hub.cfg.WatchedBelow; below != nil {
		for _, w := range below() {
			games, _ := e.read(w)
			wanted = append(wanted, e.positionsOf(games, seen)...)
		}
	}
	e.positions = seen
	slices.SortStableFunc(wanted, func(a, b wantedBoard) int { return cmp.Compare(b.index, a.index) })
	list := make([]relay.Position, 0, len(wanted))
	once := make(map[relay.Position]bool, len(wanted))
	for _, w := range wanted {
		if !once[w.position] {
			once[w.position] = true
			list = append(list, w.position)
		}
	}
	e.from.Want(list)
}

// read returns the games at the watched boards as the sight shows them. There are none while the
// arbiter has switched evaluations off: at once, whatever the delay.
func (e *evaluator) read(w Watched) (games []*relay.Game, off bool) {
	e.hub.cfg.Boards.Read(func(applied uint64, s *relay.State) {
		if off = s.EvaluationsOff(w.Round); off {
			return
		}
		var b relay.Reader = s
		if w.Sight != relay.Truth {
			b = s.ReaderFor(applied, func(relay.TournamentID, relay.RoundID) relay.Sight { return w.Sight })
		}
		r, ok := b.Round(w.Round)
		if !ok {
			return
		}
		for _, id := range r.Games {
			if g, ok := b.Game(id); ok && w.has(g.Board) {
				games = append(games, g)
			}
		}
	})
	return games, off
}

func (e *evaluator) positionsOf(games []*relay.Game, seen map[*relay.Game]relay.Position) []wantedBoard {
	out := make([]wantedBoard, len(games))
	for i, g := range games {
		p, ok := e.positions[g]
		if !ok {
			p = g.Position()
		}
		seen[g] = p
		out[i] = wantedBoard{p, g.Index}
	}
	return out
}

// lookAt puts the frames of a topic's watched boards into its list, and returns their positions.
func (e *evaluator) lookAt(tp *topic, seen map[*relay.Game]relay.Position) []wantedBoard {
	v := &tp.evaluations
	v.mu.Lock()
	generation := v.generation // before the boards are read
	has, told, on := map[int]*relay.Evaluation{}, false, false
	for _, m := range v.list {
		if m.board == 0 {
			told, on = true, m.on
		}
		has[m.board] = m.evaluation
	}
	v.mu.Unlock()
	games, off := e.read(tp.watched())
	wanted := e.positionsOf(games, seen)
	var news []evaluationMsg
	if now := !off && e.from.Available(); !told || on != now {
		news = append(news, evaluationMsg{on: now, message: encodeEvaluation(evaluationsFrame{"evaluations", now})})
	}
	_, published := tp.history.bounds()
	early := false
	for i, g := range games {
		// The boards change before their events are published. Not every change has an event; what
		// was there at the last look is published by now.
		if _, before := e.positions[g]; g.Index > published && !before {
			early = true
			continue
		}
		found := e.from.Get(wanted[i].position)
		if found != nil && found != has[g.Board] {
			news = append(news, evaluationMsg{board: g.Board, evaluation: found, message: encodeEvaluation(evaluationFrame{
				Type: "evaluation", Game: g.ID, Board: g.Board, Ply: g.Ply(), Score: found.Score(),
			})})
		}
	}
	switch {
	case len(news) == 0:
	case v.add(news, generation):
		e.hub.wake(tp)
	default:
		early = true
	}
	if early {
		e.signal()
	}
	return wanted
}

// add adds frames, unless something was forgotten since that generation.
func (v *evaluations) add(news []evaluationMsg, generation uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.generation != generation {
		return false
	}
	changed := map[int]bool{}
	for _, m := range news {
		changed[m.board] = true
	}
	v.list = slices.DeleteFunc(v.list, func(m evaluationMsg) bool { return changed[m.board] })
	for _, m := range news {
		v.seq++
		m.seq = v.seq
		v.list = append(v.list, m)
	}
	v.newest.Store(v.seq)
	return true
}

// evaluationsFrame says whether there are evaluations of the round.
type evaluationsFrame struct {
	Type string `json:"type"`
	On   bool   `json:"on"`
}

// evaluationFrame has no index: it is about a position, and changes nothing.
type evaluationFrame struct {
	Type  string       `json:"type"`
	Game  relay.GameID `json:"game"`
	Board int          `json:"board"`
	Ply   relay.Ply    `json:"ply"`
	relay.Score
}

func encodeEvaluation(frame any) *message {
	data, err := json.Marshal(frame)
	if err != nil {
		data = []byte(`{"type":"evaluations","on":false}`) // it has texts and numbers only
	}
	return &message{objects: [][]byte{data}}
}
