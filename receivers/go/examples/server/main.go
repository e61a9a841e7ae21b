// Command server is a whole receiver: it verifies with the kit, knows events it has seen, answers at once and works afterwards.
//
//	WEBHOOK_SECRET=whsec_… PORT=4000 go run ./examples/server
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	posthorn "github.com/posthorn/posthorn/receivers/go"
)

func main() {
	receiver, err := posthorn.New(posthorn.Config{
		Secrets:   []string{os.Getenv("WEBHOOK_SECRET"), os.Getenv("WEBHOOK_SECRET_NEXT")},
		Scheme:    posthorn.Scheme(os.Getenv("WEBHOOK_SCHEME")),
		OnRefused: func(_ *http.Request, err *posthorn.Error) { log.Print("refused, ", err.Code, ": ", err.Message) },
	})
	if err != nil {
		log.Fatal("WEBHOOK_SECRET: ", err)
	}

	seen := posthorn.NewMemoryDedupe(100_000)
	queue := make(chan *posthorn.Event, 1_000)
	go work(queue)

	mux := http.NewServeMux()
	mux.Handle("/webhooks", receiver.Handle(func(w http.ResponseWriter, r *http.Request, webhook *posthorn.Webhook) {
		err := posthorn.HandleOnce(r.Context(), seen, webhook.Event.ID, func() error {
			select {
			case queue <- webhook.Event:
				return nil
			default:
				return errors.New("the queue is full")
			}
		})
		if err != nil {
			log.Print(err)
			http.Error(w, "Try again later", http.StatusServiceUnavailable) // Posthorn does
			return
		}
		io.WriteString(w, "Valid signature")
	}))

	listener, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	log.Fatal((&http.Server{Handler: mux, ReadTimeout: 30 * time.Second}).Serve(listener))
}

// work has all the time it needs: the answer went out long ago. What must survive a restart belongs in a table, not in a channel.
func work(queue <-chan *posthorn.Event) {
	for event := range queue {
		log.Print(event.Type, " ", event.ID)
	}
}
