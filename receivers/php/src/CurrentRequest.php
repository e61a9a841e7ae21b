<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/**
 * The request that PHP is answering, as bytes.
 *
 * @internal
 */
final class CurrentRequest
{
    private const HEADERS = ['x-signature', 'webhook-id', 'webhook-timestamp', 'webhook-signature'];

    /** The raw body, up to the limit and one byte more: that shows that it is too large, which is for verify() to say. */
    public static function body(int $limitBytes): string
    {
        return (string) file_get_contents('php://input', length: $limitBytes + 1);
    }

    /** @return array<string, string> */
    public static function headers(): array
    {
        $headers = [];
        foreach (self::HEADERS as $name) {
            $value = $_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? null;
            $headers[$name] = is_string($value) ? $value : '';
        }
        return $headers;
    }

    /**
     * Gives its own words to what only PHP does: it reads the body of a form with files itself, and leaves nothing for php://input, which PSR-7 requests
     * are made of.
     *
     * @param int $length the request's Content-Length
     */
    public static function explain(WebhookError $error, string $body, int $length): WebhookError
    {
        $missing = $length - strlen($body);
        return $error->errorCode !== ErrorCode::BadSignature || $missing <= 0 ? $error : new WebhookError(
            ErrorCode::BadSignature,
            "No signature fits the body, of which $missing bytes are missing: something has read them, as PHP does with multipart/form-data (see enable_post_data_reading).",
        );
    }

    /** Makes the answer a 500. With display_errors on, PHP would answer 200 to an exception that nobody catches, and the sender take it as accepted. */
    public static function fail(): void
    {
        if (!headers_sent()) {
            http_response_code(500);
        }
    }

    /** The request's Content-Length; 0 if it says none. */
    public static function length(): int
    {
        return (int) ($_SERVER['CONTENT_LENGTH'] ?? 0);
    }
}
