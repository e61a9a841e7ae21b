<?php

declare(strict_types=1);

// Standard Webhooks without a library: webhook-signature over "id.timestamp.body".
header('Content-Type: text/plain; charset=utf-8');
$secret = (string) getenv('WEBHOOK_SECRET');
$key = str_starts_with($secret, 'whsec_') ? base64_decode(substr($secret, 6), true) : false;
if ($key === false || strlen($key) < 16) {
    error_log('WEBHOOK_SECRET is not set, or is no whsec_ secret: anybody could sign');
    http_response_code(500);
    exit('Not configured');
}
$body = (string) file_get_contents('php://input', length: 1_048_577); // the raw bytes: parse them only below, once they are verified
if (strlen($body) > 1_048_576) {
    http_response_code(413);
    exit('Payload too large');
}
$id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
$timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
$recent = preg_match('/\A\d{1,12}\z/', $timestamp) === 1 && abs(time() - (int) $timestamp) <= 300;
$expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
// During a rotation there are several, with spaces between; hash_equals compares in constant time.
$valid = false;
foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $signature) {
    $valid = ($recent && hash_equals($expected, $signature)) || $valid;
}
if (!$valid) {
    http_response_code(403);
    exit('Invalid signature');
}
echo 'Valid signature';
