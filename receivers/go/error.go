package posthorn

// Code says why a request was refused. Codes are stable, and the same in every language's kit; the README explains each.
type Code string

const (
	// NoSecret: no usable secret is configured. New fails with it.
	NoSecret Code = "no_secret"
	// TooLarge: the body is larger than Config.LimitBytes.
	TooLarge Code = "too_large"
	// MissingHeader: a signature header is missing or empty.
	MissingHeader Code = "missing_header"
	// BadSignature: no signature fits.
	BadSignature Code = "bad_signature"
	// BadTimestamp: well signed, but webhook-timestamp is not Unix seconds, or too far from the clock here.
	BadTimestamp Code = "bad_timestamp"
	// BadBody: well signed, but not a Posthorn event.
	BadBody Code = "bad_body"
)

var messages = map[Code]string{
	NoSecret:      "No signing secret: it is unset or empty. Is its environment variable there?",
	TooLarge:      "The body is larger than the limit (LimitBytes).",
	MissingHeader: "A signature header is missing or empty: the request is not from Posthorn, or something in between removes headers.",
	BadSignature:  "No signature fits: another secret, or the body is not byte for byte what was sent (parsed and written again?).",
	BadTimestamp:  "webhook-timestamp is not Unix seconds, or too far from the clock here: an old request, or a clock that is wrong.",
	BadBody:       "The signature is good, but the body is not a Posthorn event.",
}

// Error is the one error of this package that a request can cause.
type Error struct {
	Code Code
	// Message is a sentence for the receiver's own log. It holds nothing of the request or the secret.
	Message string
}

func (e *Error) Error() string {
	return "posthorn: " + string(e.Code) + ": " + e.Message
}

func newError(code Code) *Error {
	return &Error{Code: code, Message: messages[code]}
}
