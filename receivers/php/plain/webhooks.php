<?php

// A receiver for Posthorn's webhooks without the kit.
declare(strict_types=1);

$secret = (string) getenv('WEBHOOK_SECRET');
header('Content-Type: text/plain; charset=utf-8');
if (strlen($secret) < 12) {
    error_log("WEBHOOK_SECRET is not set, or too short to be Posthorn's: anybody could sign");
    http_response_code(500);
    exit('Not configured');
}
$body = (string) file_get_contents('php://input', length: 1_048_577); // the raw bytes: parse them only below, once they are verified
if (strlen($body) > 1_048_576) {
    http_response_code(413);
    exit('Payload too large');
}
// hash_equals takes constant time, and any bytes; !== would stop at the first difference.
if (!hash_equals(hash_hmac('sha256', $body, $secret), $_SERVER['HTTP_X_SIGNATURE'] ?? '')) {
    http_response_code(403);
    exit('Invalid signature');
}
echo 'Valid signature';
