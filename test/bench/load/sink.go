package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// sink is a broker that keeps nothing: it acknowledges every batch, remembers one batch of each partition, and serves
// that one again and again. Against it, the client shows its own limit.
type sink struct {
	host string
	port int32

	mu     sync.Mutex
	byName map[string]*sinkTopic
	byID   map[[16]byte]*sinkTopic
	nextID int64
	open   map[string][]*sinkPartition // where open transactions have records, by transactional id
}

type sinkTopic struct {
	name       string
	id         [16]byte
	partitions []*sinkPartition
}

type sinkPartition struct {
	mu    sync.Mutex
	end   int64
	batch []byte
	moved chan struct{}    // closed when there may be more to read, if anyone waits for it
	open  map[string]int64 // where open transactions begin, by transactional id
}

// serveSink serves with TLS where it is given the PEM files of a certificate and its key.
func serveSink(address, certificate, key string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return err
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}})
	}
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s := &sink{host: host, port: int32(number), byName: map[string]*sinkTopic{}, byID: map[[16]byte]*sinkTopic{}, open: map[string][]*sinkPartition{}}
	fmt.Printf("sink ready on %s\n", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			if err := s.serve(connection); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				fmt.Fprintf(os.Stderr, "sink: %v\n", err)
			}
		}()
	}
}

// serve answers one connection's requests in order, several in one write where several have arrived.
func (s *sink) serve(connection net.Conn) error {
	reader := bufio.NewReaderSize(connection, 64<<10)
	var in, out []byte
	var head [4]byte
	for {
		if _, err := io.ReadFull(reader, head[:]); err != nil {
			return err
		}
		size := int(binary.BigEndian.Uint32(head[:]))
		if size < 10 || size > maxFrameSize {
			return fmt.Errorf("a request frame of %d bytes", size)
		}
		if cap(in) < size {
			in = make([]byte, size)
		}
		in = in[:size]
		if _, err := io.ReadFull(reader, in); err != nil {
			return err
		}
		request := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(in)))
		if request == nil {
			return fmt.Errorf("an unknown API %d", binary.BigEndian.Uint16(in))
		}
		request.SetVersion(int16(binary.BigEndian.Uint16(in[2:])))
		body := in[8:]
		idLength := max(0, int(int16(binary.BigEndian.Uint16(body))))
		if len(body) < 2+idLength+1 {
			return errors.New("a request header that is cut off")
		}
		body = body[2+idLength:]
		if request.IsFlexible() {
			body = body[1:]
		}
		if err := request.ReadFrom(body); err != nil {
			return err
		}
		if fetch, ok := request.(*kmsg.FetchRequest); ok {
			if err := s.serveFetch(connection, fetch, in[4:8]); err != nil {
				return err
			}
			continue
		}
		response, err := s.answer(request)
		if err != nil {
			return err
		}
		response.SetVersion(request.GetVersion())
		at := len(out)
		out = append(out, 0, 0, 0, 0)
		out = append(out, in[4:8]...)
		if response.IsFlexible() && response.Key() != 18 {
			out = append(out, 0)
		}
		out = response.AppendTo(out)
		binary.BigEndian.PutUint32(out[at:], uint32(len(out)-at-4))
		if reader.Buffered() == 0 || len(out) > gatherSize {
			if _, err := connection.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
}

func (s *sink) answer(request kmsg.Request) (kmsg.Response, error) {
	switch request := request.(type) {
	case *kmsg.ProduceRequest:
		return s.produce(request), nil
	case *kmsg.ApiVersionsRequest:
		return apiVersions(), nil
	case *kmsg.MetadataRequest:
		return s.metadata(request), nil
	case *kmsg.CreateTopicsRequest:
		return s.create(request), nil
	case *kmsg.DeleteTopicsRequest:
		return kmsg.NewPtrDeleteTopicsResponse(), nil
	case *kmsg.InitProducerIDRequest:
		response := kmsg.NewPtrInitProducerIDResponse()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.nextID++
		response.ProducerID = s.nextID
		return response, nil
	case *kmsg.FindCoordinatorRequest:
		return coordinator(request), nil
	case *kmsg.EndTxnRequest:
		return s.endTransaction(request), nil
	case *kmsg.ListOffsetsRequest:
		return s.listOffsets(request), nil
	}
	return nil, fmt.Errorf("API %d is not served", request.Key())
}

