package posthorn

import (
	"encoding/base64"
	"strings"
)

const secretPrefix = "whsec_"

// minKeyBytes: no secret that Posthorn signs with has a shorter key, so a receiver that holds one is misconfigured ("", "undefined",
// a truncated copy), and anyone could forge its signatures.
const minKeyBytes = 12

// signingKeys are a secret's two keys: X-Signature takes the secret's own bytes, its prefix included; webhook-signature the decoded ones.
type signingKeys struct {
	x        []byte
	standard []byte
}

// keysOf skips unset and empty secrets, since the next secret of a rotation mostly is; but without any, or with a damaged one, there is nothing to
// start: it would refuse every webhook.
func keysOf(secrets []string) ([]signingKeys, error) {
	var keys []signingKeys
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		standard, ok := standardKey(secret)
		if !ok || len(standard) < minKeyBytes {
			return nil, &Error{Code: NoSecret, Message: unusableSecret}
		}
		keys = append(keys, signingKeys{x: []byte(secret), standard: standard})
	}
	if len(keys) == 0 {
		return nil, newError(NoSecret)
	}
	return keys, nil
}

const unusableSecret = "A signing secret is too short or damaged: it is whsec_ and base64, or a text of at least 12 bytes."

// standardKey is the key of webhook-signature; not ok if what follows the prefix is not base64.
func standardKey(secret string) (key []byte, ok bool) {
	if !strings.HasPrefix(secret, secretPrefix) {
		return []byte(secret), true
	}
	text := secret[len(secretPrefix):]
	key, err := base64.StdEncoding.DecodeString(text)
	// Decoding skips line breaks and stray bits. Only what encodes back to itself means the same key in every language.
	if err != nil || base64.StdEncoding.EncodeToString(key) != text {
		return nil, false
	}
	return key, true
}
