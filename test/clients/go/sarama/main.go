// The driver of sarama.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	"ottla.test/clients/driver"
)

type client struct {
	lock    sync.Mutex
	members map[string]func() error
}

var addresses = driver.Bootstrap()

// conversation is the client's side of SCRAM, which sarama leaves to its user.
type conversation struct {
	*scram.ClientConversation
	hash scram.HashGeneratorFcn
}

func (conversation *conversation) Begin(user, password, authorization string) error {
	client, err := conversation.hash.NewClient(user, password, authorization)
	if err == nil {
		conversation.ClientConversation = client.NewConversation()
	}
	return err
}

// bearer has one token for ever.
type bearer string

func (bearer bearer) Token() (*sarama.AccessToken, error) {
	return &sarama.AccessToken{Token: string(bearer)}, nil
}

// secure is how this client is told how to connect.
func secure(config *sarama.Config, security *driver.Security) {
	if security == nil {
		return
	}
	config.Net.TLS.Enable = true
	config.Net.TLS.Config = security.TLS()
	if security.Mechanism == "" {
		return
	}
	sasl := &config.Net.SASL
	sasl.Enable = true
	sasl.Mechanism = sarama.SASLMechanism(security.Mechanism)
	sasl.User, sasl.Password = security.User, security.Password
	hashes := map[string]scram.HashGeneratorFcn{"SCRAM-SHA-256": scram.SHA256, "SCRAM-SHA-512": scram.SHA512}
	if hash, found := hashes[security.Mechanism]; found {
		sasl.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: hash} }
	}
	if security.Mechanism == "OAUTHBEARER" {
		sasl.TokenProvider = bearer(security.Bearer())
	}
}

func settings() *sarama.Config {
	config := sarama.NewConfig()
	secure(config, driver.GivenSecurity())
	config.Version = sarama.MaxVersion
	config.Metadata.Retry.Max = 300
	config.Metadata.Retry.Backoff = 100 * time.Millisecond
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Retry.Max = 1000
	config.Producer.Retry.Backoff = 100 * time.Millisecond
	config.Net.MaxOpenRequests = 1
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.MaxWaitTime = 200 * time.Millisecond
	return config
}

func readOf(message *sarama.ConsumerMessage) driver.Read {
	read := driver.Read{
		Partition: int(message.Partition), Offset: message.Offset, Key: message.Key, Value: message.Value,
	}
	for _, header := range message.Headers {
		read.Headers = append(read.Headers, driver.Header{string(header.Key), string(header.Value)})
	}
	return read
}

func encoder(text *string) sarama.Encoder {
	if text == nil {
		return nil
	}
	return sarama.StringEncoder(*text)
}

func (client *client) Create(topic string, partitions int) error {
	config := settings()
	config.Admin.Timeout = time.Minute
	admin, err := sarama.NewClusterAdmin(addresses, config)
	if err != nil {
		return err
	}
	defer admin.Close()
	// As many replicas as the brokers give a topic.
	return admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: -1}, false)
}

func (client *client) Produce(topic, codec string, records []driver.Record) error {
	codecs := map[string]sarama.CompressionCodec{
		"none":   sarama.CompressionNone,
		"gzip":   sarama.CompressionGZIP,
		"snappy": sarama.CompressionSnappy,
		"lz4":    sarama.CompressionLZ4,
		"zstd":   sarama.CompressionZSTD,
	}
	config := settings()
	config.Producer.Idempotent = true
	config.Producer.Compression = codecs[codec]
	config.Producer.Flush.Frequency = 10 * time.Millisecond
	producer, err := sarama.NewSyncProducer(addresses, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	messages := make([]*sarama.ProducerMessage, len(records))
	for index, record := range records {
		messages[index] = &sarama.ProducerMessage{
			Topic: topic, Key: encoder(record.Key), Value: encoder(record.Value),
		}
		for _, header := range record.Headers {
			pair := sarama.RecordHeader{Key: []byte(header[0]), Value: []byte(header[1])}
			messages[index].Headers = append(messages[index].Headers, pair)
		}
	}
	return producer.SendMessages(messages)
}

// read takes records of some partitions from an offset on.
func read(topic string, partitions []int32, offset int64, taking *driver.Taking) error {
	consumer, err := sarama.NewConsumer(addresses, settings())
	if err != nil {
		return err
	}
	defer consumer.Close()
	if partitions == nil {
		if partitions, err = consumer.Partitions(topic); err != nil {
			return err
		}
	}
	for _, partition := range partitions {
		claim, err := consumer.ConsumePartition(topic, partition, offset)
		if err != nil {
			return err
		}
		defer claim.AsyncClose()
		go func() {
			for message := range claim.Messages() {
				taking.Take(readOf(message))
			}
		}()
	}
	<-taking.Done()
	return nil
}

func (client *client) Consume(topic string, taking *driver.Taking) error {
	return read(topic, nil, sarama.OffsetOldest, taking)
}

func (client *client) Seek(topic string, partition int, offset int64, taking *driver.Taking) error {
	return read(topic, []int32{int32(partition)}, offset, taking)
}

// member is one of a consumer group.
type member struct {
	setup   func(sarama.ConsumerGroupSession)
	cleanup func()
	message func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage)
}

