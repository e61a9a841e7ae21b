// Package posthorn verifies the webhooks that Posthorn sends, before anything is parsed.
//
// Make a Receiver once, at start; without a usable secret that fails. Its Handle and Middleware then let only verified requests through,
// whatever a stranger sends:
//
//	receiver, err := posthorn.New(posthorn.Config{Secrets: []string{os.Getenv("WEBHOOK_SECRET"), os.Getenv("WEBHOOK_SECRET_NEXT")}})
//	if err != nil {
//		log.Fatal(err)
//	}
//	http.Handle("/webhooks", receiver.Handle(func(w http.ResponseWriter, r *http.Request, webhook *posthorn.Webhook) {
//		log.Print(webhook.Event.Type, " ", webhook.Event.ID)
//		io.WriteString(w, "Valid signature")
//	}))
//
// An event may arrive more than once: see Dedupe.
package posthorn
