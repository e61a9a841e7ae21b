<?php

declare(strict_types=1);

namespace Posthorn\Receiver;

/** Why a request was refused. The values are stable, and the same in every language's kit; the README explains each. */
enum ErrorCode: string
{
    case TooLarge = 'too_large';
    case NoSecret = 'no_secret';
    case MissingHeader = 'missing_header';
    case BadSignature = 'bad_signature';
    case BadTimestamp = 'bad_timestamp';
    case BadBody = 'bad_body';

    /** A sentence for your own log. */
    public function message(): string
    {
        return match ($this) {
            self::TooLarge => 'The body is larger than the limit (limitBytes).',
            self::NoSecret => 'No signing secret: it is unset or empty. Is its environment variable there?',
            self::MissingHeader => 'A signature header is missing or empty: the request is not from Posthorn, or something in between removes headers.',
            self::BadSignature => 'No signature fits: another secret, or the body is not byte for byte what was sent (parsed and written again?).',
            self::BadTimestamp => 'webhook-timestamp is not Unix seconds, or too far from the clock here: an old request, or a clock that is wrong.',
            self::BadBody => 'The signature is good, but the body is not a Posthorn event.',
        };
    }
}
