// The driver of segmentio's kafka-go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"ottla.test/clients/driver"
)

type segmentio struct {
	lock    sync.Mutex
	members map[string]*kafka.ConsumerGroup
	client  *kafka.Client
}

var (
	background = context.Background()
	addresses  = driver.Bootstrap()
)

func readOf(message kafka.Message) driver.Read {
	read := driver.Read{
		Partition: message.Partition, Offset: message.Offset, Key: message.Key, Value: message.Value,
	}
	for _, header := range message.Headers {
		read.Headers = append(read.Headers, driver.Header{header.Key, string(header.Value)})
	}
	return read
}

func (segmentio *segmentio) Create(topic string, partitions int) error {
	// As many replicas as the brokers give a topic.
	created, err := segmentio.client.CreateTopics(background, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: -1}},
	})
	if err != nil {
		return err
	}
	return created.Errors[topic]
}

// mechanism is how this client is told to log in; nil where it needn't.
func mechanism(security *driver.Security) sasl.Mechanism {
	var found sasl.Mechanism
	var err error
	switch security.Mechanism {
	case "PLAIN":
		found = plain.Mechanism{Username: security.User, Password: security.Password}
	case "SCRAM-SHA-256":
		found, err = scram.Mechanism(scram.SHA256, security.User, security.Password)
	case "SCRAM-SHA-512":
		found, err = scram.Mechanism(scram.SHA512, security.User, security.Password)
	}
	if err != nil {
		panic(err)
	}
	return found
}

// transport is how writers and requests connect.
func transport(security *driver.Security) *kafka.Transport {
	transport := &kafka.Transport{MetadataTTL: 500 * time.Millisecond}
	if security != nil {
		transport.TLS = security.TLS()
		transport.SASL = mechanism(security)
	}
	return transport
}

// dialer is how readers and groups connect.
func dialer() *kafka.Dialer {
	security := driver.GivenSecurity()
	if security == nil {
		return kafka.DefaultDialer
	}
	dialer := *kafka.DefaultDialer
	dialer.TLS = security.TLS()
	dialer.SASLMechanism = mechanism(security)
	return &dialer
}

func writer(topic string) *kafka.Writer {
	return &kafka.Writer{
		Addr: kafka.TCP(addresses...), Topic: topic, Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll,
		BatchTimeout: 5 * time.Millisecond, BatchSize: 1000, MaxAttempts: 1000,
		WriteTimeout: 2 * time.Minute, ReadTimeout: 2 * time.Minute,
		WriteBackoffMin: 50 * time.Millisecond, WriteBackoffMax: 500 * time.Millisecond,
		Transport: transport(driver.GivenSecurity()),
	}
}

func (segmentio *segmentio) Produce(topic, codec string, records []driver.Record) error {
	codecs := map[string]kafka.Compression{
		"gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
	}
	producer := writer(topic)
	producer.Compression = codecs[codec]
	messages := make([]kafka.Message, len(records))
	for index, record := range records {
		messages[index] = kafka.Message{Key: driver.Bytes(record.Key), Value: driver.Bytes(record.Value)}
		for _, header := range record.Headers {
			pair := kafka.Header{Key: header[0], Value: []byte(header[1])}
			messages[index].Headers = append(messages[index].Headers, pair)
		}
	}
	return errors.Join(producer.WriteMessages(background, messages...), producer.Close())
}

func partitionReader(topic string, partition int, offset int64) (*kafka.Reader, error) {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: addresses, Dialer: dialer(), Topic: topic, Partition: partition, MaxWait: 200 * time.Millisecond, MaxBytes: 10 << 20,
	})
	return reader, reader.SetOffset(offset)
}

// read takes records of some partitions from an offset on.
func read(topic string, partitions []int, offset int64, taking *driver.Taking) error {
	ending, end := context.WithCancel(background)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer end()
	failures := make(chan error, len(partitions))
	for _, partition := range partitions {
		reader, err := partitionReader(topic, partition, offset)
		if err != nil {
			return err
		}
		readers.Add(1)
		go func() {
			defer readers.Done()
			defer reader.Close()
			for {
				message, err := reader.ReadMessage(ending)
				if ending.Err() != nil {
					return
				}
				if err != nil {
					failures <- err
					return
				}
				taking.Take(readOf(message))
			}
		}()
	}
	select {
	case <-taking.Done():
		return nil
	case err := <-failures:
		return err
	}
}

