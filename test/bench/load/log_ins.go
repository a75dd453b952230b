package main

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const mechanism = "SCRAM-SHA-256"

// scramKeys are what follows from a password, a salt and a number of iterations (RFC 5802). They take long to work out, and are
// the same for all log-ins of a user.
type scramKeys struct {
	client, stored, server []byte
}

// scramUser logs in again and again.
type scramUser struct {
	name, password string
	once           sync.Once
	keys           scramKeys
	err            error
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (u *scramUser) keysFor(salt []byte, iterations int) (scramKeys, error) {
	u.once.Do(func() {
		salted, err := pbkdf2.Key(sha256.New, u.password, salt, iterations, sha256.Size)
		if err != nil {
			u.err = err
			return
		}
		client := mac(salted, "Client Key")
		stored := sha256.Sum256(client)
		u.keys = scramKeys{client, stored[:], mac(salted, "Server Key")}
	})
	return u.keys, u.err
}

// attributes of a message of SCRAM, by their letters.
func attributes(message string) map[string]string {
	found := map[string]string{}
	for _, part := range strings.Split(message, ",") {
		name, value, _ := strings.Cut(part, "=")
		found[name] = value
	}
	return found
}

func (c *conn) token(said string) (string, error) {
	request := kmsg.NewPtrSASLAuthenticateRequest()
	request.SASLAuthBytes = []byte(said)
	response, err := c.call(request)
	if err != nil {
		return "", fmt.Errorf("SaslAuthenticate: %w", err)
	}
	answer := response.(*kmsg.SASLAuthenticateResponse)
	return string(answer.SASLAuthBytes), check("SaslAuthenticate", answer.ErrorCode)
}

// logIn connects, says who it is and believes the broker that it knows it, and leaves.
func (u *scramUser) logIn(address string, known versions) error {
	c, err := dial(address, known, 4<<10)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Mechanism = mechanism
	response, err := c.call(handshake)
	if err != nil {
		return fmt.Errorf("SaslHandshake: %w", err)
	}
	if err := check("SaslHandshake", response.(*kmsg.SASLHandshakeResponse).ErrorCode); err != nil {
		return err
	}
	var random [18]byte
	rand.Read(random[:])
	nonce := base64.StdEncoding.EncodeToString(random[:])
	first := "n=" + u.name + ",r=" + nonce
	challenge, err := c.token("n,," + first)
	if err != nil {
		return err
	}
	asked := attributes(challenge)
	salt, err := base64.StdEncoding.DecodeString(asked["s"])
	if err != nil || !strings.HasPrefix(asked["r"], nonce) {
		return fmt.Errorf("no challenge of SCRAM: %q", challenge)
	}
	iterations, err := strconv.Atoi(asked["i"])
	if err != nil {
		return err
	}
	keys, err := u.keysFor(salt, iterations)
	if err != nil {
		return err
	}
	last := "c=biws,r=" + asked["r"]
	message := first + "," + challenge + "," + last
	proof := mac(keys.stored, message)
	for i, b := range keys.client {
		proof[i] ^= b
	}
	final, err := c.token(last + ",p=" + base64.StdEncoding.EncodeToString(proof))
	if err != nil {
		return err
	}
	if final != "v="+base64.StdEncoding.EncodeToString(mac(keys.server, message)) {
		return fmt.Errorf("the broker doesn't know the user")
	}
	return nil
}

// logIns measures so many log-ins, each on a connection of its own; its workers have one each at a time. The first one, which works
// out the keys, is not counted.
func (l *load) logIns(m *measurement, count int, name, password string) (*Result, error) {
	c, err := dial(l.address, nil, 4<<10)
	if err != nil {
		return nil, err
	}
	known := c.versions
	c.Close()
	user := &scramUser{name: name, password: password}
	if err := user.logIn(l.address, known); err != nil {
		return nil, err
	}
	before, err := m.snapshot()
	if err != nil {
		return nil, err
	}
	var begun atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, l.connections)
	latencies := make([][]time.Duration, l.connections)
	for worker := range l.connections {
		all.Go(func() {
			for begun.Add(1) <= int64(count) {
				start := time.Now()
				if err := user.logIn(l.address, known); err != nil {
					failed <- err
					return
				}
				latencies[worker] = append(latencies[worker], time.Since(start))
			}
		})
	}
	all.Wait()
	after, err := m.snapshot()
	if err != nil {
		return nil, err
	}
	select {
	case err := <-failed:
		return nil, err
	default:
	}
	result := m.result(before, after)
	var took []time.Duration
	for _, of := range latencies {
		took = append(took, of...)
	}
	result.Requests, result.Latency = int64(len(took)), distribution(took)
	return result, nil
}
