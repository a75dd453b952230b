// Package driver is what the drivers of the Go clients share: commands from standard input, answers and events to
// standard output. The commands are described in driver.ts. Every command runs in a goroutine of its own.
package driver

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Header is a header's name and value.
type Header [2]string

// Record is one that is to be sent: nil is Kafka's null.
type Record struct {
	Key, Value *string
	Headers    []Header
}

// UnmarshalJSON reads [key, value, headers].
func (record *Record) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&record.Key, &record.Value, &record.Headers})
}

// Bytes are a text's, nil for nil.
func Bytes(text *string) []byte {
	if text == nil {
		return nil
	}
	return []byte(*text)
}

// Read is one that was read back.
type Read struct {
	Partition  int
	Offset     int64
	Key, Value []byte
	Headers    []Header
}

// MarshalJSON writes [partition, offset, key, value, headers].
func (read Read) MarshalJSON() ([]byte, error) {
	text := func(bytes []byte) any {
		if bytes == nil {
			return nil
		}
		return string(bytes)
	}
	headers := read.Headers
	if headers == nil {
		headers = []Header{}
	}
	return json.Marshal([]any{read.Partition, read.Offset, text(read.Key), text(read.Value), headers})
}

// Taking collects records to a count or to the first of a value. It may be used by several goroutines.
type Taking struct {
	Count   int
	Until   string
	lock    sync.Mutex
	records []Read
	next    map[int]int64
	done    chan struct{}
}

func newTaking(count int, until string) *Taking {
	return &Taking{Count: count, Until: until, records: []Read{}, next: map[int]int64{}, done: make(chan struct{})}
}

// Take takes a record unless there are enough; it tells whether there are now.
func (taking *Taking) Take(read Read) bool {
	taking.lock.Lock()
	defer taking.lock.Unlock()
	if taking.isDone() {
		return true
	}
	taking.records = append(taking.records, read)
	taking.next[read.Partition] = read.Offset + 1
	if len(taking.records) == taking.Count || taking.Until != "" && string(read.Value) == taking.Until {
		close(taking.done)
	}
	return taking.isDone()
}

func (taking *Taking) isDone() bool {
	select {
	case <-taking.done:
		return true
	default:
		return false
	}
}

// Done is closed when there are enough.
func (taking *Taking) Done() <-chan struct{} { return taking.done }

// Missing is how many are still to be taken, at least 1 where a value ends it.
func (taking *Taking) Missing() int {
	taking.lock.Lock()
	defer taking.lock.Unlock()
	return max(1, taking.Count-len(taking.records))
}

// Next are the offsets after the last one taken of each partition.
func (taking *Taking) Next() map[int]int64 {
	taking.lock.Lock()
	defer taking.lock.Unlock()
	return taking.next
}

// Stream is the state of a producer that sends numbers until it is told to stop, at most 500 in flight.
type Stream struct {
	name   string
	pause  time.Duration
	stop   chan struct{}
	slots  chan struct{}
	lock   sync.Mutex
	sent   int
	acked  int
	failed []int
}

// Next is the next number to send; false when it is time to stop. It waits for room, and pauses.
func (stream *Stream) Next() (int, bool) {
	time.Sleep(stream.pause)
	select {
	case <-stream.stop:
		return 0, false
	case stream.slots <- struct{}{}:
	}
	stream.lock.Lock()
	defer stream.lock.Unlock()
	stream.sent++
	return stream.sent - 1, true
}

// Settle tells what became of a number.
func (stream *Stream) Settle(number int, err error) {
	stream.lock.Lock()
	defer stream.lock.Unlock()
	<-stream.slots
	if err != nil {
		fmt.Fprintln(os.Stderr, "not sent:", number, err)
		stream.failed = append(stream.failed, number)
		return
	}
	stream.acked++
	every := 100
	if stream.pause > 0 {
		every = 5
	}
	if stream.acked%every == 0 {
		say(map[string]any{"event": "acked", "stream": stream.name, "count": stream.acked})
	}
}

// Driver is a client that obeys the commands.
type Driver interface {
	Create(topic string, partitions int) error
	Produce(topic, codec string, records []Record) error
	Consume(topic string, taking *Taking) error
	Work(topic, group string, taking *Taking) error
	Committed(topic, group string) (map[int]int64, error)
	Seek(topic string, partition int, offset int64, taking *Taking) error
	Join(member, topic, group string) error
	Leave(member string) error
	Stream(topic string, idempotent bool, stream *Stream) error
	// Knock sends one record by a producer of its own, and gives up as soon as the client can.
	Knock(topic string, security *Security) error
}

// Transactor is a client that has transactions.
type Transactor interface {
	Copy(source, target, group, transactional string, copying *Copying) error
}

// Copying is the state of a copy that goes on until it is told to stop.
type Copying struct {
	name      string
	stop      chan struct{}
	committed int
}

