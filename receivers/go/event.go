package posthorn

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Event is the body of a webhook. Dedupe on ID: an event may arrive more than once.
type Event struct {
	ID   string
	Type string
	// Timestamp is when the event was published, RFC 3339 in UTC with milliseconds.
	Timestamp string
	// Environment is "production" or "sandbox".
	Environment string
	// Data is the JSON text as it was published, digit for digit: unmarshal it into a type of your own. Any JSON, null too.
	Data json.RawMessage
}

// Webhook is a verified request: its event, and the bytes that were verified.
type Webhook struct {
	Event *Event
	Body  []byte
}

var byteOrderMark = []byte("\ufeff")

// parseEvent reads a verified body; not ok if it is not a Posthorn event. Fields that a later version may add are ignored.
func parseEvent(body []byte) (event *Event, ok bool) {
	// encoding/json would replace what is not UTF-8, and match names in any case ("ID" for "id"): hence the check, and the map.
	if !utf8.Valid(body) {
		return nil, false
	}
	var fields map[string]json.RawMessage
	// Posthorn sends no byte order mark; but a body is good or bad by its signature, and the kits of all languages skip one.
	if json.Unmarshal(bytes.TrimPrefix(body, byteOrderMark), &fields) != nil {
		return nil, false
	}
	id, okID := text(fields["id"])
	kind, okType := text(fields["type"])
	timestamp, okTimestamp := text(fields["timestamp"])
	environment, okEnvironment := text(fields["environment"])
	data, okData := fields["data"]
	if !(okID && okType && okTimestamp && okEnvironment && okData) || (environment != "production" && environment != "sandbox") {
		return nil, false
	}
	return &Event{ID: id, Type: kind, Timestamp: timestamp, Environment: environment, Data: data}, true
}

// text is the value of a JSON string; not ok for anything else, null too.
func text(raw json.RawMessage) (value string, ok bool) {
	var parsed any
	if json.Unmarshal(raw, &parsed) != nil {
		return "", false
	}
	value, ok = parsed.(string)
	return value, ok
}