func apiVersions() kmsg.Response {
	response := kmsg.NewPtrApiVersionsResponse()
	for _, request := range []kmsg.Request{
		&kmsg.ProduceRequest{}, &kmsg.FetchRequest{}, &kmsg.ListOffsetsRequest{}, &kmsg.MetadataRequest{},
		&kmsg.ApiVersionsRequest{}, &kmsg.CreateTopicsRequest{}, &kmsg.DeleteTopicsRequest{}, &kmsg.InitProducerIDRequest{},
		&kmsg.FindCoordinatorRequest{}, &kmsg.EndTxnRequest{},
	} {
		api := kmsg.NewApiVersionsResponseApiKey()
		api.ApiKey, api.MaxVersion = request.Key(), request.MaxVersion()
		response.ApiKeys = append(response.ApiKeys, api)
	}
	feature := kmsg.NewApiVersionsResponseFinalizedFeature()
	feature.Name, feature.MaxVersionLevel = "transaction.version", implicitSince
	response.FinalizedFeaturesEpoch = 0
	response.FinalizedFeatures = append(response.FinalizedFeatures, feature)
	return response
}

func (s *sink) create(request *kmsg.CreateTopicsRequest) kmsg.Response {
	response := kmsg.NewPtrCreateTopicsResponse()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range request.Topics {
		topic := &sinkTopic{name: asked.Topic}
		for range asked.NumPartitions {
			topic.partitions = append(topic.partitions, &sinkPartition{})
		}
		binary.BigEndian.PutUint64(topic.id[8:], uint64(len(s.byID)+1))
		s.byName[topic.name], s.byID[topic.id] = topic, topic
		answer := kmsg.NewCreateTopicsResponseTopic()
		answer.Topic, answer.TopicID = topic.name, topic.id
		response.Topics = append(response.Topics, answer)
	}
	return response
}

func (s *sink) metadata(request *kmsg.MetadataRequest) kmsg.Response {
	response := kmsg.NewPtrMetadataResponse()
	broker := kmsg.NewMetadataResponseBroker()
	broker.NodeID, broker.Host, broker.Port = 1, s.host, s.port
	response.Brokers = append(response.Brokers, broker)
	s.mu.Lock()
	defer s.mu.Unlock()
	describe := func(topic *sinkTopic) {
		answer := kmsg.NewMetadataResponseTopic()
		answer.Topic, answer.TopicID = &topic.name, topic.id
		for p := range topic.partitions {
			partition := kmsg.NewMetadataResponseTopicPartition()
			partition.Partition, partition.Leader = int32(p), 1
			partition.Replicas, partition.ISR = []int32{1}, []int32{1}
			answer.Partitions = append(answer.Partitions, partition)
		}
		response.Topics = append(response.Topics, answer)
	}
	if request.Topics == nil {
		for _, topic := range s.byName {
			describe(topic)
		}
	}
	for _, asked := range request.Topics {
		if topic := s.byName[*asked.Topic]; topic != nil {
			describe(topic)
		}
	}
	return response
}

func (s *sink) partition(name string, id [16]byte, number int32) *sinkPartition {
	s.mu.Lock()
	defer s.mu.Unlock()
	topic := s.byID[id]
	if topic == nil {
		topic = s.byName[name]
	}
	if topic == nil || int(number) >= len(topic.partitions) {
		return nil
	}
	return topic.partitions[number]
}

func (s *sink) produce(request *kmsg.ProduceRequest) kmsg.Response {
	response := kmsg.NewPtrProduceResponse()
	for _, topic := range request.Topics {
		answer := kmsg.NewProduceResponseTopic()
		answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
		for _, sent := range topic.Partitions {
			got := kmsg.NewProduceResponseTopicPartition()
			got.Partition = sent.Partition
			if p := s.partition(topic.Topic, topic.TopicID, sent.Partition); p == nil || len(sent.Records) < batchHeaderSize {
				got.ErrorCode = 3 // UNKNOWN_TOPIC_OR_PARTITION
			} else {
				got.BaseOffset = p.append(sent.Records)
				if request.TransactionID != nil {
					s.join(*request.TransactionID, p, got.BaseOffset)
				}
			}
			answer.Partitions = append(answer.Partitions, got)
		}
		response.Topics = append(response.Topics, answer)
	}
	return response
}

func (p *sinkPartition) append(batch []byte) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.batch) != len(batch) {
		p.batch = append([]byte(nil), batch...)
	}
	base := p.end
	p.end += int64(binary.BigEndian.Uint32(batch[atLastOffsetDelta:])) + 1
	p.wake()
	return base
}

// read gives whole batches from an offset on, or what to wait for; with committed, no transaction's before it has ended.
func (p *sinkPartition) read(offset int64, limit int, committed bool) (batch []byte, count int, end int64, moved chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	end = p.end
	if committed {
		end = p.stable()
	}
	if offset >= end {
		if p.moved == nil {
			p.moved = make(chan struct{})
		}
		return nil, 0, end, p.moved
	}
	records := int64(binary.BigEndian.Uint32(p.batch[atLastOffsetDelta:])) + 1
	fit := min(max(1, int64(limit/len(p.batch))), (end-offset+records-1)/records)
	return p.batch, int(fit), end, nil
}

