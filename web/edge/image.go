package edge

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"

	"github.com/klauspost/compress/zstd"
)

// Limits of an image that is received.
const (
	maxKey    = 256
	maxRecord = 16 << 20
	// maxImage bounds the records before compression.
	maxImage    = 8 << 30
	imageWindow = 1 << 20
)

// An image is the records of a checkpoint. Each record is its key and its value, both preceded by
// their lengths as varints. An empty key ends the image.

// writeImage writes the messages of an image of the boards at index. Each write to w is one
// message.
func writeImage(w io.Writer, index uint64, records iter.Seq2[string, []byte]) error {
	if _, err := w.Write(appendMessage(nil, kindImage, binary.BigEndian.AppendUint64(nil, index))); err != nil {
		return err
	}
	chunks := bufio.NewWriterSize(&chunkWriter{w: w}, chunkSize)
	z, err := zstd.NewWriter(chunks, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(imageWindow))
	if err != nil {
		return fmt.Errorf("begin an image: %w", err)
	}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(sum, z), chunkSize)
	var head []byte
	for key, value := range records {
		head = append(binary.AppendUvarint(head[:0], uint64(len(key))), key...)
		head = binary.AppendUvarint(head, uint64(len(value)))
		if _, err = out.Write(head); err == nil {
			_, err = out.Write(value)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		_ = out.WriteByte(0) // Flush returns the error
		err = out.Flush()
	}
	if closed := z.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = chunks.Flush()
	}
	if err == nil {
		_, err = w.Write(appendMessage(nil, kindImageEnd, sum.Sum(nil)))
	}
	return err
}

// chunkWriter turns each write into a message.
type chunkWriter struct {
	w   io.Writer
	buf []byte
}

func (c *chunkWriter) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), chunkSize)
		c.buf = appendMessage(c.buf[:0], kindChunk, rest[:n])
		if _, err := c.w.Write(c.buf); err != nil {
			return len(b) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(b), nil
}

// readImage calls load for each record of an image whose first message was read. After an error the
// caller must discard what was loaded. next returns the messages of the image and handles all
// others.
func readImage(next func() (kind byte, payload []byte, err error), load func(key string, value []byte) error) error {
	chunks := &chunkReader{next: next}
	z, err := zstd.NewReader(chunks, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(imageWindow))
	if err != nil {
		return fmt.Errorf("begin an image: %w", err)
	}
	defer z.Close()
	sum := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(io.LimitReader(z, maxImage), sum), chunkSize)
	for {
		key, err := readString(in, maxKey)
		if err != nil {
			return imageError(err)
		}
		if len(key) == 0 {
			break
		}
		value, err := readString(in, maxRecord)
		if err != nil {
			return imageError(err)
		}
		if err := load(string(key), value); err != nil {
			return err
		}
	}
	if n, err := io.Copy(io.Discard, in); err != nil || n > 0 {
		return imageError(err)
	}
	return chunks.finish(sum)
}

func imageError(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("the image ends in the wrong place")
	}
	return fmt.Errorf("read an image: %w", err)
}

// readString reads a length and as many bytes. It allocates only as bytes arrive.
func readString(r *bufio.Reader, limit uint64) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, corrupt("a record of %d bytes", n)
	}
	if n <= chunkSize {
		b := make([]byte, n)
		_, err = io.ReadFull(r, b)
		return b, err
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && uint64(len(b)) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// chunkReader reads the bytes of the chunks.
type chunkReader struct {
	next func() (byte, []byte, error)
	rest []byte
	end  []byte // the payload of kindImageEnd, once it was read
}

func (c *chunkReader) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		if c.end != nil {
			return 0, io.EOF
		}
		kind, payload, err := c.next()
		switch {
		case errors.Is(err, io.EOF):
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		case kind == kindChunk:
			c.rest = payload
		case kind == kindImageEnd:
			c.end = payload
			if len(payload) != sha256.Size {
				return 0, corrupt("a sum of %d bytes", len(payload))
			}
		default:
			return 0, corrupt("a message of kind %d within an image", kind)
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// finish reads to the end and compares the sums.
func (c *chunkReader) finish(sum hash.Hash) error {
	if n, err := io.Copy(io.Discard, c); err != nil || n > 0 {
		return imageError(err)
	}
	if string(sum.Sum(nil)) != string(c.end) {
		return corrupt("the image has another sum")
	}
	return nil
}
