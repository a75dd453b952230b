// The driver of franz-go.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"ottla.test/clients/driver"
)

type franz struct {
	lock    sync.Mutex
	members map[string]*kgo.Client
	admin   *kadm.Client
}

var background = context.Background()

// securedBy is how this client is told how to connect.
func securedBy(security *driver.Security) []kgo.Opt {
	if security == nil {
		return nil
	}
	options := []kgo.Opt{kgo.DialTLSConfig(security.TLS())}
	scrammed := scram.Auth{User: security.User, Pass: security.Password}
	switch security.Mechanism {
	case "PLAIN":
		options = append(options, kgo.SASL(plain.Auth{User: security.User, Pass: security.Password}.AsMechanism()))
	case "SCRAM-SHA-256":
		options = append(options, kgo.SASL(scrammed.AsSha256Mechanism()))
	case "SCRAM-SHA-512":
		options = append(options, kgo.SASL(scrammed.AsSha512Mechanism()))
	case "OAUTHBEARER":
		options = append(options, kgo.SASL(oauth.Auth{Token: security.Bearer()}.AsMechanism()))
	}
	return options
}

var secured = securedBy(driver.GivenSecurity())

func client(options ...kgo.Opt) (*kgo.Client, error) {
	common := []kgo.Opt{
		kgo.SeedBrokers(driver.Bootstrap()...),
		kgo.FetchMaxWait(200 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}
	return kgo.NewClient(slices.Concat(common, secured, options)...)
}

func readOf(record *kgo.Record) driver.Read {
	read := driver.Read{Partition: int(record.Partition), Offset: record.Offset, Key: record.Key, Value: record.Value}
	for _, header := range record.Headers {
		read.Headers = append(read.Headers, driver.Header{header.Key, string(header.Value)})
	}
	return read
}

// take reads exactly what is missing and no record more.
func take(reader *kgo.Client, taking *driver.Taking) error {
	for {
		fetches := reader.PollRecords(background, taking.Missing())
		if errors := fetches.Errors(); len(errors) > 0 {
			return errors[0].Err
		}
		for _, record := range fetches.Records() {
			if taking.Take(readOf(record)) {
				return nil
			}
		}
	}
}

func (franz *franz) Create(topic string, partitions int) error {
	// As many replicas as the brokers give a topic.
	created, err := franz.admin.CreateTopic(background, int32(partitions), -1, nil, topic)
	if err != nil {
		return err
	}
	return created.Err
}

func (franz *franz) Produce(topic, codec string, records []driver.Record) error {
	codecs := map[string]kgo.CompressionCodec{
		"none":   kgo.NoCompression(),
		"gzip":   kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(),
		"lz4":    kgo.Lz4Compression(),
		"zstd":   kgo.ZstdCompression(),
	}
	producer, err := client(kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(10*time.Millisecond))
	if err != nil {
		return err
	}
	defer producer.Close()
	sent := make([]*kgo.Record, len(records))
	for index, record := range records {
		sent[index] = &kgo.Record{Topic: topic, Key: driver.Bytes(record.Key), Value: driver.Bytes(record.Value)}
		for _, header := range record.Headers {
			sent[index].Headers = append(sent[index].Headers, kgo.RecordHeader{Key: header[0], Value: []byte(header[1])})
		}
	}
	return producer.ProduceSync(background, sent...).FirstErr()
}

func (franz *franz) Consume(topic string, taking *driver.Taking) error {
	consumer, err := client(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer consumer.Close()
	return take(consumer, taking)
}

func (franz *franz) Work(topic, group string, taking *driver.Taking) error {
	consumer, err := client(kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group), kgo.DisableAutoCommit())
	if err != nil {
		return err
	}
	defer consumer.Close()
	if err := take(consumer, taking); err != nil {
		return err
	}
	return consumer.CommitUncommittedOffsets(background)
}

func (franz *franz) Committed(topic, group string) (map[int]int64, error) {
	found, err := franz.admin.FetchOffsets(background, group)
	offsets := map[int]int64{}
	for partition, offset := range found[topic] {
		offsets[int(partition)] = offset.At
	}
	return offsets, err
}

func (franz *franz) Seek(topic string, partition int, offset int64, taking *driver.Taking) error {
	place := map[string]map[int32]kgo.Offset{topic: {int32(partition): kgo.NewOffset().At(offset)}}
	consumer, err := client(kgo.ConsumePartitions(place))
	if err != nil {
		return err
	}
	defer consumer.Close()
	return take(consumer, taking)
}

// held is what a member has, as it changes bit by bit.
type held struct {
	lock       sync.Mutex
	member     string
	partitions map[int32]bool
}

func (held *held) change(owned bool) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
		held.lock.Lock()
		defer held.lock.Unlock()
		for _, partitions := range changed {
			for _, partition := range partitions {
				if owned {
					held.partitions[partition] = true
				} else {
					delete(held.partitions, partition)
				}
			}
		}
		all := []int{}
		for partition := range held.partitions {
			all = append(all, int(partition))
		}
		driver.Assigned(held.member, all)
	}
}

