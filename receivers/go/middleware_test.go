package posthorn

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// serve runs a handler on a real socket.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func post(t *testing.T, url string, body io.Reader, header http.Header) (status int, text string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header.Clone()
	response, err := http.DefaultClient.Do(request)
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

func expect(t *testing.T, status int, text string, wantStatus int, wantText string) {
	t.Helper()
	if status != wantStatus || text != wantText {
		t.Errorf("answered %d %q, not %d %q", status, text, wantStatus, wantText)
	}
}

func handled(w http.ResponseWriter, _ *http.Request, webhook *Webhook) {
	io.WriteString(w, webhook.Event.ID+" "+string(webhook.Body))
}

func TestHandleGivesTheEventAndTheRawBody(t *testing.T) {
	url := serve(t, newReceiver(t, Config{}).Handle(handled))
	status, text := post(t, url, strings.NewReader(testBody), signedHeaders([]byte(testBody), "evt_1", testNow))
	expect(t, status, text, 200, "evt_1 "+testBody)
}

func TestMiddlewareHandsTheWebhookAndTheBodyOn(t *testing.T) {
	url := serve(t, newReceiver(t, Config{}).Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(body, FromContext(r.Context()).Body) {
			t.Errorf("read %q, %v", body, err)
		}
		io.WriteString(w, FromContext(r.Context()).Event.ID)
	})))
	status, text := post(t, url, strings.NewReader(testBody), signedHeaders([]byte(testBody), "evt_1", testNow))
	expect(t, status, text, 200, "evt_1")
	if FromContext(context.Background()) != nil {
		t.Error("a webhook without a middleware")
	}
}

func TestRefusalsNeverReachTheHandler(t *testing.T) {
	var code Code
	receiver := newReceiver(t, Config{OnRefused: func(_ *http.Request, err *Error) { code = err.Code }})
	url := serve(t, receiver.Handle(func(http.ResponseWriter, *http.Request, *Webhook) { t.Error("handled") }))
	good := []byte(testBody)
	for _, row := range []struct {
		code   Code
		status int
		text   string
		body   string
		header http.Header
	}{
		{MissingHeader, 403, "Invalid signature", testBody, http.Header{}},
		{BadSignature, 403, "Invalid signature", testBody + " ", signedHeaders(good, "evt_1", testNow)},
		{BadTimestamp, 403, "Invalid signature", testBody, signedHeaders(good, "evt_1", testNow-301)},
		{BadBody, 403, "Invalid signature", "{}", signedHeaders([]byte("{}"), "evt_1", testNow)},
	} {
		status, text := post(t, url, strings.NewReader(row.body), row.header)
		expect(t, status, text, row.status, row.text)
		if code != row.code {
			t.Errorf("refused with %s, not %s", code, row.code)
		}
	}
}

func TestTheLimitIsExact(t *testing.T) {
	url := serve(t, newReceiver(t, Config{}).Handle(handled))
	fits := strings.Replace(testBody, "17.0", `"`+strings.Repeat("x", DefaultLimitBytes-len(testBody)+2)+`"`, 1)
	if len(fits) != DefaultLimitBytes {
		t.Fatal(len(fits))
	}
	for name, reader := range map[string]func(string) io.Reader{
		"with its length": func(body string) io.Reader { return strings.NewReader(body) },
		"chunked":         func(body string) io.Reader { return io.MultiReader(strings.NewReader(body)) },
	} {
		t.Run(name, func(t *testing.T) {
			status, text := post(t, url, reader(fits), signedHeaders([]byte(fits), "evt_1", testNow))
			expect(t, status, text, 200, "evt_1 "+fits)
			status, text = post(t, url, reader(fits+" "), signedHeaders([]byte(fits+" "), "evt_1", testNow))
			expect(t, status, text, 413, "Payload too large")
		})
	}
}

// Whoever announces more than is read of it finds the connection closed: http.MaxBytesReader asks the server for that.
func TestATooLargeIsNotReadToItsEnd(t *testing.T) {
	url := serve(t, newReceiver(t, Config{LimitBytes: 10}).Handle(handled))
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	io.WriteString(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"+strings.Repeat("x", 20))
	answer, _ := io.ReadAll(connection) // ends when the server closes
	if !strings.HasPrefix(string(answer), "HTTP/1.1 413 ") || !strings.Contains(string(answer), "Connection: close") {
		t.Errorf("answered %q", answer)
	}
}

func TestABodyThatWasReadBeforeIsNamed(t *testing.T) {
	var message string
	receiver := newReceiver(t, Config{OnRefused: func(_ *http.Request, err *Error) { message = err.Message }})
	handler := receiver.Handle(handled)
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.ReadAll(r.Body) // a parser, say
		handler.ServeHTTP(w, r)
	}))
	status, text := post(t, url, strings.NewReader(testBody), signedHeaders([]byte(testBody), "evt_1", testNow))
	expect(t, status, text, 403, "Invalid signature")
	if !strings.Contains(message, "something has read "+strconv.Itoa(len(testBody))+" bytes already") {
		t.Errorf("the log says %q", message)
	}
}

func TestABrokenConnectionIsNoSignature(t *testing.T) {
	handler := newReceiver(t, Config{OnRefused: func(*http.Request, *Error) { t.Error("refused as if it were complete") }}).Handle(handled)
	answers := make(chan int, 1)
	url := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		answers <- recorder.Code
	}))
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
	connection.Close()
	if status := <-answers; status != 400 {
		t.Errorf("answered %d", status)
	}
}
