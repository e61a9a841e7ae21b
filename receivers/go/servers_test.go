package posthorn

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startServer runs a command of servers.json on a free port, for as long as the test takes, and ends it as a supervisor would.
func startServer(t *testing.T, command []string, env ...string) (url string) {
	t.Helper()
	server := exec.Command(command[0], command[1:]...)
	server.Env = append(append(os.Environ(), "HOST=127.0.0.1", "PORT=0"), env...)
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		server.Wait()
	})
	line, _ := bufio.NewReader(output).ReadString('\n')
	if !strings.HasPrefix(line, "listening on http://127.0.0.1:") {
		t.Fatalf("%v says %q", command, line)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on ")) + "/webhooks"
}

func TestServers(t *testing.T) {
	text, err := os.ReadFile("servers.json")
	if err != nil {
		t.Fatal(err)
	}
	var servers []struct {
		Name    string   `json:"name"`
		Command []string `json:"command"`
	}
	if err := json.Unmarshal(text, &servers); err != nil || len(servers) != 2 {
		t.Fatal(err, servers)
	}
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 32)))
	for _, server := range servers {
		command := server.Command
		header := signedHeaders([]byte(testBody), "evt_1", time.Now().Unix())
		t.Run(server.Name, func(t *testing.T) {
			url := startServer(t, command, "WEBHOOK_SECRET="+testSecret)
			for i := 0; i < 2; i++ {
				status, text := post(t, url, strings.NewReader(testBody), header)
				expect(t, status, text, 200, "Valid signature")
			}
			status, text := post(t, url, strings.NewReader(strings.Replace(testBody, "17.0", "17", 1)), header)
			expect(t, status, text, 403, "Invalid signature")
			status, text = post(t, url, strings.NewReader(strings.Repeat("x", DefaultLimitBytes+1)), header)
			expect(t, status, text, 413, "Payload too large")
			status, text = post(t, startServer(t, command, "WEBHOOK_SECRET="+other), strings.NewReader(testBody), header)
			expect(t, status, text, 403, "Invalid signature")
		})
		t.Run(server.Name+" without a secret", func(t *testing.T) {
			// It is built first, which takes its time on a busy machine.
			patience, end := context.WithTimeout(context.Background(), 2*time.Minute)
			defer end()
			refused := exec.CommandContext(patience, command[0], command[1:]...)
			refused.Env = append(os.Environ(), "HOST=127.0.0.1", "PORT=0", "WEBHOOK_SECRET=")
			if output, err := refused.CombinedOutput(); err == nil || !strings.Contains(string(output), "WEBHOOK_SECRET") || strings.Contains(string(output), "listening") {
				t.Errorf("%v: %s", err, output)
			}
		})
		if strings.Contains(server.Name, "kit") {
			t.Run(server.Name+" during a rotation", func(t *testing.T) {
				url := startServer(t, command, "WEBHOOK_SECRET="+other, "WEBHOOK_SECRET_NEXT="+testSecret, "WEBHOOK_SCHEME=x-signature")
				status, text := post(t, url, strings.NewReader(testBody), http.Header{"X-Signature": header["X-Signature"]})
				expect(t, status, text, 200, "Valid signature")
			})
		}
	}
}