// chunks is a message in pieces: what is small is copied into the last piece, whole large batches are referred to.
type chunks struct {
	pieces net.Buffers
	last   []byte
}

func (c *chunks) batch(offset int64, batch []byte) {
	c.last = binary.BigEndian.AppendUint64(c.last, uint64(offset))
	if len(batch) < 4096 {
		c.last = append(c.last, batch[8:]...)
		return
	}
	c.pieces = append(c.pieces, c.last, batch[8:])
	c.last = nil
}

// serveFetch waits as a broker does, until there is something or the request's time is over, and writes the response
// (version 13 or later) without copying large batches.
func (s *sink) serveFetch(connection net.Conn, request *kmsg.FetchRequest, correlation []byte) error {
	if request.Version < 13 {
		return fmt.Errorf("Fetch version %d is not served", request.Version)
	}
	expired := time.NewTimer(time.Duration(request.MaxWaitMillis) * time.Millisecond)
	defer expired.Stop()
	for {
		response, found, moved := s.fetch(request, correlation)
		if !found && moved != nil {
			select {
			case <-moved:
				continue
			case <-expired.C:
			}
		}
		_, err := response.WriteTo(connection)
		return err
	}
}

func (s *sink) fetch(request *kmsg.FetchRequest, correlation []byte) (response *net.Buffers, found bool, moved chan struct{}) {
	c := &chunks{last: append(make([]byte, 4, 256), correlation...)}
	c.last = append(c.last, 0)                   // no tagged fields in the header
	c.last = append(c.last, make([]byte, 10)...) // throttle time, error code, session id
	c.last = binary.AppendUvarint(c.last, uint64(len(request.Topics)+1))
	left := int(request.MaxBytes)
	for _, topic := range request.Topics {
		c.last = append(c.last, topic.TopicID[:]...)
		c.last = binary.AppendUvarint(c.last, uint64(len(topic.Partitions)+1))
		for _, asked := range topic.Partitions {
			served, wait := s.fetchPartition(c, topic.TopicID, asked, left, request.IsolationLevel == 1)
			left -= served
			found = found || served > 0
			if wait != nil {
				moved = wait
			}
			c.last = append(c.last, 0)
		}
		c.last = append(c.last, 0)
	}
	c.last = append(c.last, 0)
	c.pieces = append(c.pieces, c.last)
	size := 0
	for _, piece := range c.pieces {
		size += len(piece)
	}
	binary.BigEndian.PutUint32(c.pieces[0], uint32(size-4))
	return &c.pieces, found, moved
}

func (s *sink) fetchPartition(
	c *chunks, topic [16]byte, asked kmsg.FetchRequestTopicPartition, left int, committed bool,
) (served int, wait chan struct{}) {
	var batch []byte
	var count int
	var end int64
	p := s.partition("", topic, asked.Partition)
	if p != nil && left > 0 {
		batch, count, end, wait = p.read(asked.FetchOffset, min(int(asked.PartitionMaxBytes), left), committed)
	}
	c.last = binary.BigEndian.AppendUint32(c.last, uint32(asked.Partition))
	if p == nil {
		c.last = binary.BigEndian.AppendUint16(c.last, 3) // UNKNOWN_TOPIC_OR_PARTITION
	} else {
		c.last = binary.BigEndian.AppendUint16(c.last, 0)
	}
	c.last = binary.BigEndian.AppendUint64(c.last, uint64(end)) // high watermark
	c.last = binary.BigEndian.AppendUint64(c.last, uint64(end)) // last stable offset
	c.last = binary.BigEndian.AppendUint64(c.last, 0)           // log start offset
	c.last = append(c.last, 0, 0xff, 0xff, 0xff, 0xff)          // no aborted transactions, no preferred replica
	served = count * len(batch)
	c.last = binary.AppendUvarint(c.last, uint64(served+1))
	for i, offset := 0, asked.FetchOffset; i < count; i++ {
		c.batch(offset, batch)
		offset += int64(binary.BigEndian.Uint32(batch[atLastOffsetDelta:])) + 1
	}
	return served, wait
}

func (s *sink) listOffsets(request *kmsg.ListOffsetsRequest) kmsg.Response {
	response := kmsg.NewPtrListOffsetsResponse()
	for _, topic := range request.Topics {
		answer := kmsg.NewListOffsetsResponseTopic()
		answer.Topic = topic.Topic
		for _, asked := range topic.Partitions {
			got := kmsg.NewListOffsetsResponseTopicPartition()
			got.Partition = asked.Partition
			if p := s.partition(topic.Topic, [16]byte{}, asked.Partition); p != nil {
				p.mu.Lock()
				got.Offset = p.end
				p.mu.Unlock()
			}
			answer.Partitions = append(answer.Partitions, got)
		}
		response.Topics = append(response.Topics, answer)
	}
	return response
}
