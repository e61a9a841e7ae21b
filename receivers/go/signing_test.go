package posthorn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"testing"
	"time"
)

const (
	testSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	testNow    = 1_795_428_000
	testBody   = `{"id":"evt_1","type":"shipment.created","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":{"weight_kg":17.0}}`
)

// signedHeaders are those of a request that Posthorn sends, made here without the code under test.
func signedHeaders(body []byte, id string, timestamp int64) http.Header {
	return signedAt(body, id, strconv.FormatInt(timestamp, 10))
}

func signedAt(body []byte, id, seconds string) http.Header {
	key, _ := base64.StdEncoding.DecodeString(testSecret[len("whsec_"):])
	header := http.Header{}
	header.Set("X-Signature", hex.EncodeToString(mac([]byte(testSecret), string(body))))
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", seconds)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac(key, id+"."+seconds+"."+string(body))))
	return header
}

func mac(key []byte, text string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(text))
	return hash.Sum(nil)
}

// newReceiver has the test's secret and clock, unless the config says otherwise.
func newReceiver(t testing.TB, config Config) *Receiver {
	t.Helper()
	if config.Secrets == nil {
		config.Secrets = []string{testSecret}
	}
	if config.Now == nil {
		config.Now = func() time.Time { return time.Unix(testNow, 0) }
	}
	receiver, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return receiver
}
