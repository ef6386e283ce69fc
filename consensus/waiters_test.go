package consensus

import (
	"fmt"
	"sync"
	"testing"
)

// TestDeliveryServesAgain only if it was sent once and is done: a submission that is sent again may still stand in
// a queue, with the delivery's own memory.
func TestDeliveryServesAgain(t *testing.T) {
	for sends, again := range map[int]bool{1: true, 2: false} {
		ws := newWaiters(maxWaiting)
		d, err := ws.register(t.Context(), &Node{}, false, [][]byte{[]byte("e4")})
		if err != nil {
			t.Fatal(err)
		}
		id, s := d.first, ws.toSend(d)
		d.sends = sends
		ws.resolve([]uint64{id}, []Command{{Index: 7, Result: "+"}})
		if results := ws.forget(d); len(results) != 1 || results[0].Index != 7 || results[0].Value != "+" {
			t.Errorf("sent %d times: the results are %v", sends, results)
		}
		if kept := len(s.ids) == 1 && s.ids[0] == id && string(s.data[0]) == "e4"; kept == again {
			t.Errorf("sent %d times: the submission is kept: %v", sends, kept)
		}
		if ws.count() != 0 || ws.bytes() != 0 {
			t.Errorf("sent %d times: %d commands of %d bytes are waited for", sends, ws.count(), ws.bytes())
		}
	}
}

// TestPlaceIsTaken: whoever comes when another has waited so long that its place is due again gets the next one, and both get their own results.
func TestPlaceIsTaken(t *testing.T) {
	ws := newWaiters(maxWaiting)
	register := func() *delivery {
		d, err := ws.register(t.Context(), &Node{}, false, [][]byte{[]byte("e4")})
		if err != nil {
			t.Fatal(err)
		}
		ws.toSend(d)
		d.sends = 1
		return d
	}
	first := register()
	ws.number.Add(2*maxWaiting - 1)
	second := register()
	if second.first != first.first+(2*maxWaiting+1)*maxProposal {
		t.Errorf("the first has the id %d, and the second, %d deliveries later, %d", first.first, 2*maxWaiting, second.first)
	}
	ids := []uint64{second.first - maxProposal, second.first, first.first} // the first one's place, and nobody's number
	ws.resolve(ids, []Command{{Index: 1}, {Index: 2}, {Index: 3}})
	for d, index := range map[*delivery]uint64{first: 3, second: 2} {
		if r := ws.forget(d); r[0].Index != index {
			t.Errorf("entry %d was taken for %d", r[0].Index, index)
		}
	}
}

// TestTwiceInTheLog: what stands there a second time changes nothing, neither while others of the same Propose are waited for nor afterwards.
func TestTwiceInTheLog(t *testing.T) {
	ws := newWaiters(maxWaiting)
	d, err := ws.register(t.Context(), &Node{}, false, [][]byte{[]byte("e4"), []byte("e5")})
	if err != nil {
		t.Fatal(err)
	}
	ws.toSend(d)
	e4, e5 := d.first, d.first+1
	ws.resolve([]uint64{e4, e4, e4 + maxProposal, e4 + 2}, []Command{{Index: 1}, {Index: 2}, {Index: 3}, {Index: 4}})
	if d.done.Load() || ws.count() != 2 {
		t.Fatalf("done: %v, %d wait, and one of two is applied", d.done.Load(), ws.count())
	}
	ws.resolve([]uint64{e5, e5, e4}, []Command{{Index: 5}, {Index: 6}, {Index: 7}})
	alone, err := ws.register(t.Context(), &Node{}, false, [][]byte{[]byte("d4")})
	if err != nil {
		t.Fatal(err)
	}
	ws.resolve([]uint64{alone.first, alone.first}, []Command{{Index: 8}, {Index: 9}})
	if r := ws.forget(alone); r[0].Index != 8 {
		t.Errorf("results %+v", r)
	}
	if r := ws.forget(d); r[0].Index != 1 || r[1].Index != 5 || ws.count() != 0 || ws.bytes() != 0 {
		t.Errorf("results %+v; %d commands of %d bytes wait", r, ws.count(), ws.bytes())
	}
}

// TestGivenUp is waited for by nobody any more, even if the apply loop had found it before.
func TestGivenUp(t *testing.T) {
	ws := newWaiters(maxWaiting)
	d, err := ws.register(t.Context(), &Node{}, false, [][]byte{[]byte("e4")})
	if err != nil {
		t.Fatal(err)
	}
	id := d.first
	ws.forget(d)
	if c, b := ws.resolveOne(d, id, &Command{}); ws.place(id).Load() != nil || c != 0 || b != 0 || ws.count() != 0 {
		t.Errorf("it is in its place: %v; %d commands of %d bytes were resolved, %d wait", ws.place(id).Load() != nil, c, b, ws.count())
	}
}

// TestWaitersTogether has many register, be resolved, refused, woken and given up at once.
func TestWaitersTogether(t *testing.T) {
	ws, of := newWaiters(maxWaiting), newOffers()
	const proposers, each = 16, 500
	ended := make(chan struct{})
	var wg sync.WaitGroup
	for p := range proposers {
		wg.Go(func() {
			for i := range each {
				data := [][]byte{fmt.Append(nil, p), fmt.Append(nil, i)}[:1+i%2]
				d, err := ws.register(t.Context(), &Node{}, false, data)
				if err != nil {
					t.Error(err)
					return
				}
				s := ws.toSend(d)
				d.sends = 1
				if i%7 == 0 { // given up before it is offered
					ws.forget(d)
					continue
				}
				s.refuse = ws.refuse
				of.put(s)
				for !d.done.Load() {
					<-d.wake
				}
				first := d.first
				for at, r := range ws.forget(d) {
					if r.Index != first+uint64(at) {
						t.Errorf("the result of %d is that of %d", first+uint64(at), r.Index)
					}
				}
			}
		})
	}
	go func() { wg.Wait(); close(ended) }()
	for {
		select {
		case <-ended:
			if of.some() || ws.count() != 0 || ws.bytes() != 0 {
				t.Errorf("%d commands of %d bytes wait, offers: %v", ws.count(), ws.bytes(), of.some())
			}
			return
		case <-of.ready:
		}
		for _, s := range of.takeAll() {
			s.refuse(refusal{IDs: s.ids, Code: refusedDropped})
			if s.ids[0]/maxProposal%32 == 0 {
				ws.tick()
			}
			var batch []Command
			for _, id := range s.ids {
				batch = append(batch, Command{Index: id})
			}
			ws.resolve(s.ids, batch)
		}
		ws.wakeResolved()
	}
}
