package relay

const (
	idLen      = 8
	idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// An idNumber is the bytes of an id as a number. A table finds it without reading the text.
type idNumber uint64

// number returns 0 for what cannot be an id.
func (id GameID) number() idNumber {
	if len(id) != idLen {
		return 0
	}
	return idNumber(id[0]) | idNumber(id[1])<<8 | idNumber(id[2])<<16 | idNumber(id[3])<<24 | // one load
		idNumber(id[4])<<32 | idNumber(id[5])<<40 | idNumber(id[6])<<48 | idNumber(id[7])<<56
}

// FormatID makes an id of a random number. The node that receives a creation calls it, since this
// package has no randomness. There are 62^8 ids, so about 47 bits of the number count.
func FormatID(random uint64) string {
	var id [idLen]byte
	for i := range id {
		id[i] = idAlphabet[random%uint64(len(idAlphabet))]
		random /= uint64(len(idAlphabet))
	}
	return string(id[:])
}

// ValidID reports whether id has the form of an id: 8 characters of [A-Za-z0-9].
func ValidID(id string) bool {
	if len(id) != idLen {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			return false
		}
	}
	return true
}