func (franz *franz) Join(member, topic, group string) error {
	held := &held{member: member, partitions: map[int32]bool{}}
	consumer, err := client(
		kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.OnPartitionsAssigned(held.change(true)),
		kgo.OnPartitionsRevoked(held.change(false)),
		kgo.OnPartitionsLost(held.change(false)),
	)
	if err != nil {
		return err
	}
	franz.lock.Lock()
	franz.members[member] = consumer
	franz.lock.Unlock()
	counter := &driver.Counter{Member: member}
	go func() {
		for {
			fetches := consumer.PollFetches(background)
			if fetches.IsClientClosed() {
				return
			}
			if count := fetches.NumRecords(); count > 0 {
				counter.Add(count)
			}
		}
	}()
	return nil
}

func (franz *franz) Leave(member string) error {
	franz.lock.Lock()
	consumer := franz.members[member]
	franz.lock.Unlock()
	consumer.Close()
	return nil
}

func (franz *franz) Stream(topic string, idempotent bool, stream *driver.Stream) error {
	options := []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(topic)}
	if !idempotent {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	producer, err := client(options...)
	if err != nil {
		return err
	}
	defer producer.Close()
	for {
		number, more := stream.Next()
		if !more {
			return producer.Flush(background)
		}
		text := []byte(strconv.Itoa(number))
		producer.Produce(background, &kgo.Record{Key: text, Value: text}, func(_ *kgo.Record, err error) {
			stream.Settle(number, err)
		})
	}
}

// copyUntilFailure copies until it is stopped or a transaction can't be ended.
func copyUntilFailure(session *kgo.GroupTransactSession, target string, transactions *int, copying *driver.Copying) error {
	for !copying.Stopped() {
		waiting, cancel := context.WithTimeout(background, 200*time.Millisecond)
		fetches := session.PollRecords(waiting, 20)
		cancel()
		count := fetches.NumRecords()
		if count == 0 {
			continue
		}
		if err := session.Begin(); err != nil {
			return err
		}
		sent := kgo.AbortingFirstErrPromise(session.Client())
		fetches.EachRecord(func(record *kgo.Record) {
			copied := &kgo.Record{Topic: target, Key: record.Key, Value: record.Value}
			session.Produce(background, copied, sent.Promise())
		})
		*transactions++
		commits := sent.Err() == nil && *transactions%3 != 0
		// Where it aborts, the session reads the records again.
		committed, err := session.End(background, kgo.TransactionEndTry(commits))
		if err != nil {
			return err
		}
		if committed {
			copying.Committed(count)
		}
	}
	return nil
}

func (franz *franz) Copy(source, target, group, transactional string, copying *driver.Copying) error {
	transactions := 0
	for !copying.Stopped() {
		session, err := kgo.NewGroupTransactSession(
			kgo.SeedBrokers(driver.Bootstrap()...),
			kgo.FetchMaxWait(200*time.Millisecond),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.TransactionalID(transactional),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.RequireStableFetchOffsets(),
			kgo.ConsumerGroup(group), kgo.ConsumeTopics(source),
			kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond),
		)
		if err != nil {
			return err
		}
		if err := copyUntilFailure(session, target, &transactions, copying); err != nil {
			fmt.Fprintln(os.Stderr, "begins anew:", err)
		}
		session.Close()
	}
	return nil
}

func (franz *franz) Knock(topic string, security *driver.Security) error {
	producer, err := kgo.NewClient(append(
		securedBy(security),
		kgo.SeedBrokers(driver.Bootstrap()...),
		kgo.RequestRetries(0), kgo.RecordRetries(0),
	)...)
	if err != nil {
		return err
	}
	defer producer.Close()
	return producer.ProduceSync(background, &kgo.Record{Topic: topic, Value: []byte("knock")}).FirstErr()
}

func main() {
	own, err := client()
	if err != nil {
		panic(fmt.Errorf("franz-go: %w", err))
	}
	driver.Serve(&franz{members: map[string]*kgo.Client{}, admin: kadm.NewClient(own)})
}
