package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a broker answers for as long as the coordinator, or the transaction before, is not ready: the client asks again.
var passing = map[int16]bool{
	14: true, // COORDINATOR_LOAD_IN_PROGRESS
	15: true, // COORDINATOR_NOT_AVAILABLE
	16: true, // NOT_COORDINATOR
	19: true, // NOT_ENOUGH_REPLICAS, which Produce answers where its partition can't be added to the transaction yet
	51: true, // CONCURRENT_TRANSACTIONS
}

const (
	// Clients wait 20 ms or more before they ask again; after a shorter time a broker that is ready sooner shows that it is.
	passingPause = time.Millisecond
	maxPassing   = 30 * time.Second
)

// until asks again while the broker says that it isn't ready, and counts how often.
func until(c *counter, what string, ask func() (int16, error)) error {
	for end := time.Now().Add(maxPassing); ; time.Sleep(passingPause) {
		code, err := ask()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if !passing[code] || time.Now().After(end) {
			return check(what, code)
		}
		c.retries.Add(1)
	}
}

// KIP-890: from transaction.version 2 on, Produce itself adds its partition to the transaction and the end of each raises
// the producer's epoch. The versions of the requests say which of the two the client means.
const (
	produceKey, addPartitionsKey, endKey = 0, 24, 26

	implicitSince      = 2  // transaction.version
	implicitProduce    = 12 // the first version of Produce that adds
	implicitEnd        = 5  // the first version of EndTxn that answers another epoch
	newestForClientAdd = 3  // later versions of AddPartitionsToTxn are for brokers
)

// transactionVersions are the versions to use with a broker by what it has finalized, and whether Produce adds partitions.
func transactionVersions(known versions, finalized int16) (versions, bool, error) {
	used := maps.Clone(known)
	if finalized >= implicitSince {
		if used[produceKey] < implicitProduce || used[endKey] < implicitEnd {
			return nil, false, fmt.Errorf("transaction.version %d with Produce %d and EndTxn %d", finalized, used[produceKey], used[endKey])
		}
		return used, true, nil
	}
	used[produceKey] = min(used[produceKey], implicitProduce-1)
	used[endKey] = min(used[endKey], implicitEnd-1)
	used[addPartitionsKey] = min(used[addPartitionsKey], newestForClientAdd)
	return used, false, nil
}

// transactional is a producer with a transactional id of its own, on one connection, with one transaction at a time.
type transactional struct {
	*conn
	id       string
	topic    string
	implicit bool
	by       producer
	frames   []*produceFrame // one for each partition
	turn     int
	produced *kmsg.ProduceResponse
}

// written is where a transaction's records are.
type written struct {
	partition int
	end       int64 // the offset after its last record
}

// transactionals makes a producer for each connection; all know their coordinator and their identity.
func (l *load) transactionals(t target) (producers []*transactional, err error) {
	batch := buildBatch(l.batchRecords, l.recordSize, l.keys)
	batch[atAttributes+1] |= isTransactional
	first, err := dial(l.address, nil, 4<<10)
	if err != nil {
		return nil, err
	}
	defer first.Close()
	finalized := first.finalized["transaction.version"]
	if l.transactionVersion >= 0 && int(finalized) != l.transactionVersion {
		return nil, fmt.Errorf("the broker has finalized transaction.version %d instead of %d", finalized, l.transactionVersion)
	}
	known, implicit, err := transactionVersions(first.versions, finalized)
	if err != nil {
		return nil, err
	}
	for i := range l.connections {
		p, err := l.transactional(t, known, implicit, i, batch)
		if err != nil {
			closeProducers(producers)
			return nil, fmt.Errorf("producer %d: %w", i, err)
		}
		producers = append(producers, p)
	}
	return producers, nil
}

func (l *load) transactional(t target, known versions, implicit bool, number int, batch []byte) (*transactional, error) {
	c, err := dial(l.address, known, 4<<10)
	if err != nil {
		return nil, err
	}
	id := fmt.Sprintf("%s-%d", l.topic, number)
	p := &transactional{conn: c, id: id, topic: l.topic, implicit: implicit, turn: number % t.partitions}
	if err := p.begin(); err != nil {
		c.Close()
		return nil, err
	}
	for partition := range t.partitions {
		request := l.produceRequest(c, t, partition)
		request.TransactionID = &p.id
		p.produced = request.ResponseKind().(*kmsg.ProduceResponse)
		p.frames = append(p.frames, newProduceFrame(request, batch, l.batchRecords, p.by))
	}
	return p, nil
}

