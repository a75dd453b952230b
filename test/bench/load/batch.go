package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Where the fields of a record batch of magic 2 begin.
const (
	atLength          = 8
	atMagic           = 16
	atCRC             = 17
	atAttributes      = 21
	atLastOffsetDelta = 23
	atBaseTimestamp   = 27
	atMaxTimestamp    = 35
	atProducerID      = 43
	atProducerEpoch   = 51
	atBaseSequence    = 53
	atRecordCount     = 57
	batchHeaderSize   = 61

	// In the second byte of the attributes.
	isTransactional = 1 << 4
	isControl       = 1 << 5 // a marker that ends a transaction
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// buildBatch makes an uncompressed batch of equal records; with keys > 0 they have so many keys in turn, else none. The
// producer's fields say "none".
func buildBatch(recordCount, valueSize, keys int) []byte {
	batch := make([]byte, batchHeaderSize, batchHeaderSize+recordCount*(valueSize+16))
	value := make([]byte, valueSize)
	for i := range value {
		value[i] = byte('a' + i*7%26)
	}
	now := uint64(time.Now().UnixMilli())
	batch[atMagic] = 2
	binary.BigEndian.PutUint32(batch[atLastOffsetDelta:], uint32(recordCount-1))
	binary.BigEndian.PutUint64(batch[atBaseTimestamp:], now)
	binary.BigEndian.PutUint64(batch[atMaxTimestamp:], now)
	binary.BigEndian.PutUint64(batch[atProducerID:], ^uint64(0))
	binary.BigEndian.PutUint16(batch[atProducerEpoch:], ^uint16(0))
	binary.BigEndian.PutUint32(batch[atBaseSequence:], ^uint32(0))
	binary.BigEndian.PutUint32(batch[atRecordCount:], uint32(recordCount))
	var record []byte
	for i := 0; i < recordCount; i++ {
		record = append(record[:0], 0)                 // attributes
		record = binary.AppendVarint(record, 0)        // timestamp delta
		record = binary.AppendVarint(record, int64(i)) // offset delta
		if keys > 0 {
			key := strconv.AppendInt(nil, int64(i%keys), 10)
			record = append(binary.AppendVarint(record, int64(len(key))), key...)
		} else {
			record = binary.AppendVarint(record, -1)
		}
		record = binary.AppendVarint(record, int64(valueSize)) // value
		record = append(record, value...)                      //
		record = binary.AppendVarint(record, 0)                // no headers
		batch = binary.AppendVarint(batch, int64(len(record))) //
		batch = append(batch, record...)                       //
	}
	binary.BigEndian.PutUint32(batch[atLength:], uint32(len(batch)-12))
	putCRC(batch)
	return batch
}

func putCRC(batch []byte) {
	binary.BigEndian.PutUint32(batch[atCRC:], crc32.Checksum(batch[atAttributes:], castagnoli))
}

// producer is an idempotent producer's identity, or none when id is negative.
type producer struct {
	id    int64
	epoch int16
}

// produceFrame is an encoded Produce request for one partition that is sent again and again: only the correlation id,
// the sequence and the CRC change, so that the client's own work per request stays small.
type produceFrame struct {
	bytes       []byte
	batch       []byte // the part of bytes that is the batch
	recordCount int
	sequence    int32
	by          producer
}

func newProduceFrame(request *kmsg.ProduceRequest, batch []byte, recordCount int, by producer) *produceFrame {
	request.Topics[0].Partitions[0].Records = batch
	encoded := formatter.AppendRequest(nil, request, 0)
	at := bytes.Index(encoded, batch[:batchHeaderSize])
	f := &produceFrame{bytes: encoded, batch: encoded[at : at+len(batch)], recordCount: recordCount, by: producer{id: -1}}
	f.as(by)
	return f
}

// as gives the frame another producer's id and epoch, whose sequences begin at 0.
func (f *produceFrame) as(by producer) {
	if by == f.by {
		return
	}
	f.by, f.sequence = by, 0
	binary.BigEndian.PutUint64(f.batch[atProducerID:], uint64(by.id))
	binary.BigEndian.PutUint16(f.batch[atProducerEpoch:], uint16(by.epoch))
}

// next makes the frame ready to be sent once more.
func (f *produceFrame) next(correlation int32) []byte {
	binary.BigEndian.PutUint32(f.bytes[8:], uint32(correlation))
	if f.by.id >= 0 {
		binary.BigEndian.PutUint32(f.batch[atBaseSequence:], uint32(f.sequence))
		putCRC(f.batch)
		// After the largest sequence comes 0.
		f.sequence = int32((int64(f.sequence) + int64(f.recordCount)) & 0x7fffffff)
	}
	return f.bytes
}

// span reads the whole batches at the start of bytes: how many records, those of transactions'
// ends not among them, and the offset after the last of them. A batch
// that the response cut short ends the reading, as the protocol allows. With verify, every CRC is checked.
func span(records []byte, from int64, verify bool) (count int64, next int64, size int, ok bool) {
	next = from
	for len(records) >= batchHeaderSize {
		length := 12 + int(binary.BigEndian.Uint32(records[atLength:]))
		if length < batchHeaderSize || records[atMagic] != 2 {
			return count, next, size, false
		}
		if length > len(records) {
			break
		}
		if verify && binary.BigEndian.Uint32(records[atCRC:]) != crc32.Checksum(records[atAttributes:length], castagnoli) {
			return count, next, size, false
		}
		base := int64(binary.BigEndian.Uint64(records))
		end := base + int64(binary.BigEndian.Uint32(records[atLastOffsetDelta:])) + 1
		if end > next {
			if records[atAttributes+1]&isControl == 0 {
				count += end - next
			}
			next = end
		}
		size += length
		records = records[length:]
	}
	return count, next, size, true
}
