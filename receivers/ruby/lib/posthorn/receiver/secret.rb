# frozen_string_literal: true

module Posthorn
  # Signing secrets. The rules are those of the Standard Webhooks spec, widened to plain-text secrets.
  module Secret
    PREFIX = 'whsec_'

    # No secret that Posthorn signs with has a shorter key, so a receiver that holds one is misconfigured ('', 'undefined', a truncated copy), and
    # anyone could forge its signatures.
    MIN_KEY_BYTES = 12

    UNUSABLE = "A signing secret is too short or damaged: it is #{PREFIX} and base64, or a text of at least #{MIN_KEY_BYTES} bytes."

    # The two keys of one secret: X-Signature takes the secret's own bytes, its prefix included; webhook-signature the decoded ones.
    Keys = Struct.new(:x, :standard)

    # The keys of a receiver that is about to start. Unset and empty secrets are skipped, since the next secret of a rotation mostly is; but without
    # any, or with a damaged one, there is nothing to start: it would refuse every webhook.
    #
    # Raises Error (+no_secret+) in those two cases.
    def self.keys_to_start_with(secrets)
      given = Array(secrets).reject { |secret| secret.nil? || secret == '' }
      raise Error, :no_secret if given.empty?

      given.map { |secret| keys_of(secret) || raise(Error.new(:no_secret, UNUSABLE)) }
    end

    # The keys of a secret, or nil if it cannot sign.
    def self.keys_of(secret)
      return unless secret.is_a?(String)

      standard = standard_key(secret.b)
      Keys.new(secret.b.freeze, standard.freeze).freeze if standard && standard.bytesize >= MIN_KEY_BYTES
    end

    # The key of webhook-signature, or nil if what follows the prefix is not base64.
    def self.standard_key(secret)
      return secret unless secret.start_with?(PREFIX)

      # m0 is strict (RFC 4648): what it takes means the same key in every language.
      secret.delete_prefix(PREFIX).unpack1('m0')
    rescue ArgumentError
      nil
    end

    private_class_method :keys_of, :standard_key
  end
  private_constant :Secret
end
