package store

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"go.etcd.io/raft/v3/raftpb"
)

// TestKill has a process write a log and boards, and report each write that is done. It kills the
// process at any moment. All reported writes must be there then, and the present one wholly or not
// at all. Then it goes on from there.
func TestKill(t *testing.T) {
	rounds, parts := 30, 2
	if *long {
		rounds = 200
	}
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			k := killed{t: t, dir: t.TempDir(), log: emptyContent, boards: map[string]string{"": positionText(Position{ConfState: &raftpb.ConfState{}})}}
			for round := range rounds / parts {
				k.round(uint64(part*1000+round), round)
			}
			t.Logf("%d writes to the log and %d to the boards were acknowledged; of those under way %d were there and %d not",
				k.logs, k.checkpoints, k.whole, k.absent)
		})
	}
}

// killed is what must be in dir.
type killed struct {
	t      *testing.T
	dir    string
	log    content
	boards map[string]string
	index  uint64 // of the boards

	logs, checkpoints, whole, absent int
}

var killOptions = LogOptions{SegmentBytes: 64 << 10, TailBytes: 10_000}

const (
	killDir  = "CHESSRELAY_TEST_KILL_DIR" // tells the test binary to be the child
	killSeed = "CHESSRELAY_TEST_KILL_SEED"
)

func (k *killed) round(seed uint64, round int) {
	t := k.t
	child := exec.Command(os.Args[0], "-test.run=^TestKillChild$")
	child.Env = append(os.Environ(), killDir+"="+k.dir, killSeed+"="+strconv.FormatUint(seed, 10))
	child.Stderr = os.Stderr
	said, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 20))
	in := bufio.NewReader(said)
	counts := map[byte]int{}
	for range r.IntN(120) {
		what, err := in.ReadByte()
		if err != nil {
			t.Fatalf("round %d: the child has ended: %v", round, err)
		}
		counts[what]++
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	for _, what := range rest {
		counts[what]++
	}
	k.check(fmt.Sprintf("round %d", round), seed, counts['L'], counts['B'])
}

// check does what the child has done to the models, and compares.
func (k *killed) check(what string, seed uint64, logs, checkpoints int) {
	t := k.t
	k.logs, k.checkpoints = k.logs+logs, k.checkpoints+checkpoints
	r := rand.New(rand.NewPCG(seed, 21))
	for range logs {
		k.log = randomOp(r, k.log).apply(k.log)
	}
	l, err := OpenLog(filepath.Join(k.dir, "log"), killOptions)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer l.Close()
	before := k.log
	k.log = oneOf(t, what, logContent(t, l), []content{before, randomOp(r, before).apply(before)})
	if same(before, k.log) {
		k.absent++
	} else {
		k.whole++
	}

	r = rand.New(rand.NewPCG(seed, 22))
	for range checkpoints {
		applyCheckpoint(k.boards, randomCheckpoint(r, k.index))
		k.index++
	}
	b, err := OpenBoards(filepath.Join(k.dir, "boards"))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer b.Close()
	got := boardsContent(t, b)
	if cmp.Equal(k.boards, got) {
		return
	}
	applyCheckpoint(k.boards, randomCheckpoint(r, k.index))
	k.index++
	if d := cmp.Diff(k.boards, got); d != "" {
		t.Fatalf("%s: boards (-want +got):\n%s", what, d)
	}
}

// TestKillChild is the process that TestKill kills.
func TestKillChild(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		t.Skip("TestKill runs it")
	}
	seed, err := strconv.ParseUint(os.Getenv(killSeed), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	l := mustOpenLog(t, filepath.Join(dir, "log"), killOptions)
	b := mustOpenBoards(t, filepath.Join(dir, "boards"))
	say := func(what string) {
		if _, err := os.Stdout.WriteString(what); err != nil {
			os.Exit(1) // nobody listens
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		r, c := rand.New(rand.NewPCG(seed, 21)), logContent(t, l)
		for {
			op := randomOp(r, c)
			if err := op.do(l); err != nil {
				t.Error(err)
				return
			}
			say("L")
			c = op.apply(c)
		}
	})
	wg.Go(func() {
		index := uint64(0)
		if p := b.Position(); p.Term > 0 {
			index = p.Index + 1
		}
		for r := rand.New(rand.NewPCG(seed, 22)); ; index++ {
			if err := b.Checkpoint(randomCheckpoint(r, index)); err != nil {
				t.Error(err)
				return
			}
			say("B")
		}
	})
	wg.Wait()
}
