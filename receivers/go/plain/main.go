// A receiver for Posthorn's webhooks without the kit: copy webhooks into your server. How to run it is all that main adds.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

func webhooks(secret string) http.HandlerFunc {
	if len(secret) < 12 { // without one, or with half of one, anybody could sign
		log.Fatal("WEBHOOK_SECRET is not set, or too short to be Posthorn's")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		status, text := http.StatusOK, "Valid signature"
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)) // the raw bytes: parse them only below, once they are verified
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if err != nil {
			status, text = http.StatusRequestEntityTooLarge, "Payload too large"
		} else if !hmac.Equal([]byte(r.Header.Get("X-Signature")), []byte(hex.EncodeToString(mac.Sum(nil)))) { // in constant time, of any length
			status, text = http.StatusForbidden, "Invalid signature"
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

func main() {
	http.Handle("/webhooks", webhooks(os.Getenv("WEBHOOK_SECRET")))
	listener, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
