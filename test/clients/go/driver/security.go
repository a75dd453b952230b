package driver

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
)

// Security is how a driver is to connect, as security.ts describes it.
type Security struct {
	Protocol                  string
	CA                        string
	Cert, Key                 string
	Mechanism, User, Password string
	Token                     string
}

// GivenSecurity is what the environment says; nil without protection.
func GivenSecurity() *Security {
	given, found := os.LookupEnv("OTTLA_CLIENT_SECURITY")
	if !found {
		return nil
	}
	security := &Security{}
	if err := json.Unmarshal([]byte(given), security); err != nil {
		panic(err)
	}
	return security
}

func contents(file string) []byte {
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return text
}

// TLS trusts the authority alone, and shows the certificate where there is one.
func (security *Security) TLS() *tls.Config {
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(contents(security.CA))
	config := &tls.Config{RootCAs: authorities}
	if security.Cert != "" {
		shown, err := tls.LoadX509KeyPair(security.Cert, security.Key)
		if err != nil {
			panic(err)
		}
		config.Certificates = []tls.Certificate{shown}
	}
	return config
}

// Bearer is the token.
func (security *Security) Bearer() string { return string(contents(security.Token)) }