func closeProducers(producers []*transactional) {
	for _, p := range producers {
		p.Close()
	}
}

// begin waits for the coordinator, which may make its topic first, and gets the producer's identity.
func (p *transactional) begin() error {
	uncounted := &counter{}
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorType, find.CoordinatorKey, find.CoordinatorKeys = 1, p.id, []string{p.id}
	if err := until(uncounted, "FindCoordinator", func() (int16, error) {
		response, err := p.call(find)
		if err != nil {
			return 0, err
		}
		found := response.(*kmsg.FindCoordinatorResponse)
		for _, one := range found.Coordinators {
			return one.ErrorCode, nil
		}
		return found.ErrorCode, nil
	}); err != nil {
		return err
	}
	request := kmsg.NewPtrInitProducerIDRequest()
	request.TransactionalID, request.TransactionTimeoutMillis = &p.id, 60_000
	request.ProducerID, request.ProducerEpoch = -1, -1
	return until(uncounted, "InitProducerId", func() (int16, error) {
		response, err := p.call(request)
		if err != nil {
			return 0, err
		}
		r := response.(*kmsg.InitProducerIDResponse)
		p.by = producer{r.ProducerID, r.ProducerEpoch}
		return r.ErrorCode, nil
	})
}

// write begins a transaction and writes one batch of it, to each partition in turn.
func (p *transactional) write(c *counter) (written, error) {
	partition := p.turn
	p.turn = (p.turn + 1) % len(p.frames)
	if !p.implicit {
		if err := p.add(c, int32(partition)); err != nil {
			return written{}, err
		}
	}
	frame := p.frames[partition]
	frame.as(p.by)
	encoded := frame.next(0)
	at := written{partition: partition}
	err := until(c, "Produce", func() (int16, error) {
		p.correlation++
		binary.BigEndian.PutUint32(encoded[8:], uint32(p.correlation))
		if _, err := p.Write(encoded); err != nil {
			return 0, err
		}
		if err := p.receive(p.produced); err != nil {
			return 0, err
		}
		if len(p.produced.Topics) != 1 || len(p.produced.Topics[0].Partitions) != 1 {
			return 0, errors.New("a response without its partition")
		}
		got := p.produced.Topics[0].Partitions[0]
		at.end = got.BaseOffset + int64(frame.recordCount)
		return got.ErrorCode, nil
	})
	return at, err
}

func (p *transactional) add(c *counter, partition int32) error {
	request := kmsg.NewPtrAddPartitionsToTxnRequest()
	request.TransactionalID, request.ProducerID, request.ProducerEpoch = p.id, p.by.id, p.by.epoch
	topic := kmsg.NewAddPartitionsToTxnRequestTopic()
	topic.Topic, topic.Partitions = p.topic, []int32{partition}
	request.Topics = append(request.Topics, topic)
	return until(c, "AddPartitionsToTxn", func() (int16, error) {
		response, err := p.call(request)
		if err != nil {
			return 0, err
		}
		topics := response.(*kmsg.AddPartitionsToTxnResponse).Topics
		if len(topics) != 1 || len(topics[0].Partitions) != 1 {
			return 0, errors.New("a response without its partition")
		}
		return topics[0].Partitions[0].ErrorCode, nil
	})
}

// commit ends the transaction and takes the identity that the next one has.
func (p *transactional) commit(c *counter) error {
	request := kmsg.NewPtrEndTxnRequest()
	request.TransactionalID, request.ProducerID, request.ProducerEpoch, request.Commit = p.id, p.by.id, p.by.epoch, true
	return until(c, "EndTxn", func() (int16, error) {
		response, err := p.call(request)
		if err != nil {
			return 0, err
		}
		r := response.(*kmsg.EndTxnResponse)
		if r.ErrorCode == 0 && p.implicit {
			p.by = producer{r.ProducerID, r.ProducerEpoch}
		}
		return r.ErrorCode, nil
	})
}

