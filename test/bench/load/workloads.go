package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Requests up to this size are gathered into one write when several may be sent.
const gatherSize = 64 << 10

// Records in one batch at a set rate, when the broker has fallen behind.
const maxPacedBatch = 500

// load is what the flags of a workload say.
type load struct {
	address      string
	topic        string
	partitions   int
	connections  int
	consumers    int
	inFlight     int
	recordSize   int
	batchRecords int
	acks         int
	idempotent   bool
	rate         int
	maxBytes     int
	partMaxBytes int
	keys         int
	pause        time.Duration
	session      bool
	verify       bool
	batchFile    string
	batchBytes   int64

	transactionVersion int
}

// batch makes the batch to produce, or takes the one that is given, and says how much it counts for.
func (l *load) batch() ([]byte, int64, error) {
	if l.batchFile == "" {
		batch := buildBatch(l.batchRecords, l.recordSize, l.keys)
		return batch, int64(len(batch)), nil
	}
	batch, err := os.ReadFile(l.batchFile)
	if err != nil {
		return nil, 0, err
	}
	if len(batch) < batchHeaderSize {
		return nil, 0, fmt.Errorf("%s is no record batch", l.batchFile)
	}
	l.batchRecords = int(binary.BigEndian.Uint32(batch[atRecordCount:]))
	if l.batchBytes > 0 {
		return batch, l.batchBytes, nil
	}
	return batch, int64(len(batch)), nil
}

// target is a topic as the broker describes it.
type target struct {
	id         [16]byte
	partitions int
	leaders    []string // their addresses, by partition
}

func (l *load) produceRequest(c *conn, t target, partition int) *kmsg.ProduceRequest {
	request := kmsg.NewPtrProduceRequest()
	c.versions.apply(request)
	request.Acks, request.TimeoutMillis = int16(l.acks), 30_000
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition = int32(partition)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = l.topic, t.id
	topic.Partitions = append(topic.Partitions, part)
	request.Topics = append(request.Topics, topic)
	return request
}

