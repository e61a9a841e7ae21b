package posthorn

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"
)

// vector is one case of the file that all kits share.
type vector struct {
	Name       string            `json:"name"`
	Secret     string            `json:"secret"`
	Secrets    []string          `json:"secrets"`
	BodyBase64 string            `json:"body_base64"`
	Now        int64             `json:"now"`
	Headers    map[string]string `json:"headers"`
	XSignature string            `json:"x_signature"`
	Standard   string            `json:"standard"`
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("../vectors/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []vector `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 43 {
		t.Fatalf("the file holds %d cases, fewer than it once did", len(file.Cases))
	}
	return file.Cases
}

func (v vector) body(t *testing.T) []byte {
	t.Helper()
	body, err := base64.StdEncoding.DecodeString(v.BodyBase64)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func (v vector) header() http.Header {
	header := http.Header{}
	for name, value := range v.Headers {
		header.Set(name, value)
	}
	return header
}

// comesTo is the vectors' word for what verifying by this scheme results in.
func (v vector) comesTo(t *testing.T, scheme Scheme) string {
	t.Helper()
	secrets := v.Secrets
	if secrets == nil {
		secrets = []string{v.Secret}
	}
	receiver, err := New(Config{Secrets: secrets, Scheme: scheme, Now: func() time.Time { return time.Unix(v.Now, 0) }})
	if err == nil {
		err = receiver.VerifySignature(v.body(t), v.header())
	}
	if err == nil {
		return "valid"
	}
	return string(codeOf(t, err))
}

func codeOf(t *testing.T, err error) Code {
	t.Helper()
	var refused *Error
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, not an *Error", err)
	}
	return refused.Code
}

func TestVectors(t *testing.T) {
	vectors := readVectors(t)
	for _, v := range vectors {
		v := v
		t.Run(v.Name, func(t *testing.T) {
			if got := v.comesTo(t, XSignature); got != v.XSignature {
				t.Errorf("X-Signature came to %s, not %s", got, v.XSignature)
			}
			if got := v.comesTo(t, Standard); got != v.Standard {
				t.Errorf("Standard Webhooks came to %s, not %s", got, v.Standard)
			}
		})
	}
	t.Logf("vectors: %d cases, each with both schemes", len(vectors))
}
