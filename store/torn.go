package store

import "fmt"

// A fault in the log is either a write that a crash cut short, or damage. A torn write was not
// acknowledged, and OpenLog takes it back. Damage is refused. A fault is a torn write only if
//
//   - nothing follows it: no batch with a later number in its segment, and no later segment in use.
//     No batch is begun before the one before it is durable.
//   - at least one sector of 512 bytes in the bad place has nothing but zeros. A disk writes whole
//     sectors, and there are always zeros behind the last batch: OpenLog overwrites what is left of
//     a torn batch.
//
// So a flipped bit is found in any batch, even in the last one, unless its record has a sector of
// zeros. That is a run of 512 zeros in an entry's data, and this program's commands have none.
//
// Some faults cannot be found here. A disk may say that it has synced and may not have: then the
// sectors that were written last are as before. The newest segment, or a whole directory, may be
// missing or an old copy.
//
// The caller compares log, boards and identity: a member that has joined has a log, and the boards'
// index is within the log. The index may also be behind the log by what was compacted. Or it is
// that of a snapshot whose installation a crash cut short, which the identity tells.
//
// After a power failure a disk may leave other content than the old or the new one in a sector.
// Then the log is refused as damaged.

// sector is the unit in which a disk writes. After a power failure each sector of an unfinished
// write is as it was before, or as it should be.
const sector = 512

// tornBatch returns "" if the bad place is what a power failure leaves of an unfinished write, and
// otherwise why it is not.
//
// A batch ends with a mark that is not zero. So a sector that was written is all zeros only if an
// entry has a run of about 512 zeros.
func tornBatch(data []byte, salt uint32, last uint64, bad *badPlace) (damage string) {
	zero := false
	for s := bad.from / sector * sector; s < bad.to; s += sector {
		from, to := max(s, bad.start), min(s+sector, bad.end)
		zero = zero || allZero(data[from:to])
	}
	if !zero {
		return "no sector is missing there, so this is not a write that a crash cut short"
	}
	if !bad.headless {
		if !allZero(data[bad.end:]) {
			return "there is data after it, so the write had been complete"
		}
		return ""
	}
	for at := bad.start + batchAlign; at < len(data); at += batchAlign {
		if h, ok := openBatch(data, salt, at); ok && h.number > last {
			return fmt.Sprintf("batch %d follows it, at byte %d, so the write had been complete", h.number, at)
		}
	}
	return ""
}
