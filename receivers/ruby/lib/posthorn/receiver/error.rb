# frozen_string_literal: true

module Posthorn
  # A request that was refused, or a secret with which a receiver does not start. +code+ is stable, and the same in every language's kit; the README
  # explains each. The message is for your own log: it holds nothing of the request or the secret.
  class Error < StandardError
    MESSAGES = {
      too_large: 'The body is larger than the limit (limit_bytes).',
      no_secret: 'No signing secret: it is unset or empty. Is its environment variable there?',
      missing_header: 'A signature header is missing or empty: the request is not from Posthorn, or something in between removes headers.',
      bad_signature: 'No signature fits: another secret, or the body is not byte for byte what was sent (parsed and written again?).',
      bad_timestamp: 'webhook-timestamp is not Unix seconds, or too far from the clock here: an old request, or a clock that is wrong.',
      bad_body: 'The signature is good, but the body is not a Posthorn event.'
    }.freeze

    # One of the keys of MESSAGES.
    attr_reader :code

    def initialize(code, message = MESSAGES.fetch(code))
      super(message)
      @code = code
    end
  end
end
