package posthorn

import (
	"strings"
	"testing"
)

func verified(t *testing.T, body string) (*Event, error) {
	t.Helper()
	return newReceiver(t, Config{}).Verify([]byte(body), signedHeaders([]byte(body), "evt_1", testNow))
}

func TestTheEvent(t *testing.T) {
	event, err := verified(t, strings.Replace(testBody, `"data":{"weight_kg":17.0}`, `"attempt":2,"data":{"weight_kg":17.0,"legacy_id":12345678901234567890,"url":"a\/b"}`, 1))
	if err != nil {
		t.Fatal(err)
	}
	if event.ID != "evt_1" || event.Type != "shipment.created" || event.Timestamp != "2026-11-23T10:00:00.000Z" || event.Environment != "sandbox" {
		t.Errorf("%+v", event)
	}
	if want := `{"weight_kg":17.0,"legacy_id":12345678901234567890,"url":"a\/b"}`; string(event.Data) != want {
		t.Errorf("data is %s, not digit for digit %s", event.Data, want)
	}
}

func TestDataMayBeAnyJSON(t *testing.T) {
	for _, data := range []string{"null", "0", `""`, "[]", `{"odd":"\ud800 \u0000"}`, strings.Repeat("[", 500) + strings.Repeat("]", 500)} {
		event, err := verified(t, strings.Replace(testBody, `{"weight_kg":17.0}`, data, 1))
		if err != nil || string(event.Data) != data {
			t.Errorf("%s: %v, %v", data, event, err)
		}
	}
}

// A byte order mark is part of the bytes: it is verified with them, and whoever strips it before breaks the signature.
func TestByteOrderMark(t *testing.T) {
	if event, err := verified(t, "\ufeff"+testBody); err != nil || event.ID != "evt_1" {
		t.Errorf("%v, %v", event, err)
	}
	header := signedHeaders([]byte("\ufeff"+testBody), "evt_1", testNow)
	if err := newReceiver(t, Config{}).VerifySignature([]byte(testBody), header); codeOf(t, err) != BadSignature {
		t.Error(err)
	}
	if _, err := verified(t, "\ufeff\ufeff"+testBody); codeOf(t, err) != BadBody {
		t.Error(err)
	}
}

func TestWellSignedButNotAnEvent(t *testing.T) {
	without := func(field string) string { return strings.Replace(testBody, `"`+field+`"`, `"_"`, 1) }
	for name, body := range map[string]string{
		"nothing":                 "",
		"no JSON":                 "{",
		"two values":              testBody + testBody,
		"not UTF-8":               strings.Replace(testBody, "17.0", "\"\xe9\"", 1),
		"nested past every stack": strings.Repeat("[", 1_000_000),
		"null":                    "null",
		"a list":                  "[]",
		"a text":                  `"evt_1"`,
		"no id":                   without("id"),
		"an id of another case":   strings.Replace(testBody, `"id"`, `"ID"`, 1),
		"an id that is a number":  strings.Replace(testBody, `"evt_1"`, "1", 1),
		"an id that is null":      strings.Replace(testBody, `"evt_1"`, "null", 1),
		"no type":                 without("type"),
		"no timestamp":            without("timestamp"),
		"no environment":          without("environment"),
		"an unknown environment":  strings.Replace(testBody, "sandbox", "test", 1),
		"no data":                 without("data"),
	} {
		if event, err := verified(t, body); event != nil || err == nil || codeOf(t, err) != BadBody {
			t.Errorf("%s: got %v, %v", name, event, err)
		}
	}
}
