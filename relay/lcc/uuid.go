package lcc

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/relay"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// UUID is the tournament's name in LiveChess Cloud's addresses, the same on every node. It is a
// UUID of version 8 (RFC 9562, 5.8): 64 bits of the cluster's id and 48 of the tournament's. It is
// empty if the ids are invalid.
func UUID(cluster string, id relay.TournamentID) string {
	c, err := strconv.ParseUint(cluster, 16, 64)
	if err != nil || !relay.ValidID(string(id)) {
		return ""
	}
	var n uint64
	for i := range len(id) {
		n = n*uint64(len(alphabet)) + uint64(strings.IndexByte(alphabet, id[i]))
	}
	high := c>>16<<16 | 8<<12 | c>>4&0xfff
	low := 1<<63 | (c&0xf)<<58 | n // the variant of RFC 9562; 62^8 < 2^48
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], high)
	binary.BigEndian.PutUint64(b[8:], low)
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// TournamentID is the id in a UUID that [UUID] made for the cluster, in either case. It returns a
// plain id as it is.
func TournamentID(cluster, uuid string) (relay.TournamentID, bool) {
	if relay.ValidID(uuid) {
		return relay.TournamentID(uuid), true
	}
	if len(uuid) != 36 {
		return "", false
	}
	n, err := strconv.ParseUint(uuid[24:], 16, 48)
	if err != nil {
		return "", false
	}
	var id [8]byte
	for i := len(id) - 1; i >= 0; i-- {
		id[i] = alphabet[n%uint64(len(alphabet))]
		n /= uint64(len(alphabet))
	}
	// Any other fault shows here: we would have made another UUID of this id.
	return relay.TournamentID(id[:]), strings.EqualFold(UUID(cluster, relay.TournamentID(id[:])), uuid)
}
