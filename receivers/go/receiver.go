package posthorn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Scheme is one of the two signatures that each request carries.
type Scheme string

const (
	// Standard is webhook-signature of Standard Webhooks: it covers the body, the event's id and the time of the attempt. The default.
	Standard Scheme = "standard"
	// XSignature is X-Signature. It covers the body and nothing else, so an old request passes as long as its secret does.
	XSignature Scheme = "x-signature"
)

// DefaultLimitBytes is 1 MiB, four times the largest event that Posthorn takes.
const DefaultLimitBytes = 1 << 20

// DefaultTolerance is that of the Standard Webhooks libraries.
const DefaultTolerance = 300 * time.Second

// Config says what a Receiver accepts. Only Secrets has no default.
type Config struct {
	// Secrets holds one secret or, during a rotation, several: a signature by any of them is good. Empty ones beside a good one are skipped.
	Secrets []string
	// Scheme says which signature counts: Standard, unless set. It is never guessed from the headers: whoever replays an old request could
	// leave those of the stronger one out.
	Scheme Scheme
	// LimitBytes is the largest body that is taken; zero stands for DefaultLimitBytes.
	LimitBytes int64
	// Tolerance is how far webhook-timestamp may be from now, either way; zero stands for DefaultTolerance.
	Tolerance time.Duration
	// Now replaces the machine's clock, in tests.
	Now func() time.Time
	// OnRefused hears why Handle or Middleware refused a request, for your log: the answer itself does not say.
	OnRefused func(*http.Request, *Error)
}

// Receiver verifies requests. Made by New; safe for concurrent use.
type Receiver struct {
	keys       []signingKeys
	scheme     Scheme
	limitBytes int64
	tolerance  time.Duration
	now        func() time.Time
	onRefused  func(*http.Request, *Error)
}

// String shows no key, as fmt would: what is printed ends up in logs.
func (r Receiver) String() string {
	return "posthorn.Receiver(" + string(r.scheme) + ")"
}

// GoString is String, for %#v.
func (r Receiver) GoString() string {
	return r.String()
}

// New makes a receiver. It fails with an *Error of code NoSecret if no secret is set, or one that cannot sign: a secret is whsec_ and base64, or a
// text of at least 12 bytes. The error does not repeat it.
func New(config Config) (*Receiver, error) {
	keys, err := keysOf(config.Secrets)
	if err != nil {
		return nil, err
	}
	receiver := &Receiver{
		keys:       keys,
		scheme:     config.Scheme,
		limitBytes: config.LimitBytes,
		tolerance:  config.Tolerance,
		now:        config.Now,
		onRefused:  config.OnRefused,
	}
	switch receiver.scheme {
	case "":
		receiver.scheme = Standard
	case Standard, XSignature:
	default:
		return nil, errors.New("posthorn: Scheme is " + strconv.Quote(string(receiver.scheme)) + ", but must be standard or x-signature")
	}
	if receiver.limitBytes < 0 || receiver.tolerance < 0 {
		return nil, errors.New("posthorn: LimitBytes and Tolerance must not be negative")
	}
	if receiver.limitBytes == 0 {
		receiver.limitBytes = DefaultLimitBytes
	}
	if receiver.tolerance == 0 {
		receiver.tolerance = DefaultTolerance
	}
	if receiver.now == nil {
		receiver.now = time.Now
	}
	return receiver, nil
}

// Verify checks a request and returns its event. The body is what came in, byte for byte, before any parsing.
// The error is nil or an *Error; the first check that fails names its code, in this order: too_large, no_secret, missing_header,
// bad_signature, bad_timestamp, bad_body.
func (r *Receiver) Verify(body []byte, header http.Header) (*Event, error) {
	if err := r.VerifySignature(body, header); err != nil {
		return nil, err
	}
	event, ok := parseEvent(body)
	if !ok {
		return nil, newError(BadBody)
	}
	return event, nil
}

// VerifySignature does all of Verify except for parsing the event: for a body that something else signed with the same scheme.
func (r *Receiver) VerifySignature(body []byte, header http.Header) error {
	if int64(len(body)) > r.limitBytes {
		return newError(TooLarge)
	}
	if len(r.keys) == 0 { // a Receiver that New did not make
		return newError(NoSecret)
	}
	if r.scheme == XSignature {
		return r.verifyX(body, header)
	}
	return r.verifyStandard(body, header)
}

func (r *Receiver) verifyX(body []byte, header http.Header) error {
	given := headerText(header, "X-Signature")
	if given == "" {
		return newError(MissingHeader)
	}
	for _, keys := range r.keys {
		if sameText(given, hex.EncodeToString(hmacSHA256(keys.x, body))) {
			return nil
		}
	}
	return newError(BadSignature)
}

func (r *Receiver) verifyStandard(body []byte, header http.Header) error {
	id, timestamp := headerText(header, "Webhook-Id"), headerText(header, "Webhook-Timestamp")
	signatures := headerText(header, "Webhook-Signature")
	if id == "" || timestamp == "" || signatures == "" {
		return newError(MissingHeader)
	}
	if !r.signed(id+"."+timestamp+".", body, strings.Split(signatures, " ")) {
		return newError(BadSignature)
	}
	if !r.near(timestamp) {
		return newError(BadTimestamp)
	}
	return nil
}

// signed says whether one of the given signatures fits one of the secrets.
func (r *Receiver) signed(prefix string, body []byte, given []string) bool {
	for _, keys := range r.keys {
		expected := "v1," + base64.StdEncoding.EncodeToString(hmacSHA256(keys.standard, []byte(prefix), body))
		for _, signature := range given {
			if sameText(signature, expected) {
				return true
			}
		}
	}
	return false
}

// near says whether the text is Unix time, in digits only, and within the tolerance of now.
func (r *Receiver) near(timestamp string) bool {
	// ParseUint takes no sign, no space and no exponent, and refuses what does not fit: neither wraps nor rounds. 62 bits leave room for a difference.
	seconds, err := strconv.ParseUint(timestamp, 10, 62)
	if err != nil {
		return false
	}
	// Counted in whole seconds: a time.Duration holds 292 years and would overflow on what a stranger may send.
	difference := r.now().Unix() - int64(seconds)
	if difference < 0 {
		difference = -difference
	}
	return difference <= int64(r.tolerance/time.Second)
}

// headerText is a header's value, or "" if it is missing. A repeated header reads as HTTP joins it: with a comma, which no signature, id or timestamp has.
func headerText(header http.Header, name string) string {
	return strings.Join(header.Values(name), ", ")
}

func hmacSHA256(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// sameText compares without telling by its duration where two texts differ; unequal lengths are simply unequal. As text, not decoded: each
// signature has one spelling.
func sameText(given, expected string) bool {
	return hmac.Equal([]byte(given), []byte(expected))
}