func (member *member) Setup(session sarama.ConsumerGroupSession) error {
	member.setup(session)
	return nil
}

func (member *member) Cleanup(sarama.ConsumerGroupSession) error {
	member.cleanup()
	return nil
}

func (member *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, more := <-claim.Messages():
			if !more {
				return nil
			}
			member.message(session, message)
		case <-session.Context().Done():
			return nil
		}
	}
}

// consume lets a member take part until the context ends, then leaves.
func (member *member) consume(ending context.Context, topic, group string, config *sarama.Config) error {
	joined, err := sarama.NewConsumerGroup(addresses, group, config)
	if err != nil {
		return err
	}
	for ending.Err() == nil {
		if err := joined.Consume(ending, []string{topic}, member); err != nil && ending.Err() == nil {
			fmt.Fprintln(os.Stderr, "consume:", err)
			select {
			case <-ending.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
	return joined.Close()
}

func (client *client) Work(topic, group string, taking *driver.Taking) error {
	config := settings()
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = time.Minute
	ending, end := context.WithCancel(context.Background())
	var once sync.Once
	worker := &member{
		setup:   func(sarama.ConsumerGroupSession) {},
		cleanup: func() {},
		message: func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) {
			if !taking.Take(readOf(message)) {
				return
			}
			once.Do(func() {
				for partition, next := range taking.Next() {
					session.MarkOffset(topic, int32(partition), next, "")
				}
				session.Commit()
				end()
			})
		},
	}
	return worker.consume(ending, topic, group, config)
}

func (client *client) Committed(topic, group string) (map[int]int64, error) {
	admin, err := sarama.NewClusterAdmin(addresses, settings())
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	found, err := admin.ListConsumerGroupOffsets(group, nil)
	if err != nil {
		return nil, err
	}
	offsets := map[int]int64{}
	for partition, block := range found.Blocks[topic] {
		offsets[int(partition)] = block.Offset
	}
	return offsets, nil
}

func (client *client) Join(name, topic, group string) error {
	config := settings()
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.Group.Rebalance.Timeout = 10 * time.Second
	ending, end := context.WithCancel(context.Background())
	counter := &driver.Counter{Member: name}
	joining := &member{
		setup: func(session sarama.ConsumerGroupSession) {
			partitions := []int{}
			for _, partition := range session.Claims()[topic] {
				partitions = append(partitions, int(partition))
			}
			driver.Assigned(name, partitions)
		},
		cleanup: func() { driver.Assigned(name, nil) },
		message: func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) {
			session.MarkMessage(message, "")
			counter.Add(1)
		},
	}
	gone := make(chan error, 1)
	go func() { gone <- joining.consume(ending, topic, group, config) }()
	client.lock.Lock()
	defer client.lock.Unlock()
	client.members[name] = func() error {
		end()
		return <-gone
	}
	return nil
}

func (client *client) Leave(member string) error {
	client.lock.Lock()
	leave := client.members[member]
	client.lock.Unlock()
	return leave()
}

func (client *client) Stream(topic string, idempotent bool, stream *driver.Stream) error {
	config := settings()
	config.Producer.Idempotent = idempotent
	config.Producer.Partitioner = sarama.NewManualPartitioner
	producer, err := sarama.NewAsyncProducer(addresses, config)
	if err != nil {
		return err
	}
	var settled sync.WaitGroup
	settled.Add(2)
	go func() {
		defer settled.Done()
		for message := range producer.Successes() {
			stream.Settle(message.Metadata.(int), nil)
		}
	}()
	go func() {
		defer settled.Done()
		for failure := range producer.Errors() {
			err := failure.Err
			if err == nil {
				err = errors.New("not sent")
			}
			stream.Settle(failure.Msg.Metadata.(int), err)
		}
	}()
	for {
		number, more := stream.Next()
		if !more {
			producer.AsyncClose()
			settled.Wait()
			return nil
		}
		text := sarama.StringEncoder(strconv.Itoa(number))
		producer.Input() <- &sarama.ProducerMessage{Topic: topic, Key: text, Value: text, Metadata: number}
	}
}

func (client *client) Knock(topic string, security *driver.Security) error {
	config := sarama.NewConfig()
	secure(config, security)
	config.Version = sarama.MaxVersion
	config.Metadata.Retry.Max = 0
	config.Producer.Retry.Max = 0
	config.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer(addresses, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("knock")})
	return err
}

func main() {
	sarama.Logger = logger{}
	driver.Serve(&client{members: map[string]func() error{}})
}

// logger puts what sarama says on standard error.
type logger struct{}

func (logger) Print(values ...any)                 { fmt.Fprint(os.Stderr, values...) }
func (logger) Printf(format string, values ...any) { fmt.Fprintf(os.Stderr, format, values...) }
func (logger) Println(values ...any)               { fmt.Fprintln(os.Stderr, values...) }