// transact has every producer make one transaction after another. A transaction counts as one request; the latency is that
// of its commit: from the first EndTxn to the answer that it is done.
func (l *load) transact(m *measurement, t target, _ versions) (*Result, error) {
	return l.transactEvery(0, m, t)
}

// transactPaced is the same at a set rate of all producers together: both brokers get the same work.
func (l *load) transactPaced(m *measurement, t target, _ versions) (*Result, error) {
	return l.transactEvery(l.interval(), m, t)
}

// interval is that in which each producer begins a transaction at the set rate of records.
func (l *load) interval() time.Duration {
	return time.Second * time.Duration(l.batchRecords*l.connections) / time.Duration(l.rate)
}

func (l *load) transactEvery(interval time.Duration, m *measurement, t target) (*Result, error) {
	producers, err := l.transactionals(t)
	if err != nil {
		return nil, err
	}
	defer closeProducers(producers)
	var workers []func(*counter) error
	for i, p := range producers {
		workers = append(workers, func(c *counter) error {
			due := time.Now().Add(interval * time.Duration(i) / time.Duration(l.connections))
			for ; !m.stopping.Load(); due = due.Add(interval) {
				if interval > 0 {
					time.Sleep(time.Until(due))
				}
				if _, err := p.write(c); err != nil {
					return err
				}
				start := time.Now()
				if err := p.commit(c); err != nil {
					return err
				}
				m.latency(c, time.Since(start))
				m.add(c, 1, int64(l.batchRecords), int64(len(p.frames[0].batch)))
			}
			return nil
		})
	}
	return m.run(workers, nil)
}

// awaited holds the transactions whose end was asked for and that the consumer does not have yet.
type awaited struct {
	mu          sync.Mutex
	byPartition [][]awaitedEnd
}

type awaitedEnd struct {
	offset int64 // after the transaction's last record
	asked  time.Time
}

func (a *awaited) add(at written) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byPartition[at.partition] = append(a.byPartition[at.partition], awaitedEnd{at.end, time.Now()})
}

// arrived takes out what a consumer at these offsets has, and tells of each when its end had been asked for.
func (a *awaited) arrived(offsets []int64, each func(asked time.Time)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for partition, waiting := range a.byPartition {
		left := waiting[:0]
		for _, end := range waiting {
			if end.offset <= offsets[partition] {
				each(end.asked)
			} else {
				left = append(left, end)
			}
		}
		a.byPartition[partition] = left
	}
}

// committed lets one consumer read with read_committed what producers write in transactions, together at a set rate; each
// transaction stays open for a while, so that many are at the same time. Only what the consumer gets counts, and the
// latency is that of a transaction's records: from when its end was asked for to their arrival.
func (l *load) committed(m *measurement, t target, known versions) (*Result, error) {
	ends, err := l.endOffsets(t, known)
	if err != nil {
		return nil, err
	}
	f, err := l.consumer(t, known, 0, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	f.request.IsolationLevel, f.offsets = 1, ends
	producers, err := l.transactionals(t)
	if err != nil {
		return nil, err
	}
	defer closeProducers(producers)
	waiting := &awaited{byPartition: make([][]awaitedEnd, t.partitions)}
	interval := l.interval()
	workers := []func(*counter) error{func(c *counter) error {
		for !m.stopping.Load() {
			records, size, err := f.fetch()
			if err != nil {
				return err
			}
			now := time.Now()
			waiting.arrived(f.offsets, func(asked time.Time) { m.latency(c, now.Sub(asked)) })
			m.add(c, 1, records, size)
		}
		return nil
	}}
	for i, p := range producers {
		workers = append(workers, func(c *counter) error {
			due := time.Now().Add(interval * time.Duration(i) / time.Duration(l.connections))
			for ; !m.stopping.Load(); due = due.Add(interval) {
				time.Sleep(time.Until(due))
				at, err := p.write(c)
				if err != nil {
					return err
				}
				time.Sleep(l.pause)
				waiting.add(at)
				if err := p.commit(c); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return m.run(workers, func() { f.Close() })
}