// producerFor asks for an identity when the load is idempotent.
func (l *load) producerFor(c *conn) (producer, error) {
	if !l.idempotent {
		return producer{id: -1}, nil
	}
	request := kmsg.NewPtrInitProducerIDRequest()
	request.TransactionTimeoutMillis = 60_000
	request.ProducerID, request.ProducerEpoch = -1, -1
	// A coordinator that is still loading says so; a client asks again.
	for try := 0; ; try++ {
		response, err := c.call(request)
		if err != nil {
			return producer{}, fmt.Errorf("InitProducerId: %w", err)
		}
		r := response.(*kmsg.InitProducerIDResponse)
		if r.ErrorCode == 0 {
			return producer{r.ProducerID, r.ProducerEpoch}, nil
		}
		if try == 50 {
			return producer{}, check("InitProducerId", r.ErrorCode)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// produceLink is one connection that produces in turn to some partitions of one leader.
type produceLink struct {
	*conn
	frames   []*produceFrame
	turn     int
	pending  []byte // frames gathered and not yet written
	response *kmsg.ProduceResponse
	next     time.Time
}

func (l *load) produceLink(t target, known versions, partitions []int, batch []byte) (*produceLink, error) {
	c, err := dial(t.leaders[partitions[0]], known, 16<<10)
	if err != nil {
		return nil, err
	}
	by, err := l.producerFor(c)
	if err != nil {
		return nil, err
	}
	link := &produceLink{conn: c}
	for _, partition := range partitions {
		request := l.produceRequest(c, t, partition)
		link.response = request.ResponseKind().(*kmsg.ProduceResponse)
		link.frames = append(link.frames, newProduceFrame(request, batch, l.batchRecords, by))
	}
	return link, nil
}

// queue takes the next partition's frame; flush writes what was queued.
func (p *produceLink) queue() error {
	frame := p.frames[p.turn]
	p.turn = (p.turn + 1) % len(p.frames)
	p.correlation++
	encoded := frame.next(p.correlation)
	if len(encoded) <= gatherSize {
		p.pending = append(p.pending, encoded...)
		if len(p.pending) < gatherSize {
			return nil
		}
		return p.flush()
	}
	if err := p.flush(); err != nil {
		return err
	}
	_, err := p.Write(encoded)
	return err
}

func (p *produceLink) flush() error {
	if len(p.pending) == 0 {
		return nil
	}
	_, err := p.Write(p.pending)
	p.pending = p.pending[:0]
	return err
}

func (p *produceLink) acknowledged() error {
	if err := p.receive(p.response); err != nil {
		return err
	}
	if len(p.response.Topics) != 1 || len(p.response.Topics[0].Partitions) != 1 {
		return errors.New("a Produce response without its partition")
	}
	return check("Produce", p.response.Topics[0].Partitions[0].ErrorCode)
}

// shares divides the partitions among connections, each of which has those of one leader. Where there are more leaders than
// connections, some have no connection.
func (t target) shares(connections int) [][]int {
	var leaders []string
	led := map[string][]int{}
	for partition, leader := range t.leaders {
		if led[leader] == nil {
			leaders = append(leaders, leader)
		}
		led[leader] = append(led[leader], partition)
	}
	shares := make([][]int, connections)
	for i := range shares {
		mine := led[leaders[i%len(leaders)]]
		// So many connections have this leader, and this is the nth of them.
		sharing, nth := (connections-1-i%len(leaders))/len(leaders)+1, i/len(leaders)
		for p := nth % len(mine); p < len(mine); p += sharing {
			shares[i] = append(shares[i], mine[p])
		}
	}
	return shares
}

// produce keeps a number of requests in flight on every connection.
func (l *load) produce(m *measurement, t target, known versions) (*Result, error) {
	batch, size, err := l.batch()
	if err != nil {
		return nil, err
	}
	links := make([]*produceLink, l.connections)
	for i, mine := range t.shares(l.connections) {
		link, err := l.produceLink(t, known, mine, batch)
		if err != nil {
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
		defer link.Close()
		links[i] = link
	}
	var workers []func(*counter) error
	for _, link := range links {
		workers = append(workers, func(c *counter) error { return l.keepInFlight(m, c, link, size) })
	}
	return m.run(workers, nil)
}

func (l *load) keepInFlight(m *measurement, c *counter, link *produceLink, size int64) error {
	sent := make([]time.Time, l.inFlight) // a ring: answers come in order
	first, flying := 0, 0
	for {
		for flying < l.inFlight && !m.stopping.Load() {
			sent[(first+flying)%l.inFlight] = time.Now()
			if err := link.queue(); err != nil {
				return err
			}
			flying++
		}
		if flying == 0 {
			return nil
		}
		// Answers that have already arrived are taken first: the requests that follow them share one write.
		if err := link.flush(); err != nil {
			return err
		}
		for {
			if err := link.acknowledged(); err != nil {
				return err
			}
			m.latency(c, time.Since(sent[first]))
			m.add(c, 1, int64(l.batchRecords), size)
			first, flying = (first+1)%l.inFlight, flying-1
			time.Sleep(l.pause)
			if flying == 0 || link.reader.Buffered() == 0 {
				break
			}
		}
	}
}

// consumer reads all partitions of a topic, which have one leader, with full fetches, one after another on one connection.
type consumer struct {
	*conn
	request  *kmsg.FetchRequest
	response *kmsg.FetchResponse
	offsets  []int64
	first    int // the partition that is asked for first
	session  bool
	// PartitionMaxBytes of what a session asks for anew.
	partMaxBytes int32
	verify       bool
	fromTop      bool // start again at offset 0 after the end
}

func (l *load) consumer(t target, known versions, offset int64, fromTop bool) (*consumer, error) {
	c, err := dial(t.leaders[0], known, 4<<10)
	if err != nil {
		return nil, err
	}
	request := kmsg.NewPtrFetchRequest()
	c.versions.apply(request)
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes = 500, 1, int32(l.maxBytes)
	request.SessionEpoch = -1
	if l.session {
		request.SessionEpoch = 0
	}
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = l.topic, t.id
	offsets := make([]int64, t.partitions)
	for p := range offsets {
		offsets[p] = offset
		part := kmsg.NewFetchRequestTopicPartition()
		part.PartitionMaxBytes = int32(l.partMaxBytes)
		topic.Partitions = append(topic.Partitions, part)
	}
	request.Topics = append(request.Topics, topic)
	response := request.ResponseKind().(*kmsg.FetchResponse)
	return &consumer{
		conn: c, request: request, response: response, offsets: offsets,
		session: l.session, partMaxBytes: int32(l.partMaxBytes), verify: l.verify, fromTop: fromTop,
	}, nil
}

// fetch sends one request and moves the offsets behind what came. Brokers fill a response in the order of the request:
// those that were served go to the end of the next one. In a session the broker sees to that.
func (f *consumer) fetch() (records int64, size int64, err error) {
	inSession := f.session && f.request.SessionEpoch > 0
	asked := f.request.Topics[0].Partitions
	for i := range asked {
		if !inSession {
			asked[i].Partition = int32((f.first + i) % len(asked))
		}
		asked[i].FetchOffset = f.offsets[asked[i].Partition]
	}
	if err := f.send(f.request); err != nil {
		return 0, 0, err
	}
	if err := f.receive(f.response); err != nil {
		return 0, 0, err
	}
	if err := check("Fetch", f.response.ErrorCode); err != nil {
		return 0, 0, err
	}
	served := 0
	if f.session {
		if f.response.SessionID == 0 {
			return 0, 0, errors.New("the broker began no session")
		}
		f.request.SessionID = f.response.SessionID
		f.request.SessionEpoch++
		asked = asked[:0]
	}
	for _, topic := range f.response.Topics {
		for i := range topic.Partitions {
			got := &topic.Partitions[i]
			if err := check("Fetch", got.ErrorCode); err != nil {
				return 0, 0, err
			}
			offset := &f.offsets[got.Partition]
			count, next, length, ok := span(got.RecordBatches, *offset, f.verify)
			if !ok {
				return 0, 0, fmt.Errorf("a damaged batch in partition %d after offset %d", got.Partition, *offset)
			}
			if length > 0 {
				served++
			}
			records, size, *offset = records+count, size+int64(length), next
			if f.fromTop && next >= got.HighWatermark {
				*offset = 0
			}
			if f.session && length > 0 {
				part := kmsg.NewFetchRequestTopicPartition()
				part.Partition, part.PartitionMaxBytes = got.Partition, f.partMaxBytes
				asked = append(asked, part)
			}
		}
	}
	if f.session {
		f.request.Topics[0].Partitions = asked
	} else {
		f.first = (f.first + served) % len(asked)
	}
	return records, size, nil
}

// fetch reads logs that are in the page cache, again and again from their start.
func (l *load) fetch(m *measurement, t target, known versions) (*Result, error) {
	var workers []func(*counter) error
	for i := 0; i < l.connections; i++ {
		f, err := l.consumer(t, known, 0, true)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		workers = append(workers, func(c *counter) error {
			for !m.stopping.Load() {
				start := time.Now()
				records, size, err := f.fetch()
				if err != nil {
					return err
				}
				m.latency(c, time.Since(start))
				m.add(c, 1, records, size)
			}
			return nil
		})
	}
	return m.run(workers, nil)
}

// endOffset is the offset after the last record of partition 0.
func (l *load) endOffset(t target, known versions) (int64, error) {
	ends, err := l.endOffsets(target{t.id, 1, t.leaders[:1]}, known)
	if err != nil {
		return 0, err
	}
	return ends[0], nil
}

// endOffsets are the offsets after the last record of each partition, which have one leader.
func (l *load) endOffsets(t target, known versions) ([]int64, error) {
	c, err := dial(t.leaders[0], known, 4<<10)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = l.topic
	for p := range t.partitions {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = int32(p), -1
		topic.Partitions = append(topic.Partitions, part)
	}
	request.Topics = append(request.Topics, topic)
	response, err := c.call(request)
	if err != nil {
		return nil, fmt.Errorf("ListOffsets: %w", err)
	}
	ends := make([]int64, t.partitions)
	for _, got := range response.(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
		if err := check("ListOffsets", got.ErrorCode); err != nil {
			return nil, err
		}
		ends[got.Partition] = got.Offset
	}
	return ends, nil
}

// tail lets consumers follow one partition while one producer writes at a set pace. Only what the consumers get counts.
func (l *load) tail(m *measurement, t target, known versions) (*Result, error) {
	end, err := l.endOffset(t, known)
	if err != nil {
		return nil, err
	}
	batch := buildBatch(l.batchRecords, l.recordSize, l.keys)
	link, err := l.produceLink(t, known, []int{0}, batch)
	if err != nil {
		return nil, err
	}
	defer link.Close()
	interval := time.Second * time.Duration(l.batchRecords) / time.Duration(l.rate)
	workers := []func(*counter) error{func(*counter) error {
		for due := time.Now(); !m.stopping.Load(); due = due.Add(interval) {
			time.Sleep(time.Until(due))
			if err := errors.Join(link.queue(), link.flush(), link.acknowledged()); err != nil {
				return err
			}
		}
		return nil
	}}
	var consumers []*consumer
	for i := 0; i < l.consumers; i++ {
		f, err := l.consumer(t, known, end, false)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		consumers = append(consumers, f)
		workers = append(workers, func(c *counter) error {
			for !m.stopping.Load() {
				records, size, err := f.fetch()
				if err != nil {
					return err
				}
				m.add(c, 1, records, size)
			}
			return nil
		})
	}
	return m.run(workers, func() { closeAll(consumers) })
}

func closeAll(consumers []*consumer) {
	for _, f := range consumers {
		f.Close()
	}
}

// roundTrip sends one record at a time, and sends the next when the consumer that waits for it has it.
func (l *load) roundTrip(m *measurement, t target, known versions) (*Result, error) {
	end, err := l.endOffset(t, known)
	if err != nil {
		return nil, err
	}
	batch := buildBatch(1, l.recordSize, 0)
	l.batchRecords = 1
	link, err := l.produceLink(t, known, []int{0}, batch)
	if err != nil {
		return nil, err
	}
	defer link.Close()
	f, err := l.consumer(t, known, end, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	arrived := make(chan time.Time, 16)
	gone := make(chan struct{})
	consume := func(*counter) error {
		defer close(gone)
		for !m.stopping.Load() {
			records, _, err := f.fetch()
			if err != nil {
				return err
			}
			now := time.Now()
			for ; records > 0; records-- {
				arrived <- now
			}
		}
		return nil
	}
	produce := func(c *counter) error {
		for !m.stopping.Load() {
			start := time.Now()
			if err := errors.Join(link.queue(), link.flush(), link.acknowledged()); err != nil {
				return err
			}
			select {
			case at := <-arrived:
				m.latency(c, at.Sub(start))
				m.add(c, 1, 1, int64(len(batch)))
			case <-gone:
				return nil
			}
		}
		return nil
	}
	return m.run([]func(*counter) error{produce, consume}, func() { f.Close() })
}

// paced sends records at a set rate with no linger: what is due goes out at once in one batch while fewer than inFlight
// requests are out, and waits for an answer otherwise. A record's latency counts from when it was due to its
// acknowledgement, so that a slow answer shows in all the records that waited behind it.
func (l *load) paced(m *measurement, t target, known versions) (*Result, error) {
	p, err := l.pacer(t, known)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	acknowledged := func(c *counter, out flight) {
		now := time.Now()
		for i := range out.count {
			m.latency(c, now.Sub(p.dueAt(out.first+i)))
		}
	}
	return m.run([]func(*counter) error{p.send(m), p.receive(m, acknowledged)}, nil)
}

// pacedArrival does the same, and a record's latency counts to its arrival at a consumer that waits for it.
func (l *load) pacedArrival(m *measurement, t target, known versions) (*Result, error) {
	end, err := l.endOffset(t, known)
	if err != nil {
		return nil, err
	}
	f, err := l.consumer(t, known, end, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := l.pacer(t, known)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	consume := func(c *counter) error {
		for arrived := 0; !m.stopping.Load(); {
			records, _, err := f.fetch()
			if err != nil {
				return err
			}
			now := time.Now()
			for ; records > 0; records-- {
				m.latency(c, now.Sub(p.dueAt(arrived)))
				arrived++
			}
		}
		return nil
	}
	workers := []func(*counter) error{p.send(m), p.receive(m, nil), consume}
	return m.run(workers, func() { f.Close() })
}

// pacer produces to partition 0 at a set rate.
type pacer struct {
	*produceLink
	load     *load
	target   target
	by       producer
	start    time.Time
	interval time.Duration
	flights  chan flight
	done     atomic.Bool // nobody takes answers any more
}

// flight is a request that is out.
type flight struct {
	first int // of all records
	count int
}

func (l *load) pacer(t target, known versions) (*pacer, error) {
	c, err := dial(t.leaders[0], known, 16<<10)
	if err != nil {
		return nil, err
	}
	by, err := l.producerFor(c)
	if err != nil {
		c.Close()
		return nil, err
	}
	response := l.produceRequest(c, t, 0).ResponseKind().(*kmsg.ProduceResponse)
	return &pacer{
		produceLink: &produceLink{conn: c, response: response}, load: l, target: t, by: by,
		start: time.Now(), interval: time.Second / time.Duration(l.rate),
		flights: make(chan flight, l.inFlight-1), // and the one whose answer is awaited
	}, nil
}

func (p *pacer) dueAt(record int) time.Time {
	return p.start.Add(time.Duration(record) * p.interval)
}

func (p *pacer) send(m *measurement) func(*counter) error {
	return func(*counter) error {
		defer close(p.flights)
		// The runtime's timers have a grain of a millisecond; a thread of its own sleeps more finely.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		sent, sequence := 0, int32(0)
		frames := map[int]*produceFrame{}
		for !m.stopping.Load() && !p.done.Load() {
			count := min(int(time.Since(p.start)/p.interval)-sent, maxPacedBatch)
			if count <= 0 {
				pause := syscall.NsecToTimespec(int64(p.interval))
				syscall.Nanosleep(&pause, nil)
				continue
			}
			frame := frames[count]
			if frame == nil {
				request, batch := p.load.produceRequest(p.conn, p.target, 0), buildBatch(count, p.load.recordSize, 0)
				frame = newProduceFrame(request, batch, count, p.by)
				frames[count] = frame
			}
			frame.sequence = sequence
			p.correlation++
			encoded := frame.next(p.correlation)
			sequence = frame.sequence
			p.flights <- flight{sent, count}
			if _, err := p.Write(encoded); err != nil {
				return err
			}
			sent += count
		}
		return nil
	}
}

// receive takes the answers, and tells of each where somebody wants to know.
func (p *pacer) receive(m *measurement, acknowledged func(*counter, flight)) func(*counter) error {
	return func(c *counter) error {
		defer func() {
			p.done.Store(true)
			for range p.flights { // the sender may be waiting for a place
			}
		}()
		for out := range p.flights {
			if err := p.acknowledged(); err != nil {
				return err
			}
			if acknowledged != nil {
				acknowledged(c, out)
			}
			m.add(c, 1, int64(out.count), int64(out.count*p.load.recordSize))
		}
		return nil
	}
}

// ping asks for something that costs a broker next to nothing, again and again: how long the answer takes is how long
// other work held it up.
func (l *load) ping(m *measurement, t target, known versions) (*Result, error) {
	c, err := dial(l.address, known, 4<<10)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	request := kmsg.NewPtrApiVersionsRequest()
	request.SetVersion(3)
	request.ClientSoftwareName, request.ClientSoftwareVersion = clientID, "1"
	return m.run([]func(*counter) error{func(counted *counter) error {
		for !m.stopping.Load() {
			start := time.Now()
			if _, err := c.callAs(request); err != nil {
				return err
			}
			m.latency(counted, time.Since(start))
			m.add(counted, 1, 0, 0)
			time.Sleep(l.pause)
		}
		return nil
	}}, nil)
}
