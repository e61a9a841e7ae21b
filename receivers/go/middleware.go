package posthorn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
)

type contextKey struct{}

// Handle is an http.Handler that verifies each request and calls handle with what it found. What is refused never gets there: it is answered
// with 403 "Invalid signature", or 413 if the body is larger than LimitBytes. Answer with a 2xx within 30 seconds.
func (r *Receiver) Handle(handle func(http.ResponseWriter, *http.Request, *Webhook)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		webhook, err := r.read(w, request)
		if err != nil {
			r.refuse(w, request, err)
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(webhook.Body))
		handle(w, request, webhook)
	})
}

// Middleware does the same for a router that wants a middleware. The next handler finds the webhook with FromContext, and the raw bytes in the
// request's Body once more.
func (r *Receiver) Middleware(next http.Handler) http.Handler {
	return r.Handle(func(w http.ResponseWriter, request *http.Request, webhook *Webhook) {
		next.ServeHTTP(w, request.WithContext(context.WithValue(request.Context(), contextKey{}, webhook)))
	})
}

// FromContext is the webhook that Middleware verified; nil where no Middleware stands before the handler.
func FromContext(ctx context.Context) *Webhook {
	webhook, _ := ctx.Value(contextKey{}).(*Webhook)
	return webhook
}

// read takes the body, up to the limit, and verifies it.
func (r *Receiver) read(w http.ResponseWriter, request *http.Request) (*Webhook, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, r.limitBytes))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, newError(TooLarge)
		}
		return nil, err
	}
	event, err := r.Verify(body, request.Header)
	if err != nil {
		return nil, explain(err, request, len(body))
	}
	return &Webhook{Event: event, Body: body}, nil
}

// explain gives the commonest mistake its own words: something before this handler has read the body.
func explain(err error, request *http.Request, length int) error {
	var refused *Error
	if errors.As(err, &refused) && refused.Code == BadSignature && int64(length) < request.ContentLength {
		refused.Message = "No signature fits the body, of which something has read " + strconv.FormatInt(request.ContentLength-int64(length), 10) +
			" bytes already: put this handler before whatever parses it."
	}
	return err
}

// refuse answers. The codes go to the receiver's own log only: a stranger need not learn which check failed.
func (r *Receiver) refuse(w http.ResponseWriter, request *http.Request, err error) {
	var refused *Error
	if !errors.As(err, &refused) {
		answer(w, http.StatusBadRequest, "Unreadable body") // the connection broke, or the server's read timeout passed
		return
	}
	if r.onRefused != nil {
		r.onRefused(request, refused)
	}
	if refused.Code == TooLarge {
		answer(w, http.StatusRequestEntityTooLarge, "Payload too large")
	} else {
		answer(w, http.StatusForbidden, "Invalid signature")
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}
