package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// bbolt protects its two meta pages by checksums and nothing else, so every
// value that this package stores is a record:
//
//	crc      4 bytes, big endian: CRC-32C of the key and the payload
//	payload  the rest
//
// The key is in the sum, so that a value found under another key is noticed.
const crcSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errRecord is the fault of a record; callers add key and file.
var errRecord = errors.New("checksum mismatch")

func checksum(key, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, payload)
}

// seal fills in the checksum of rec, whose first crcSize bytes are kept for it.
func seal(key, rec []byte) []byte {
	binary.BigEndian.PutUint32(rec, checksum(key, rec[crcSize:]))
	return rec
}

// open checks rec and returns its payload, which shares rec's memory.
func open(key, rec []byte) ([]byte, error) {
	if len(rec) < crcSize || binary.BigEndian.Uint32(rec) != checksum(key, rec[crcSize:]) {
		return nil, errRecord
	}
	return rec[crcSize:], nil
}

// formatVersion begins the payload of the boards' state record. Another version is refused at open.
const formatVersion = 1

func checkVersion(payload []byte, need int) error {
	if len(payload) < 1 {
		return errRecord
	}
	if v := payload[0]; v != formatVersion {
		return fmt.Errorf("format version %d, this program knows version %d", v, formatVersion)
	}
	if len(payload) < need {
		return errRecord
	}
	return nil
}
