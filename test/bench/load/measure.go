package main

import (
	"fmt"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const maxLatencies = 4 << 20

// Distribution of latencies in microseconds.
type Distribution struct {
	Mean float64 `json:"meanUs"`
	P50  float64 `json:"p50Us"`
	P99  float64 `json:"p99Us"`
	P999 float64 `json:"p999Us"`
	Max  float64 `json:"maxUs"`
}

// Result of one measurement, printed as one line of JSON.
type Result struct {
	Seconds          float64       `json:"seconds"`
	Requests         int64         `json:"requests"`
	Records          int64         `json:"records"`
	Bytes            int64         `json:"bytes"`
	Retries          int64         `json:"retries"`
	BrokerCPUSeconds float64       `json:"brokerCpuSeconds"`
	ClientCPUSeconds float64       `json:"clientCpuSeconds"`
	Latency          *Distribution `json:"latency"`
}

// counter is what one worker has done; its own cache line.
type counter struct {
	requests, records, bytes, retries atomic.Int64
	latencies                         []time.Duration
	_                                 [64]byte
}

// measurement runs workers, and counts only what happens between the end of the warm-up and the end of the interval.
type measurement struct {
	brokerPIDs []int
	warmup     time.Duration
	duration   time.Duration
	maxBytes   int64
	measuring  atomic.Bool
	stopping   atomic.Bool
	counters   []*counter
}

func (m *measurement) addBrokerPIDs(list string) error {
	for _, text := range strings.Split(list, ",") {
		pid, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		m.brokerPIDs = append(m.brokerPIDs, pid)
	}
	return nil
}

func (m *measurement) add(c *counter, requests, records, bytes int64) {
	c.requests.Add(requests)
	c.records.Add(records)
	c.bytes.Add(bytes)
}

func (m *measurement) latency(c *counter, took time.Duration) {
	if m.measuring.Load() && len(c.latencies) < maxLatencies/len(m.counters) {
		c.latencies = append(c.latencies, took)
	}
}

type snapshot struct {
	at                                time.Time
	requests, records, bytes, retries int64
	broker, client                    float64
}

func (m *measurement) snapshot() (s snapshot, err error) {
	for _, c := range m.counters {
		s.requests += c.requests.Load()
		s.records += c.records.Load()
		s.bytes += c.bytes.Load()
		s.retries += c.retries.Load()
	}
	for _, pid := range m.brokerPIDs {
		seconds, err := processCPUSeconds(pid)
		if err != nil {
			return s, err
		}
		s.broker += seconds
	}
	s.client = ownCPUSeconds()
	s.at = time.Now()
	return s, nil
}

// run starts the workers and waits for all of them. A worker returns when the measurement is stopping; when one fails,
// the others stop. unblock is called once they should, to wake those that wait for the broker.
func (m *measurement) run(workers []func(*counter) error, unblock func()) (*Result, error) {
	m.counters = make([]*counter, len(workers))
	for i := range workers {
		m.counters[i] = &counter{}
	}
	failed := make(chan error, len(workers))
	var all sync.WaitGroup
	for i, worker := range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := worker(m.counters[i]); err != nil && !m.stopping.Load() {
				failed <- err
			}
		}()
	}
	stop := func() {
		m.stopping.Store(true)
		if unblock != nil {
			unblock()
		}
		all.Wait()
	}
	if err := wait(m.warmup, failed); err != nil {
		stop()
		return nil, err
	}
	m.measuring.Store(true)
	before, err := m.snapshot()
	if err == nil {
		err = m.waitBounded(before, failed)
	}
	after, cpuErr := m.snapshot()
	m.measuring.Store(false)
	stop()
	if err == nil {
		err = cpuErr
	}
	if err != nil {
		return nil, err
	}
	return m.result(before, after), nil
}

func wait(duration time.Duration, failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	case <-time.After(duration):
		return nil
	}
}

// waitBounded ends when the time is over or enough bytes have moved.
func (m *measurement) waitBounded(before snapshot, failed <-chan error) error {
	end := before.at.Add(m.duration)
	for {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if err := wait(min(left, 20*time.Millisecond), failed); err != nil {
			return err
		}
		if m.maxBytes > 0 {
			var bytes int64
			for _, c := range m.counters {
				bytes += c.bytes.Load()
			}
			if bytes-before.bytes >= m.maxBytes {
				return nil
			}
		}
	}
}

func (m *measurement) result(before, after snapshot) *Result {
	var latencies []time.Duration
	for _, c := range m.counters {
		latencies = append(latencies, c.latencies...)
	}
	return &Result{
		Seconds:          after.at.Sub(before.at).Seconds(),
		Requests:         after.requests - before.requests,
		Records:          after.records - before.records,
		Bytes:            after.bytes - before.bytes,
		Retries:          after.retries - before.retries,
		BrokerCPUSeconds: after.broker - before.broker,
		ClientCPUSeconds: after.client - before.client,
		Latency:          distribution(latencies),
	}
}

func distribution(latencies []time.Duration) *Distribution {
	if len(latencies) == 0 {
		return nil
	}
	sort.Slice(latencies, func(a, b int) bool { return latencies[a] < latencies[b] })
	var sum time.Duration
	for _, l := range latencies {
		sum += l
	}
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	at := func(share float64) float64 {
		return us(latencies[max(0, int(math.Ceil(share*float64(len(latencies))))-1)])
	}
	return &Distribution{
		Mean: us(sum) / float64(len(latencies)),
		P50:  at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1),
	}
}

// processCPUSeconds is a process's user and system time so far (proc(5): fields 14 and 15, in ticks of 10 ms).
func processCPUSeconds(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, field 2, is in parentheses and may hold spaces.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err := strconv.ParseFloat(fields[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100, err
}

func ownCPUSeconds() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
