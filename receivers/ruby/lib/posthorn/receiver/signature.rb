# frozen_string_literal: true

require 'openssl'

module Posthorn
  # Checking the two signatures. Everything here works on bytes: what a stranger sends may be of any encoding, or of none.
  module Signature
    # Raises Error unless X-Signature fits the body.
    def self.check_x(body, headers, keys)
      given = header(headers, 'x-signature')
      raise Error, :missing_header if given.empty?

      good = keys.any? { |key| same_text?(given, OpenSSL::HMAC.hexdigest('SHA256', key.x, body)) }
      raise Error, :bad_signature unless good
    end

    # Raises Error unless webhook-signature fits the body, the event's id and the time of the attempt, and that is near enough to now.
    def self.check_standard(body, headers, keys, now:, tolerance_seconds:)
      id, timestamp, signatures = %w[webhook-id webhook-timestamp webhook-signature].map { |name| header(headers, name) }
      raise Error, :missing_header if [id, timestamp, signatures].any?(&:empty?)

      signed = "#{id}.#{timestamp}.".b << body.b
      given = signatures.split(/ /) # not ' ', which stands for any white space
      good = keys.any? do |key|
        expected = "v1,#{[OpenSSL::HMAC.digest('SHA256', key.standard, signed)].pack('m0')}"
        given.any? { |signature| same_text?(signature, expected) }
      end
      raise Error, :bad_signature unless good
      # Not Integer() on its own: it takes ' 17 ', '1_7', '0x17' and a sign. \A and \z, since ^ and $ match within a text of several lines.
      raise Error, :bad_timestamp unless timestamp.match?(/\A[0-9]+\z/) && (now - timestamp.to_i).abs <= tolerance_seconds
    end

    # A header's bytes, or '' if it is missing. A repeated one reads as HTTP joins it: with a comma, which no signature, id or timestamp has.
    def self.header(headers, name)
      headers ||= {}
      value = headers[name] || headers.find { |spelling, _| spelling.to_s.casecmp(name)&.zero? }&.last
      Array(value).grep(String).map(&:b).join(', ')
    end

    # Compares without telling by its duration where two texts differ, as == would. By bytes, and lengths first: OpenSSL raises on unequal ones.
    # As text, not decoded: each signature has one spelling.
    def self.same_text?(given, expected)
      given.bytesize == expected.bytesize && OpenSSL.fixed_length_secure_compare(given, expected)
    end

    private_class_method :header, :same_text?
  end
  private_constant :Signature
end
