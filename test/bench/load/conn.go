package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	clientID     = "ottla-bench"
	maxFrameSize = 256 << 20
)

var formatter = kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID))

// versions holds the newest version of each API that a broker answers.
type versions map[int16]int16

// apply sets the newest version that both sides know.
func (v versions) apply(request kmsg.Request) {
	version := request.MaxVersion()
	if newest, known := v[request.Key()]; known && newest < version {
		version = newest
	}
	request.SetVersion(version)
}

// conn is one connection. A single goroutine uses it, so nothing is locked.
type conn struct {
	net.Conn
	reader      *bufio.Reader
	versions    versions
	finalized   map[string]int16 // features by name, where the versions were asked for
	correlation int32
	out         []byte
	in          []byte
}

// trusted is what connections are protected by; nil where they are in the clear.
var trusted *tls.Config

// trust has all connections speak TLS with brokers that the authority in this PEM file vouches for.
func trust(file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s has no certificate", file)
	}
	trusted = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	return nil
}

// open connects, and finishes the handshake where there is one.
func open(address string) (net.Conn, error) {
	tcp, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil || trusted == nil {
		return tcp, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config := trusted.Clone()
	config.ServerName = host
	secured := tls.Client(tcp, config)
	if err := secured.Handshake(); err != nil {
		tcp.Close()
		return nil, err
	}
	return secured, nil
}

// dial connects, and asks for the broker's versions unless they are already known.
func dial(address string, known versions, readBufferSize int) (*conn, error) {
	opened, err := open(address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: opened, reader: bufio.NewReaderSize(opened, readBufferSize), versions: known}
	if known != nil {
		return c, nil
	}
	request := kmsg.NewPtrApiVersionsRequest()
	request.SetVersion(3)
	request.ClientSoftwareName, request.ClientSoftwareVersion = clientID, "1"
	response, err := c.callAs(request)
	if err != nil {
		opened.Close()
		return nil, fmt.Errorf("ApiVersions: %w", err)
	}
	answer := response.(*kmsg.ApiVersionsResponse)
	c.versions, c.finalized = versions{}, map[string]int16{}
	for _, api := range answer.ApiKeys {
		c.versions[api.ApiKey] = api.MaxVersion
	}
	for _, feature := range answer.FinalizedFeatures {
		c.finalized[feature.Name] = feature.MaxVersionLevel
	}
	return c, nil
}

// call sends a request in the newest common version and waits for its response.
func (c *conn) call(request kmsg.Request) (kmsg.Response, error) {
	c.versions.apply(request)
	return c.callAs(request)
}

func (c *conn) callAs(request kmsg.Request) (kmsg.Response, error) {
	if err := c.send(request); err != nil {
		return nil, err
	}
	response := request.ResponseKind()
	return response, c.receive(response)
}

// send writes a request whose version has been set.
func (c *conn) send(request kmsg.Request) error {
	c.correlation++
	c.out = formatter.AppendRequest(c.out[:0], request, c.correlation)
	_, err := c.Write(c.out)
	return err
}

// receive reads the next frame into the connection's own buffer and decodes it: byte fields of the response are
// views that hold until the next call.
func (c *conn) receive(response kmsg.Response) error {
	body, err := c.frame()
	if err != nil {
		return err
	}
	// ApiVersions has no tagged fields in its header in any version, so that a client of another age can read it.
	if response.IsFlexible() && response.Key() != 18 {
		if len(body) == 0 || body[0] != 0 {
			return fmt.Errorf("tagged fields in the response header of API %d", response.Key())
		}
		body = body[1:]
	}
	return response.ReadFrom(body)
}

// frame reads one response frame and returns what follows its correlation id.
func (c *conn) frame() ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(c.reader, head[:]); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint32(head[:])) - 4
	if size < 0 || size > maxFrameSize {
		return nil, fmt.Errorf("a response frame of %d bytes", size)
	}
	if cap(c.in) < size {
		c.in = make([]byte, size+size/4)
	}
	c.in = c.in[:size]
	_, err := io.ReadFull(c.reader, c.in)
	return c.in, err
}

func check(what string, code int16) error {
	if code == 0 {
		return nil
	}
	return fmt.Errorf("%s: error code %d", what, code)
}
