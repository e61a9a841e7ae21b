// Command published verifies deliveries with the Go module of Standard Webhooks, unmodified. A list of deliveries comes in, a list of outcomes goes
// out, as JSON.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type delivery struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body_base64"`
}

func outcome(d delivery) string {
	webhook, err := standardwebhooks.NewWebhook(d.Secret)
	if err != nil {
		return "refused: " + err.Error()
	}
	header := http.Header{}
	for name, value := range d.Headers {
		header.Set(name, value)
	}
	if err := webhook.Verify(d.Body, header); err != nil {
		return "refused: " + err.Error()
	}
	return "valid"
}

func main() {
	var deliveries []delivery
	if err := json.NewDecoder(os.Stdin).Decode(&deliveries); err != nil {
		log.Fatal(err)
	}
	outcomes := make([]string, len(deliveries))
	for i, d := range deliveries {
		outcomes[i] = outcome(d)
	}
	if err := json.NewEncoder(os.Stdout).Encode(outcomes); err != nil {
		log.Fatal(err)
	}
}