// partitionsOf asks again as long as the client's own copy of the metadata is older than the topic.
func (segmentio *segmentio) partitionsOf(topic string) ([]int, error) {
	for try := 1; ; try++ {
		described, err := segmentio.client.Metadata(background, &kafka.MetadataRequest{Topics: []string{topic}})
		if err == nil {
			err = described.Topics[0].Error
		}
		if err == nil {
			partitions := []int{}
			for _, partition := range described.Topics[0].Partitions {
				partitions = append(partitions, partition.ID)
			}
			return partitions, nil
		}
		if try == 50 {
			return nil, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (segmentio *segmentio) Consume(topic string, taking *driver.Taking) error {
	partitions, err := segmentio.partitionsOf(topic)
	if err != nil {
		return err
	}
	return read(topic, partitions, kafka.FirstOffset, taking)
}

func (segmentio *segmentio) Seek(topic string, partition int, offset int64, taking *driver.Taking) error {
	return read(topic, []int{partition}, offset, taking)
}

func (segmentio *segmentio) Work(topic, group string, taking *driver.Taking) error {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: addresses, Dialer: dialer(), GroupID: group, Topic: topic, MaxWait: 200 * time.Millisecond, MaxBytes: 10 << 20,
		StartOffset: kafka.FirstOffset, JoinGroupBackoff: 500 * time.Millisecond, RebalanceTimeout: 10 * time.Second,
	})
	last := map[int]kafka.Message{}
	for done := false; !done; {
		message, err := reader.FetchMessage(background)
		if err != nil {
			return err
		}
		last[message.Partition] = message
		done = taking.Take(readOf(message))
	}
	for _, message := range last {
		if err := reader.CommitMessages(background, message); err != nil {
			return err
		}
	}
	return reader.Close()
}

func (segmentio *segmentio) Committed(topic, group string) (map[int]int64, error) {
	// The client retries nothing by itself: after the broker's end its pooled connections are dead.
	for try := 1; ; try++ {
		offsets, err := segmentio.client.ConsumerOffsets(background, kafka.TopicAndGroup{Topic: topic, GroupId: group})
		if err == nil || try == 50 {
			return offsets, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// readPartition reads one partition of a generation and commits as it goes.
func readPartition(
	ending context.Context, topic string, place kafka.PartitionAssignment,
	generation *kafka.Generation, counter *driver.Counter,
) {
	reader, err := partitionReader(topic, place.ID, place.Offset)
	if err != nil {
		fmt.Fprintln(os.Stderr, "reader:", err)
		return
	}
	defer reader.Close()
	for {
		message, err := reader.ReadMessage(ending)
		if ending.Err() != nil {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "read:", err)
			continue
		}
		counter.Add(1)
		next := map[string]map[int]int64{topic: {place.ID: message.Offset + 1}}
		if err := generation.CommitOffsets(next); err != nil {
			fmt.Fprintln(os.Stderr, "commit:", err)
		}
	}
}

func (segmentio *segmentio) Join(member, topic, group string) error {
	joined, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: group, Brokers: addresses, Dialer: dialer(), Topics: []string{topic}, StartOffset: kafka.FirstOffset,
		SessionTimeout: 6 * time.Second, HeartbeatInterval: 500 * time.Millisecond,
		RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: 300 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	segmentio.lock.Lock()
	segmentio.members[member] = joined
	segmentio.lock.Unlock()
	counter := &driver.Counter{Member: member}
	go func() {
		for {
			generation, err := joined.Next(background)
			if errors.Is(err, kafka.ErrGroupClosed) {
				return
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "group:", err)
				continue
			}
			partitions := []int{}
			for _, place := range generation.Assignments[topic] {
				partitions = append(partitions, place.ID)
				generation.Start(func(ending context.Context) {
					readPartition(ending, topic, place, generation, counter)
				})
			}
			driver.Assigned(member, partitions)
		}
	}()
	return nil
}

func (segmentio *segmentio) Leave(member string) error {
	segmentio.lock.Lock()
	joined := segmentio.members[member]
	segmentio.lock.Unlock()
	return joined.Close()
}

// Stream: kafka-go has no idempotent producer; it writes a batch and waits.
func (segmentio *segmentio) Stream(topic string, _ bool, stream *driver.Stream) error {
	producer := writer(topic)
	defer producer.Close()
	for {
		messages := make([]kafka.Message, 0, 100)
		numbers := make([]int, 0, 100)
		for len(messages) < cap(messages) {
			number, more := stream.Next()
			if !more {
				break
			}
			text := []byte(strconv.Itoa(number))
			messages = append(messages, kafka.Message{Key: text, Value: text})
			numbers = append(numbers, number)
		}
		if len(messages) == 0 {
			return nil
		}
		err := producer.WriteMessages(background, messages...)
		var each kafka.WriteErrors
		for index, number := range numbers {
			if errors.As(err, &each) {
				stream.Settle(number, each[index])
			} else {
				stream.Settle(number, err)
			}
		}
	}
}

func (segmentio *segmentio) Knock(topic string, security *driver.Security) error {
	producer := &kafka.Writer{
		Addr: kafka.TCP(addresses...), Topic: topic, RequiredAcks: kafka.RequireAll,
		BatchTimeout: 5 * time.Millisecond, MaxAttempts: 1, Transport: transport(security),
	}
	return errors.Join(producer.WriteMessages(background, kafka.Message{Value: []byte("knock")}), producer.Close())
}

func main() {
	client := &kafka.Client{Addr: kafka.TCP(addresses...), Transport: transport(driver.GivenSecurity())}
	driver.Serve(&segmentio{members: map[string]*kafka.ConsumerGroup{}, client: client})
}
