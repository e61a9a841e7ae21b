package posthorn

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestNewRefusesToStartWithoutASecret(t *testing.T) {
	for name, secrets := range map[string][]string{
		"nothing":                 nil,
		"an unset variable":       {""},
		"two unset variables":     {"", ""},
		"a word in its place":     {"undefined"},
		"eleven bytes":            {"eleven byte"},
		"the prefix alone":        {"whsec_"},
		"a damaged one beside":    {testSecret, "whsec_AAAA"},
		"a short key":             {"whsec_AAAA"},
		"a damaged key":           {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"},
		"a key with stray bits":   {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="},
		"a key with a line break": {"whsec_AAECAwQFBgcICQoLDA0O\nDxAREhMUFRYXGBkaGxwdHh8="},
	} {
		receiver, err := New(Config{Secrets: secrets})
		if receiver != nil || codeOf(t, err) != NoSecret {
			t.Errorf("%s: got %v, %v", name, receiver, err)
		} else if !strings.Contains(err.Error(), "signing secret") || strings.Contains(err.Error(), "AAEC") {
			t.Errorf("%s: the message is %q", name, err)
		}
	}
}

func TestEmptySecretsBesideAGoodOneAreSkipped(t *testing.T) {
	receiver := newReceiver(t, Config{Secrets: []string{"", testSecret, ""}})
	if err := receiver.VerifySignature([]byte(testBody), signedHeaders([]byte(testBody), "evt_1", testNow)); err != nil {
		t.Error(err)
	}
	// The empty ones must not count as keys that anybody knows.
	header := http.Header{}
	header.Set("X-Signature", strings.Repeat("0", 64))
	header.Set("webhook-id", "evt_1")
	header.Set("webhook-timestamp", "1795428000")
	header.Set("webhook-signature", "v1,WoB7NR1lCR7qDJYKnYH7cRcd+jrjytqG5KtDTk+AJps=")
	if err := receiver.VerifySignature([]byte(testBody), header); codeOf(t, err) != BadSignature {
		t.Error(err)
	}
}

func TestNewRefusesAConfigThatMakesNoSense(t *testing.T) {
	for _, config := range []Config{{Scheme: "X-Signature"}, {LimitBytes: -1}, {Tolerance: -time.Second}} {
		config.Secrets = []string{testSecret}
		if receiver, err := New(config); receiver != nil || err == nil {
			t.Errorf("%+v: got %v, %v", config, receiver, err)
		}
	}
}

func TestAReceiverThatNewDidNotMakeAcceptsNothing(t *testing.T) {
	err := (&Receiver{limitBytes: DefaultLimitBytes}).VerifySignature([]byte(testBody), signedHeaders([]byte(testBody), "evt_1", testNow))
	if codeOf(t, err) != NoSecret {
		t.Error(err)
	}
	if err := new(Receiver).VerifySignature(nil, nil); codeOf(t, err) != NoSecret {
		t.Error(err)
	}
}

// Each request here has every fault of the rows below it too, so that only the order decides.
func TestTheFirstCheckThatFailsNamesTheCode(t *testing.T) {
	large := []byte(strings.Repeat(" ", 200))
	bad := signedHeaders([]byte("another body"), "evt_1", 1)
	stale := signedHeaders([]byte("no event"), "evt_1", 1)
	fresh := signedHeaders([]byte("no event"), "evt_1", testNow)
	receiver := newReceiver(t, Config{LimitBytes: 150})
	for _, row := range []struct {
		code   Code
		body   []byte
		header http.Header
	}{
		{TooLarge, large, http.Header{}},
		{MissingHeader, []byte("no event"), http.Header{"Webhook-Id": {"evt_1"}, "Webhook-Timestamp": {"1"}}},
		{BadSignature, []byte("no event"), bad},
		{BadTimestamp, []byte("no event"), stale},
		{BadBody, []byte("no event"), fresh},
	} {
		event, err := receiver.Verify(row.body, row.header)
		if event != nil || codeOf(t, err) != row.code {
			t.Errorf("want %s, got %v, %v", row.code, event, err)
		}
	}
}

func TestTheSchemeIsNeverGuessed(t *testing.T) {
	body := []byte(testBody)
	header := signedHeaders(body, "evt_1", testNow)
	header.Del("webhook-signature")
	if err := newReceiver(t, Config{}).VerifySignature(body, header); codeOf(t, err) != MissingHeader {
		t.Error(err)
	}
	header = signedHeaders(body, "evt_1", testNow)
	header.Del("X-Signature")
	if err := newReceiver(t, Config{Scheme: XSignature}).VerifySignature(body, header); codeOf(t, err) != MissingHeader {
		t.Error(err)
	}
}

func TestTimestamps(t *testing.T) {
	body := []byte(testBody)
	for offset, good := range map[int64]bool{0: true, 300: true, -300: true, 301: false, -301: false, -testNow: false, 4_000_000_000_000_000_000: false} {
		err := newReceiver(t, Config{}).VerifySignature(body, signedHeaders(body, "evt_1", testNow+offset))
		if good != (err == nil) || (!good && codeOf(t, err) != BadTimestamp) {
			t.Errorf("%d s from now: %v", offset, err)
		}
	}
	// Each of these is well signed, and a number to somebody.
	for _, odd := range []string{" 1795428000", "1795428000\n", "+1795428000", "1_795_428_000", "0x6b040ea0", "1795428000.0", "1.795428e9", "１７９５４２８０００"} {
		if err := newReceiver(t, Config{}).VerifySignature(body, signedAt(body, "evt_1", odd)); err == nil || codeOf(t, err) != BadTimestamp {
			t.Errorf("%q: %v", odd, err)
		}
	}
	err := newReceiver(t, Config{Tolerance: 10 * time.Second}).VerifySignature(body, signedHeaders(body, "evt_1", testNow-11))
	if codeOf(t, err) != BadTimestamp {
		t.Error(err)
	}
}

func TestARepeatedHeaderIsNotTakenForGood(t *testing.T) {
	body := []byte(testBody)
	header := signedHeaders(body, "evt_1", testNow)
	header.Add("X-Signature", header.Get("X-Signature"))
	if err := newReceiver(t, Config{Scheme: XSignature}).VerifySignature(body, header); codeOf(t, err) != BadSignature {
		t.Error(err)
	}
}

func TestShowsTheSecretToNoLog(t *testing.T) {
	receiver := newReceiver(t, Config{})
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, shown := range []string{fmt.Sprintf(format, receiver), fmt.Sprintf(format, *receiver)} {
			if strings.Trim(shown, `"`) != "posthorn.Receiver(standard)" {
				t.Errorf("%s shows %s", format, shown)
			}
		}
	}
}

func TestASignatureHasOneSpelling(t *testing.T) {
	body := []byte(testBody)
	for scheme, name := range map[Scheme]string{Standard: "Webhook-Signature", XSignature: "X-Signature"} {
		good := signedHeaders(body, "evt_1", testNow).Get(name)
		for _, other := range []string{good + "x", good + "=", "x" + good, good[1:], good[:len(good)-1], strings.ToUpper(good), good + "," + good, good + "\x00"} {
			header := signedHeaders(body, "evt_1", testNow)
			header.Set(name, other)
			if err := newReceiver(t, Config{Scheme: scheme}).VerifySignature(body, header); err == nil || codeOf(t, err) != BadSignature {
				t.Errorf("%s %q: %v", name, other, err)
			}
		}
	}
}
