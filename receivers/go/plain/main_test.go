package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

type vector struct {
	Name       string            `json:"name"`
	Secret     string            `json:"secret"`
	Secrets    []string          `json:"secrets"`
	BodyBase64 string            `json:"body_base64"`
	Headers    map[string]string `json:"headers"`
	XSignature string            `json:"x_signature"`
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("../../vectors/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []vector `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil || len(file.Cases) < 43 {
		t.Fatal(err, len(file.Cases))
	}
	return file.Cases
}

// post sends a request over a real socket and tells what came back.
func post(t *testing.T, secret string, body []byte, headers map[string]string) (status int, text string) {
	t.Helper()
	server := httptest.NewServer(webhooks(secret))
	defer server.Close()
	request, err := http.NewRequest(http.MethodPost, server.URL+"/webhooks", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func TestVectors(t *testing.T) {
	vectors := readVectors(t)
	for _, v := range vectors {
		v := v
		t.Run(v.Name, func(t *testing.T) {
			body, err := base64.StdEncoding.DecodeString(v.BodyBase64)
			if err != nil {
				t.Fatal(err)
			}
			if v.XSignature == "no_secret" {
				refusesToStart(t, v.Secret)
				return
			}
			// It knows one secret at a time, so during a rotation whichever it has been given must do.
			secrets := v.Secrets
			if secrets == nil {
				secrets = []string{v.Secret}
			}
			answers := []string{}
			for _, secret := range secrets {
				_, text := post(t, secret, body, v.Headers)
				answers = append(answers, text)
			}
			if valid := strings.Contains(strings.Join(answers, ","), "Valid signature"); valid != (v.XSignature == "valid") {
				t.Errorf("want %s, answered %q", v.XSignature, answers)
			}
		})
	}
	t.Logf("vectors: %d cases with X-Signature, without the kit", len(vectors))
}

// refusesToStart runs this test's own program again, as the server that it tests.
func refusesToStart(t *testing.T, secret string) {
	t.Helper()
	// Only a server that did start has to be ended.
	patience, end := context.WithTimeout(context.Background(), 10*time.Second)
	defer end()
	command := exec.CommandContext(patience, os.Args[0])
	command.Env = append(os.Environ(), "RUN_PLAIN=1", "WEBHOOK_SECRET="+secret, "HOST=127.0.0.1", "PORT=0")
	output, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "WEBHOOK_SECRET") || strings.Contains(string(output), "listening") {
		t.Errorf("with the secret %q: %v, %s", secret, err, output)
	}
}

func TestMain(m *testing.M) {
	if os.Getenv("RUN_PLAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestItSaysWhatItIsAskedToSay(t *testing.T) {
	v := readVectors(t)[0]
	body, err := base64.StdEncoding.DecodeString(v.BodyBase64)
	if err != nil {
		t.Fatal(err)
	}
	if status, text := post(t, v.Secret, body, v.Headers); status != 200 || text != "Valid signature" {
		t.Error(status, text)
	}
	if status, text := post(t, v.Secret, body, nil); status != 403 || text != "Invalid signature" {
		t.Error(status, text)
	}
	if status, text := post(t, v.Secret, make([]byte, 1<<20+1), v.Headers); status != 413 || text != "Payload too large" {
		t.Error(status, text)
	}
}

func TestAnyChangeIsRefusedAndNothingCrashes(t *testing.T) {
	v := readVectors(t)[0]
	body, err := base64.StdEncoding.DecodeString(v.BodyBase64)
	if err != nil {
		t.Fatal(err)
	}
	handler := webhooks(secret)
	answer := func(body []byte, signature string) int {
		request := httptest.NewRequest(http.MethodPost, "/webhooks", bytes.NewReader(body))
		request.Header.Set("X-Signature", signature)
		recorder := httptest.NewRecorder()
		handler(recorder, request)
		return recorder.Code
	}
	signature := v.Headers["x-signature"]
	if answer(body, signature) != 200 {
		t.Fatal("refused before its change")
	}
	for bit := 0; bit < 8*len(body); bit++ {
		changed := append([]byte(nil), body...)
		changed[bit/8] ^= 1 << (bit % 8)
		if answer(changed, signature) != 403 {
			t.Errorf("bit %d of the body is not covered", bit)
		}
	}
	for bit := 0; bit < 8*len(signature); bit++ {
		changed := []byte(signature)
		changed[bit/8] ^= 1 << (bit % 8)
		if answer(body, string(changed)) != 403 {
			t.Errorf("bit %d of the signature is not covered", bit)
		}
	}
	random := rand.New(rand.NewSource(1))
	for i := 0; i < 2_000; i++ {
		body, signature := make([]byte, random.Intn(200)), make([]byte, random.Intn(100))
		random.Read(body)
		random.Read(signature)
		if answer(body, string(signature)) != 403 {
			t.Errorf("%q with %q", body, signature)
		}
	}
}
