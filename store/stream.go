package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// A boards file on its way to another node. All numbers are big endian.
//
//	magic    8 bytes "CRBOARDS"
//	version  1 byte
//	size     8 bytes: of the file
//	chunks   each is
//	           length 4 bytes, of what follows
//	           data   chunkSize bytes of the file, or fewer in the last
//	                  chunk, compressed with zstd
//	end      4 bytes zero
//	sha256   32 bytes: of the file
//
// Each chunk stands alone. So the receiver reads no byte behind the end of the stream, and its
// memory is bounded.
const (
	streamMagic   = "CRBOARDS"
	streamVersion = 1
	streamHeader  = len(streamMagic) + 1 + 8
	chunkSize     = 1 << 20
	// maxChunk is more than zstd makes of chunkSize incompressible bytes.
	maxChunk = chunkSize + chunkSize/64
)

// encodeStream writes the size bytes that src writes, as a stream.
func encodeStream(w io.Writer, size int64, src io.WriterTo) error {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(chunkSize), zstd.WithEncoderCRC(false))
	if err != nil {
		return err
	}
	defer z.Close()
	header := append(append(make([]byte, 0, streamHeader), streamMagic...), streamVersion)
	if _, err := w.Write(binary.BigEndian.AppendUint64(header, uint64(size))); err != nil {
		return fmt.Errorf("send snapshot: %w", err)
	}
	c := &chunkWriter{w: w, z: z}
	sum := sha256.New()
	n, err := src.WriteTo(io.MultiWriter(sum, c))
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes, not %d", n, size)
	}
	if err == nil {
		err = c.flush()
	}
	if err == nil {
		_, err = w.Write(sum.Sum(make([]byte, 4)))
	}
	if err != nil {
		return fmt.Errorf("send snapshot: %w", err)
	}
	return nil
}

// chunkWriter cuts its input into chunks.
type chunkWriter struct {
	w   io.Writer
	z   *zstd.Encoder
	raw []byte
	out []byte
}

func (c *chunkWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		take := min(len(p), chunkSize-len(c.raw))
		c.raw = append(c.raw, p[:take]...)
		p = p[take:]
		if len(c.raw) == chunkSize {
			if err := c.flush(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

// flush sends the present chunk, if it is not empty.
func (c *chunkWriter) flush() error {
	if len(c.raw) == 0 {
		return nil
	}
	c.out = c.z.EncodeAll(c.raw, append(c.out[:0], 0, 0, 0, 0))
	binary.BigEndian.PutUint32(c.out, uint32(len(c.out)-4))
	c.raw = c.raw[:0]
	_, err := c.w.Write(c.out)
	return err
}

// decodeStream writes the file in the stream r to w. It refuses a file of more than limit bytes
// before it writes any. Every error but one of w wraps ErrStream. After an error nothing that was
// written can be trusted.
func decodeStream(r io.Reader, limit int64, w io.Writer) error {
	size, err := readStreamHeader(r, limit)
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*chunkSize),
		zstd.WithDecoderMaxWindow(chunkSize), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return err
	}
	defer z.Close()
	var (
		sum  = sha256.New()
		in   = make([]byte, maxChunk)
		raw  = make([]byte, 0, chunkSize)
		done int64
	)
	for {
		packed, err := readChunk(r, in)
		if err != nil {
			return err
		}
		if packed == nil {
			break
		}
		if raw, err = z.DecodeAll(packed, raw[:0]); err != nil {
			return fmt.Errorf("%w: at byte %d of the file: %w", ErrStream, done, err)
		}
		if want := min(chunkSize, size-done); int64(len(raw)) != want || want == 0 {
			return fmt.Errorf("%w: %d bytes at byte %d of a file of %d", ErrStream, len(raw), done, size)
		}
		done += int64(len(raw))
		sum.Write(raw)
		if _, err := w.Write(raw); err != nil {
			return err
		}
	}
	if done != size {
		return fmt.Errorf("%w: it ends after %d of %d bytes", ErrStream, done, size)
	}
	if _, err := io.ReadFull(r, in[:sha256.Size]); err != nil {
		return cutShort(err)
	}
	if !bytes.Equal(in[:sha256.Size], sum.Sum(nil)) {
		return fmt.Errorf("%w: the SHA-256 does not match", ErrStream)
	}
	return nil
}

func readStreamHeader(r io.Reader, limit int64) (size int64, err error) {
	var header [streamHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, cutShort(err)
	}
	if string(header[:len(streamMagic)]) != streamMagic {
		return 0, fmt.Errorf("%w: it is not a stream of boards", ErrStream)
	}
	if v := header[len(streamMagic)]; v != streamVersion {
		return 0, fmt.Errorf("%w: version %d, this program knows version %d", ErrStream, v, streamVersion)
	}
	n := binary.BigEndian.Uint64(header[len(streamMagic)+1:])
	if n > uint64(limit) {
		return 0, fmt.Errorf("%w: a file of %d bytes, the limit is %d", ErrStream, n, limit)
	}
	return int64(n), nil
}

// readChunk reads one chunk into buf. It returns nil at the end mark.
func readChunk(r io.Reader, buf []byte) ([]byte, error) {
	if _, err := io.ReadFull(r, buf[:4]); err != nil {
		return nil, cutShort(err)
	}
	n := binary.BigEndian.Uint32(buf)
	if n == 0 {
		return nil, nil
	}
	if n > maxChunk {
		return nil, fmt.Errorf("%w: a chunk of %d bytes", ErrStream, n)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return nil, cutShort(err)
	}
	return buf[:n], nil
}

// cutShort is the error for a stream that ended, or could not be read, too early.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: cut short: %w", ErrStream, err)
}
