package posthorn

import (
	"bytes"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"
)

var signatureHeaders = []string{"X-Signature", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}

// cases is how many random cases a property is tried on; RECEIVER_CASES asks for more.
func cases(t *testing.T) int {
	t.Helper()
	text := os.Getenv("RECEIVER_CASES")
	if text == "" {
		return 2_000
	}
	count, err := strconv.Atoi(text)
	if err != nil || count < 1 {
		t.Fatalf("RECEIVER_CASES is %q, not a number of cases", text)
	}
	return count
}

// dice are seeded by the clock, or by RECEIVER_SEED to see a failure again.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := time.Now().UnixNano()
	if text := os.Getenv("RECEIVER_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("RECEIVER_SEED=%d", seed)
	return rand.New(rand.NewSource(seed))
}

func randomBytes(random *rand.Rand, maxLength int) []byte {
	content := make([]byte, random.Intn(maxLength+1))
	random.Read(content)
	return content
}

// randomHeaders leans towards what gets past the first checks.
func randomHeaders(random *rand.Rand) http.Header {
	likely := []string{"", " ", strconv.Itoa(testNow), "v1,", "v1, v1,", "-1", "\xff", string(bytes.Repeat([]byte("é"), 64)), string(bytes.Repeat([]byte("a"), 64))}
	header := http.Header{}
	for _, name := range signatureHeaders {
		for repeated := random.Intn(3); repeated > 0; repeated-- {
			if random.Intn(2) == 0 {
				header.Add(name, likely[random.Intn(len(likely))])
			} else {
				header.Add(name, string(randomBytes(random, 80)))
			}
		}
	}
	return header
}

func TestPropertyAnyBytesAndAnyHeadersAreRefusedWithoutACrash(t *testing.T) {
	random, count := dice(t), cases(t)
	quiet := func(*http.Request, *Error) {}
	receivers := []*Receiver{
		newReceiver(t, Config{LimitBytes: 150, OnRefused: quiet}),
		newReceiver(t, Config{LimitBytes: 150, OnRefused: quiet, Scheme: XSignature}),
	}
	for i := 0; i < count; i++ {
		body, header := randomBytes(random, 200), randomHeaders(random)
		if random.Intn(4) == 0 {
			body = changed(random, []byte(testBody))
		}
		for _, receiver := range receivers {
			event, err := receiver.Verify(body, header)
			if event != nil || err == nil {
				t.Fatalf("case %d: %q with %q is taken for good", i, body, header)
			}
			want := http.StatusForbidden
			if codeOf(t, err) == TooLarge {
				want = http.StatusRequestEntityTooLarge
			}
			request := httptest.NewRequest(http.MethodPost, "/webhooks", bytes.NewReader(body))
			request.Header = header
			answer := httptest.NewRecorder()
			receiver.Handle(func(http.ResponseWriter, *http.Request, *Webhook) { t.Fatalf("case %d reached the handler", i) }).ServeHTTP(answer, request)
			if answer.Code != want {
				t.Fatalf("case %d: %d for %v", i, answer.Code, err)
			}
		}
	}
	t.Logf("properties: %d cases of any bytes and any headers", count)
}

// parts are what a signature covers, and the signatures themselves.
type parts struct {
	body   []byte
	header http.Header
}

func (p parts) with(part string, value []byte) parts {
	if part == "body" {
		return parts{body: value, header: p.header}
	}
	header := p.header.Clone()
	header.Set(part, string(value))
	return parts{body: p.body, header: header}
}

func (p parts) value(part string) []byte {
	if part == "body" {
		return append([]byte(nil), p.body...)
	}
	return []byte(p.header.Get(part))
}

// changed is the same bytes with one bit or one byte of them changed.
func changed(random *rand.Rand, content []byte) []byte {
	at := random.Intn(len(content))
	if random.Intn(2) == 0 {
		content[at] ^= 1 << random.Intn(8)
	} else {
		content[at] ^= byte(1 + random.Intn(255))
	}
	return content
}

// mustRefuse checks that either scheme notices a change of what it covers, and of nothing else.
func mustRefuse(t *testing.T, standard, x *Receiver, request parts, part string) {
	t.Helper()
	standardGood := standard.VerifySignature(request.body, request.header) == nil
	xGood := x.VerifySignature(request.body, request.header) == nil
	if standardGood != (part == "X-Signature") || xGood != (part != "X-Signature" && part != "body") {
		t.Fatalf("%s changed: standard %v, X-Signature %v\n%q\n%q", part, standardGood, xGood, request.body, request.header)
	}
}

func TestPropertyEveryChangeOfABitOrAByteIsRefused(t *testing.T) {
	random, count := dice(t), cases(t)
	standard, x := newReceiver(t, Config{}), newReceiver(t, Config{Scheme: XSignature})
	everyPart := append([]string{"body"}, signatureHeaders...)
	for i := 0; i < count; i++ {
		body := append(randomBytes(random, 200), byte(random.Intn(256)))
		request := parts{body: body, header: signedHeaders(body, "evt_"+strconv.Itoa(random.Int()), testNow+random.Int63n(601)-300)}
		if standard.VerifySignature(request.body, request.header) != nil || x.VerifySignature(request.body, request.header) != nil {
			t.Fatalf("case %d is refused before its change", i)
		}
		part := everyPart[random.Intn(len(everyPart))]
		mustRefuse(t, standard, x, request.with(part, changed(random, request.value(part))), part)
	}
	t.Logf("properties: %d cases of a change", count)
}

func TestEverySingleByteOfOneRequestIsCovered(t *testing.T) {
	standard, x := newReceiver(t, Config{}), newReceiver(t, Config{Scheme: XSignature})
	request := parts{body: []byte(testBody), header: signedHeaders([]byte(testBody), "evt_1", testNow)}
	count := 0
	for _, part := range append([]string{"body"}, signatureHeaders...) {
		for at := range request.value(part) {
			for by := 1; by < 256; by++ {
				value := request.value(part)
				value[at] ^= byte(by)
				mustRefuse(t, standard, x, request.with(part, value), part)
				count++
			}
		}
	}
	t.Logf("properties: all %d changes of one byte of a request", count)
}

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // the refusals of the middleware's tests
	os.Exit(m.Run())
}
