package consensus

import "testing"

// TestDeliveryServesAgain only if it was sent once and is done: a submission that is sent again may still stand in
// a queue, with the delivery's own memory.
func TestDeliveryServesAgain(t *testing.T) {
	for sends, again := range map[int]bool{1: true, 2: false} {
		ws := newWaiters()
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
