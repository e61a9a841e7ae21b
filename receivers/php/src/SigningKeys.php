<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/**
 * The two keys of one secret: X-Signature takes the secret's own bytes, its prefix included; webhook-signature the decoded ones. The rules are
 * those of the Standard Webhooks spec, widened to plain-text secrets.
 *
 * @internal
 */
final class SigningKeys
{
    private const PREFIX = 'whsec_';

    /**
     * No secret that Posthorn signs with has a shorter key, so a receiver that holds one is misconfigured ('', 'undefined', a truncated copy), and
     * anyone could forge its signatures.
     */
    private const MIN_KEY_BYTES = 12;

    private const UNUSABLE = 'A signing secret is too short or damaged: it is whsec_ and base64, or a text of at least 12 bytes.';

    private function __construct(public readonly string $x, public readonly string $standard)
    {
    }

    /**
     * The keys of a receiver that is about to start. Unset and empty secrets are skipped, since the next secret of a rotation mostly is; getenv()
     * says false for unset. Without any, or with a damaged one, there is nothing to start: it would refuse every webhook.
     *
     * @return non-empty-list<self>
     * @throws WebhookError (NoSecret) in those two cases
     */
    public static function toStartWith(#[\SensitiveParameter] mixed $secrets): array
    {
        $keys = [];
        // Not array_map: what throws within it shows its arguments in the trace.
        foreach (is_array($secrets) ? $secrets : [$secrets] as $secret) {
            if (!in_array($secret, [null, false, ''], true)) {
                $keys[] = self::of($secret);
            }
        }
        return $keys === [] ? throw new WebhookError(ErrorCode::NoSecret) : $keys;
    }

    private static function of(#[\SensitiveParameter] mixed $secret): self
    {
        $standard = is_string($secret) ? self::standardKey($secret) : '';
        if (strlen($standard) < self::MIN_KEY_BYTES) {
            throw new WebhookError(ErrorCode::NoSecret, self::UNUSABLE);
        }
        return new self($secret, $standard);
    }

    /** The key of webhook-signature, or '' if what follows the prefix is not base64. */
    private static function standardKey(#[\SensitiveParameter] string $secret): string
    {
        if (!str_starts_with($secret, self::PREFIX)) {
            return $secret;
        }
        $text = substr($secret, strlen(self::PREFIX));
        $key = (string) base64_decode($text, true);
        // Even strictly, PHP takes white space and leaves padding be. Only what encodes back to itself means the same key in every language.
        return base64_encode($key) === $text ? $key : '';
    }

    /** Shows no key to var_dump and print_r: what they print ends up in logs. */
    public function __debugInfo(): array
    {
        return [];
    }
}
