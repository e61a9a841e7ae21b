# frozen_string_literal: true

require_relative 'receiver/version'
require_relative 'receiver/error'
require_relative 'receiver/secret'
require_relative 'receiver/event'
require_relative 'receiver/signature'
require_relative 'receiver/request_body'
require_relative 'receiver/middleware'
require_relative 'receiver/dedupe'

# Verifies the webhooks that Posthorn sends, before anything is parsed.
module Posthorn
  # Verifies requests by options that were checked once, when the program starts. Frozen; threads may share it.
  class Receiver
    SCHEMES = %w[standard x-signature].freeze
    # 1 MiB, four times the largest event that Posthorn takes.
    LIMIT_BYTES = 1_048_576
    # As in the Standard Webhooks libraries.
    TOLERANCE_SECONDS = 300

    # secrets:: one secret or, during a rotation, several: a signature by any of them is good. Unset (nil or '') ones beside a good one are skipped.
    # scheme:: which of the two signatures counts: 'standard' (webhook-signature) or 'x-signature'. It is never guessed from the headers: whoever
    #          replays an old request could leave those of the stronger one out.
    # limit_bytes:: the largest body that is taken.
    # tolerance_seconds:: how far webhook-timestamp may be from now, either way.
    # clock:: Unix time in seconds; for tests.
    # on_refused:: called with the Error of each request that #handle or the middleware refuses, for your log: the answer itself does not say.
    #
    # Raises Error (+no_secret+) if no secret is set, or one that cannot sign; ArgumentError on other options that cannot work.
    def initialize(secrets:, scheme: 'standard', limit_bytes: LIMIT_BYTES, tolerance_seconds: TOLERANCE_SECONDS,
                   clock: -> { Time.now.to_i }, on_refused: ->(_error) {})
      @keys = Secret.keys_to_start_with(secrets)
      raise ArgumentError, "scheme is 'standard' or 'x-signature'" unless SCHEMES.include?(scheme)
      raise ArgumentError, 'limit_bytes is a whole number of bytes, 1 or more' unless limit_bytes.is_a?(Integer) && limit_bytes.positive?
      raise ArgumentError, 'tolerance_seconds is 0 or more' unless tolerance_seconds.is_a?(Numeric) && tolerance_seconds >= 0

      @scheme = scheme
      @limit_bytes = limit_bytes
      @tolerance_seconds = tolerance_seconds
      @clock = clock
      @on_refused = on_refused
      freeze
    end

    # Verifies a request and returns its Event.
    #
    # body:: the bytes as they came in, before any parsing
    # headers:: a Hash, with names in any case
    #
    # Raises Error, and nothing else, whatever the request holds. The first check that fails names the code, in this order: +too_large+,
    # +missing_header+, +bad_signature+, +bad_timestamp+, +bad_body+.
    def verify(body, headers)
      verify_signature(body, headers)
      Event.parse(body) || raise(Error, :bad_body)
    end

    # Does all of #verify except for parsing the event: for a body that something else signed with the same scheme.
    def verify_signature(body, headers)
      # A parsed body is the commonest mistake, and a refusal like any other.
      raise Error.new(:bad_signature, 'The body is not a String: verify the raw body, not what was parsed of it.') unless body.is_a?(String)
      raise Error, :too_large if body.bytesize > @limit_bytes
      return Signature.check_x(body, headers, @keys) if @scheme == 'x-signature'

      Signature.check_standard(body, headers, @keys, now: @clock.call, tolerance_seconds: @tolerance_seconds)
    end

    # Verifies a Rack request and returns its Webhook. The body can be read from the env once more afterwards.
    #
    # Raises Error, as #verify does.
    def receive(env)
      body = RequestBody.read(env, @limit_bytes)
      Webhook.new(verify(body, RequestBody.headers(env)), body).freeze
    rescue Error => e
      raise RequestBody.explain(e, env, body)
    end

    # Verifies a Rack request. A good one goes to the block, as a Webhook, and the block's Rack response is the answer; any other is answered here, with
    # 403 +Invalid signature+ or 413. Answer with a 2xx within 30 seconds.
    def handle(env)
      webhook = receive(env)
    rescue Error => e
      @on_refused.call(e)
      e.code == :too_large ? answer(413, 'Payload too large') : answer(403, 'Invalid signature')
    else
      yield webhook
    end

    # Shows no key: inspect ends up in logs.
    def inspect
      "#<#{self.class} #{@scheme}>"
    end

    private

    def answer(status, text)
      [status, { 'content-type' => 'text/plain; charset=utf-8', 'content-length' => text.bytesize.to_s }, [text]]
    end
  end
end