// Stopped tells whether it was told to stop.
func (copying *Copying) Stopped() bool {
	select {
	case <-copying.stop:
		return true
	default:
		return false
	}
}

// Committed counts records that a transaction has committed.
func (copying *Copying) Committed(count int) {
	copying.committed += count
	say(map[string]any{"event": "acked", "stream": copying.name, "count": copying.committed})
}

var output sync.Mutex

func say(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

// Assigned tells which partitions a member has now.
func Assigned(member string, partitions []int) {
	slices.Sort(partitions)
	if partitions == nil {
		partitions = []int{}
	}
	say(map[string]any{"event": "assigned", "member": member, "partitions": partitions})
}

// Counter tells how many records a member has read.
type Counter struct {
	Member string
	lock   sync.Mutex
	count  int
}

// Add counts more records.
func (counter *Counter) Add(count int) {
	counter.lock.Lock()
	defer counter.lock.Unlock()
	counter.count += count
	say(map[string]any{"event": "consumed", "member": counter.Member, "count": counter.count})
}

type command struct {
	ID         int
	Do         string
	Topic      string
	Partitions int
	Codec      string
	Records    []Record
	Count      int
	Until      string
	Group      string
	Partition  int
	Offset     int64
	Member     string
	Stream     string
	Idempotent bool
	PauseMs    int
	// Of copy.
	Source, Target, Transactional string
	// Of knock.
	Security *Security
}

type server struct {
	driver  Driver
	lock    sync.Mutex
	streams map[string]*Stream
	copies  map[string]*Copying
}

func (server *server) run(ask command) (map[string]any, error) {
	none := map[string]any{}
	taken := func(read func(*Taking) error) (map[string]any, error) {
		taking := newTaking(ask.Count, ask.Until)
		err := read(taking)
		return map[string]any{"records": taking.records}, err
	}
	switch ask.Do {
	case "create":
		return none, server.driver.Create(ask.Topic, ask.Partitions)
	case "produce":
		return none, server.driver.Produce(ask.Topic, ask.Codec, ask.Records)
	case "consume":
		return taken(func(taking *Taking) error { return server.driver.Consume(ask.Topic, taking) })
	case "work":
		return taken(func(taking *Taking) error { return server.driver.Work(ask.Topic, ask.Group, taking) })
	case "seek":
		return taken(func(taking *Taking) error {
			return server.driver.Seek(ask.Topic, ask.Partition, ask.Offset, taking)
		})
	case "committed":
		found, err := server.driver.Committed(ask.Topic, ask.Group)
		offsets := map[string]int64{}
		for partition, offset := range found {
			if offset >= 0 {
				offsets[strconv.Itoa(partition)] = offset
			}
		}
		return map[string]any{"offsets": offsets}, err
	case "join":
		return none, server.driver.Join(ask.Member, ask.Topic, ask.Group)
	case "leave":
		return none, server.driver.Leave(ask.Member)
	case "stream":
		pause := time.Duration(ask.PauseMs) * time.Millisecond
		stream := &Stream{
			name: ask.Stream, pause: pause, stop: make(chan struct{}), slots: make(chan struct{}, 500), failed: []int{},
		}
		server.lock.Lock()
		server.streams[ask.Stream] = stream
		server.lock.Unlock()
		err := server.driver.Stream(ask.Topic, ask.Idempotent, stream)
		return map[string]any{"sent": stream.sent, "failed": stream.failed}, err
	case "copy":
		copying := &Copying{name: ask.Stream, stop: make(chan struct{})}
		server.lock.Lock()
		server.copies[ask.Stream] = copying
		server.lock.Unlock()
		transactor := server.driver.(Transactor)
		return none, transactor.Copy(ask.Source, ask.Target, ask.Group, ask.Transactional, copying)
	case "knock":
		security := ask.Security
		if security == nil {
			security = GivenSecurity()
		}
		if err := server.driver.Knock(ask.Topic, security); err != nil {
			return map[string]any{"refusal": err.Error()}, nil
		}
		return map[string]any{"refusal": nil}, nil
	case "stop":
		server.lock.Lock()
		defer server.lock.Unlock()
		if stream, found := server.streams[ask.Stream]; found {
			close(stream.stop)
		} else {
			close(server.copies[ask.Stream].stop)
		}
		return none, nil
	}
	return nil, fmt.Errorf("unknown command %q", ask.Do)
}

// Bootstrap are the brokers' addresses, the program's last argument.
func Bootstrap() []string { return strings.Split(os.Args[len(os.Args)-1], ",") }

// Serve serves commands until standard input ends.
func Serve(driver Driver) {
	server := &server{driver: driver, streams: map[string]*Stream{}, copies: map[string]*Copying{}}
	input := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var ask command
		if err := input.Decode(&ask); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			panic(err)
		}
		go func() {
			reply, err := server.run(ask)
			if err != nil {
				reply = map[string]any{"error": err.Error()}
			}
			reply["id"] = ask.ID
			say(reply)
		}()
	}
}
