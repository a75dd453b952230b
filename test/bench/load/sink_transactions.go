package main

import "github.com/twmb/franz-go/pkg/kmsg"

// The sink's transactions: it keeps where each open one begins, so that a read_committed consumer waits for the end, and
// writes no markers.

const lastEpoch = 32766 // after which a producer gets another id

func coordinator(request *kmsg.FindCoordinatorRequest) kmsg.Response {
	response := kmsg.NewPtrFindCoordinatorResponse()
	for _, key := range request.CoordinatorKeys {
		found := kmsg.NewFindCoordinatorResponseCoordinator()
		found.Key, found.NodeID = key, 1
		response.Coordinators = append(response.Coordinators, found)
	}
	return response
}

// join remembers that a transaction has records in a partition.
func (s *sink) join(id string, p *sinkPartition, base int64) {
	p.mu.Lock()
	_, known := p.open[id]
	if p.open == nil {
		p.open = map[string]int64{}
	}
	if !known {
		p.open[id] = base
	}
	p.mu.Unlock()
	if !known {
		s.mu.Lock()
		s.open[id] = append(s.open[id], p)
		s.mu.Unlock()
	}
}

func (s *sink) endTransaction(request *kmsg.EndTxnRequest) kmsg.Response {
	response := kmsg.NewPtrEndTxnResponse()
	response.ProducerID, response.ProducerEpoch = request.ProducerID, request.ProducerEpoch+1
	s.mu.Lock()
	if request.ProducerEpoch >= lastEpoch {
		s.nextID++
		response.ProducerID, response.ProducerEpoch = s.nextID, 0
	}
	joined := s.open[request.TransactionalID]
	delete(s.open, request.TransactionalID)
	s.mu.Unlock()
	for _, p := range joined {
		p.mu.Lock()
		delete(p.open, request.TransactionalID)
		p.wake()
		p.mu.Unlock()
	}
	return response
}

// stable is the offset before which every transaction has ended.
func (p *sinkPartition) stable() int64 {
	stable := p.end
	for _, base := range p.open {
		stable = min(stable, base)
	}
	return stable
}

// wake lets those that wait look again.
func (p *sinkPartition) wake() {
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}
