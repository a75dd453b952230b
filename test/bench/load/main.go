// Command load is the benchmark's client. It encodes with franz-go's kmsg and speaks to the sockets itself, with requests
// that are encoded once, so that what is measured is the broker. See docs/benchmark.md.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const usage = `usage: load COMMAND [flags]
  sink                                       a null broker: takes and serves at full speed, keeps nothing
  create, delete                             topics, named by -topics NAME:PARTITIONS,...
  probe                                      wait until the broker serves; prints when it did
  metadata                                   time Metadata requests for all topics
  produce, fetch, tail, round-trip, paced,
  paced-arrival                              the workloads
  transact, transact-paced, committed        those with transactions
  log-ins                                    connect and log in by SCRAM-SHA-256, again and again
  ping                                       time ApiVersions requests, one every -pause
`

func main() {
	debug.SetGCPercent(400)
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(64)
	}
	result, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "load %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	if result != nil {
		json.NewEncoder(os.Stdout).Encode(result)
	}
}

func run(command string, arguments []string) (any, error) {
	l, m := &load{}, &measurement{}
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	flags.StringVar(&l.address, "address", "127.0.0.1:9092", "the broker's `host:port`")
	flags.StringVar(&l.topic, "topic", "bench", "topic")
	flags.IntVar(&l.connections, "connections", 1, "connections")
	flags.IntVar(&l.consumers, "consumers", 20, "consumers at the tail")
	flags.IntVar(&l.inFlight, "in-flight", 5, "requests in flight on each connection")
	flags.IntVar(&l.recordSize, "record-bytes", 1024, "size of a record's value")
	flags.IntVar(&l.batchRecords, "batch-records", 1, "records in a batch")
	flags.IntVar(&l.acks, "acks", -1, "acks")
	flags.BoolVar(&l.idempotent, "idempotent", true, "produce with a producer id and sequences")
	flags.IntVar(&l.rate, "rate", 20_000, "records per second of tail, paced, paced-arrival, transact-paced and committed")
	flags.IntVar(&l.maxBytes, "fetch-max-bytes", 50<<20, "fetch.max.bytes")
	flags.IntVar(&l.partMaxBytes, "partition-max-bytes", 1<<20, "max.partition.fetch.bytes")
	flags.IntVar(&l.keys, "keys", 0, "give records so many keys in turn (0: none)")
	flags.StringVar(&l.batchFile, "batch", "", "produce: send the record batch in this file rather than make one")
	flags.Int64Var(&l.batchBytes, "batch-bytes", 0, "produce: count so many bytes for that batch (0: those that it has)")
	flags.DurationVar(&l.pause, "pause", 0, "produce, ping: how long a connection waits after an answer; committed: how long a transaction stays open")
	flags.IntVar(&l.transactionVersion, "transaction-version", -1, "transact, transact-paced, committed: what the broker must have finalized (-1: anything)")
	flags.BoolVar(&l.session, "session", false, "fetch in a session, as the Java consumer does: ask only for what changed")
	flags.BoolVar(&l.verify, "verify", false, "check the CRC of every batch fetched")
	flags.Func("pid", "the brokers' processes, `N,...`, for their CPU time", m.addBrokerPIDs)
	flags.DurationVar(&m.warmup, "warmup", 200*time.Millisecond, "time before the measured interval")
	flags.DurationVar(&m.duration, "duration", 2*time.Second, "the longest measured interval")
	flags.Int64Var(&m.maxBytes, "max-bytes", 0, "end the interval after so many bytes (0: no limit)")
	topics := flags.String("topics", "", "NAME:PARTITIONS,...")
	configs := flags.String("configs", "", "create: NAME=VALUE,... of each topic")
	replicas := flags.Int("replicas", 1, "create: replicas of each partition")
	partitions := flags.Int("partitions", 0, "probe: wait until so many partitions have a leader")
	produce := flags.Bool("produce", false, "probe: wait until a record to -topic was acknowledged, too")
	count := flags.Int("count", 20, "metadata: requests to time; log-ins: how many")
	timeout := flags.Duration("timeout", 60*time.Second, "probe, create: give up after this time")
	authority := flags.String("tls-ca", "", "speak TLS, with who this PEM `file` vouches for")
	certificate := flags.String("tls-cert", "", "sink: speak TLS, with the certificate in this PEM `file`")
	key := flags.String("tls-key", "", "sink: the `file` of its key")
	user := flags.String("user", "", "log-ins: the user")
	password := flags.String("password", "", "log-ins: its password")
	flags.Parse(arguments)
	if *authority != "" {
		if err := trust(*authority); err != nil {
			return nil, err
		}
	}

	workload := map[string]func(*measurement, target, versions) (*Result, error){
		"produce": l.produce, "fetch": l.fetch, "tail": l.tail, "round-trip": l.roundTrip, "paced": l.paced,
		"paced-arrival": l.pacedArrival, "ping": l.ping, "transact": l.transact, "transact-paced": l.transactPaced,
		"committed": l.committed,
	}[command]
	switch {
	case workload != nil:
		t, known, err := l.find()
		if err != nil {
			return nil, err
		}
		return workload(m, t, known)
	case command == "sink":
		return nil, serveSink(l.address, *certificate, *key)
	case command == "log-ins":
		return l.logIns(m, *count, *user, *password)
	case command == "create":
		return l.create(*topics, *configs, *replicas, *timeout)
	case command == "delete":
		return l.delete(*topics)
	case command == "probe":
		return l.probe(*partitions, *produce, *timeout)
	case command == "metadata":
		return l.timeMetadata(*count)
	}
	return nil, fmt.Errorf("an unknown command\n%s", usage)
}

// find describes the workload's topic.
func (l *load) find() (target, versions, error) {
	c, err := dial(l.address, nil, 64<<10)
	if err != nil {
		return target{}, nil, err
	}
	defer c.Close()
	response, err := metadata(c, &l.topic)
	if err != nil {
		return target{}, nil, err
	}
	if len(response.Topics) != 1 {
		return target{}, nil, fmt.Errorf("a Metadata response with %d topics instead of one", len(response.Topics))
	}
	topic := response.Topics[0]
	if err := check("Metadata of "+l.topic, topic.ErrorCode); err != nil {
		return target{}, nil, err
	}
	leaders, err := leadersOf(response, topic)
	return target{topic.TopicID, len(topic.Partitions), leaders}, c.versions, err
}

// leadersOf gives the addresses of the leaders of a topic's partitions, by partition.
func leadersOf(response *kmsg.MetadataResponse, topic kmsg.MetadataResponseTopic) ([]string, error) {
	addresses := map[int32]string{}
	for _, broker := range response.Brokers {
		addresses[broker.NodeID] = net.JoinHostPort(broker.Host, strconv.Itoa(int(broker.Port)))
	}
	leaders := make([]string, len(topic.Partitions))
	for _, partition := range topic.Partitions {
		address, known := addresses[partition.Leader]
		if !known || int(partition.Partition) >= len(leaders) {
			return nil, fmt.Errorf("partition %d of %s has no leader", partition.Partition, *topic.Topic)
		}
		leaders[partition.Partition] = address
	}
	return leaders, nil
}

// metadata asks for one topic, or for all when it is nil.
func metadata(c *conn, topic *string) (*kmsg.MetadataResponse, error) {
	request := kmsg.NewPtrMetadataRequest()
	if topic != nil {
		asked := kmsg.NewMetadataRequestTopic()
		asked.Topic = topic
		request.Topics = append(request.Topics, asked)
	}
	request.AllowAutoTopicCreation = false
	response, err := c.call(request)
	if err != nil {
		return nil, fmt.Errorf("Metadata: %w", err)
	}
	return response.(*kmsg.MetadataResponse), nil
}

func led(response *kmsg.MetadataResponse) (partitions int) {
	for _, topic := range response.Topics {
		for _, partition := range topic.Partitions {
			if partition.ErrorCode == 0 && partition.Leader >= 0 {
				partitions++
			}
		}
	}
	return partitions
}

type created struct {
	Seconds float64 `json:"seconds"`
}

type wanted struct {
	name       string
	partitions int
}

func parseTopics(list string) (topics []wanted, err error) {
	for _, entry := range strings.Split(list, ",") {
		name, partitions, _ := strings.Cut(entry, ":")
		number, err := strconv.Atoi(partitions)
		if err != nil {
			return nil, fmt.Errorf("-topics %q: NAME:PARTITIONS is expected", entry)
		}
		topics = append(topics, wanted{name, number})
	}
	return topics, nil
}

// create makes topics, one request each, and waits until every partition is served by its leader.
func (l *load) create(list, configs string, replicas int, timeout time.Duration) (*created, error) {
	start := time.Now()
	topics, err := parseTopics(list)
	if err != nil {
		return nil, err
	}
	c, err := dial(l.address, nil, 64<<10)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, topic := range topics {
		if err := createOne(c, topic, configs, replicas); err != nil {
			return nil, err
		}
	}
	for _, topic := range topics {
		for {
			err := allLed(c, topic)
			if err == nil {
				break
			}
			if time.Since(start) > timeout {
				return nil, fmt.Errorf("after %v: %w", timeout, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return &created{time.Since(start).Seconds()}, nil
}

// A controller takes no more than 10,000 records of one request, of which a partition is one.
const mostPartitionsAtOnce = 5_000

func createOne(c *conn, wanted wanted, configs string, replicas int) error {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.ReplicationFactor = wanted.name, int16(replicas)
	topic.NumPartitions = int32(min(wanted.partitions, mostPartitionsAtOnce))
	for _, entry := range strings.FieldsFunc(configs, func(r rune) bool { return r == ',' }) {
		name, value, found := strings.Cut(entry, "=")
		if !found {
			return fmt.Errorf("-configs %q: NAME=VALUE is expected", entry)
		}
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = name, kmsg.StringPtr(value)
		topic.Configs = append(topic.Configs, config)
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = 60_000
	request.Topics = append(request.Topics, topic)
	response, err := c.call(request)
	if err != nil {
		return fmt.Errorf("CreateTopics: %w", err)
	}
	answer := response.(*kmsg.CreateTopicsResponse).Topics
	if len(answer) != 1 {
		return fmt.Errorf("CreateTopics: %d topics in the response", len(answer))
	}
	if err := check("CreateTopics of "+wanted.name, answer[0].ErrorCode); err != nil {
		return err
	}
	for count := mostPartitionsAtOnce; count < wanted.partitions; {
		count = min(count+mostPartitionsAtOnce, wanted.partitions)
		if err := addPartitions(c, wanted.name, count); err != nil {
			return err
		}
	}
	return nil
}

func addPartitions(c *conn, name string, count int) error {
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = name, int32(count)
	request := kmsg.NewPtrCreatePartitionsRequest()
	request.TimeoutMillis = 60_000
	request.Topics = append(request.Topics, topic)
	response, err := c.call(request)
	if err != nil {
		return fmt.Errorf("CreatePartitions: %w", err)
	}
	answer := response.(*kmsg.CreatePartitionsResponse).Topics
	if len(answer) != 1 {
		return fmt.Errorf("CreatePartitions: %d topics in the response", len(answer))
	}
	return check("CreatePartitions of "+name, answer[0].ErrorCode)
}

// allLed asks the partitions themselves: Metadata may name a leader that does not know of it yet.
func allLed(c *conn, wanted wanted) error {
	response, err := metadata(c, &wanted.name)
	if err != nil {
		return err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != wanted.partitions {
		return fmt.Errorf("Metadata doesn't have the %d partitions of %s yet", wanted.partitions, wanted.name)
	}
	leaders, err := leadersOf(response, response.Topics[0])
	if err != nil {
		return err
	}
	byLeader := map[string][]int32{}
	for partition, leader := range leaders {
		byLeader[leader] = append(byLeader[leader], int32(partition))
	}
	for leader, partitions := range byLeader {
		if err := serves(leader, c.versions, wanted.name, partitions); err != nil {
			return err
		}
	}
	return nil
}

// serves asks a leader where its partitions end.
func serves(leader string, known versions, name string, partitions []int32) error {
	c, err := dial(leader, known, 64<<10)
	if err != nil {
		return err
	}
	defer c.Close()
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = name
	for _, p := range partitions {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = p, -1
		topic.Partitions = append(topic.Partitions, part)
	}
	request.Topics = append(request.Topics, topic)
	response, err := c.call(request)
	if err != nil {
		return fmt.Errorf("ListOffsets: %w", err)
	}
	for _, answer := range response.(*kmsg.ListOffsetsResponse).Topics {
		for _, part := range answer.Partitions {
			if err := check(fmt.Sprintf("ListOffsets of %s-%d", name, part.Partition), part.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *load) delete(list string) (*created, error) {
	start := time.Now()
	c, err := dial(l.address, nil, 64<<10)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.TimeoutMillis = 30_000
	for _, name := range strings.Split(list, ",") {
		topic := kmsg.NewDeleteTopicsRequestTopic()
		topic.Topic = &name
		request.Topics = append(request.Topics, topic)
		request.TopicNames = append(request.TopicNames, name)
	}
	response, err := c.call(request)
	if err != nil {
		return nil, fmt.Errorf("DeleteTopics: %w", err)
	}
	for _, topic := range response.(*kmsg.DeleteTopicsResponse).Topics {
		if err := check("DeleteTopics", topic.ErrorCode); err != nil {
			return nil, err
		}
	}
	return &created{time.Since(start).Seconds()}, nil
}

// served tells when the broker first did what was asked, in milliseconds since 1970.
type served struct {
	AtMs float64 `json:"atMs"`
}

// probe tries every few milliseconds, on a fresh connection each time, until the broker serves.
func (l *load) probe(partitions int, produce bool, timeout time.Duration) (*served, error) {
	l.inFlight, l.batchRecords = 1, 1
	for end := time.Now().Add(timeout); ; time.Sleep(3 * time.Millisecond) {
		err := l.attempt(partitions, produce)
		if err == nil {
			return &served{float64(time.Now().UnixMicro()) / 1e3}, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("not serving after %v: %w", timeout, err)
		}
	}
}

func (l *load) attempt(partitions int, produce bool) error {
	c, err := dial(l.address, nil, 64<<10)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	response, err := metadata(c, nil)
	if err != nil {
		return err
	}
	if len(response.Brokers) == 0 {
		return fmt.Errorf("no broker in the Metadata response")
	}
	if found := led(response); found < partitions {
		return fmt.Errorf("%d of %d partitions have a leader", found, partitions)
	}
	if !produce {
		return nil
	}
	t, known, err := l.find()
	if err != nil {
		return err
	}
	l.idempotent = false
	link, err := l.produceLink(t, known, []int{0}, buildBatch(1, 100, 0))
	if err != nil {
		return err
	}
	defer link.Close()
	link.SetDeadline(time.Now().Add(10 * time.Second))
	if err := link.queue(); err != nil {
		return err
	}
	if err := link.flush(); err != nil {
		return err
	}
	return link.acknowledged()
}

func (l *load) timeMetadata(count int) (*Distribution, error) {
	c, err := dial(l.address, nil, 64<<10)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var latencies []time.Duration
	for i := 0; i < count; i++ {
		start := time.Now()
		if _, err := metadata(c, nil); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(start))
	}
	return distribution(latencies), nil
}
