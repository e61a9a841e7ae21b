# frozen_string_literal: true

require 'json'

module Posthorn
  # The body of a webhook. Dedupe on +id+: an event may arrive more than once.
  #
  # +timestamp+ is when it was published, RFC 3339 in UTC with milliseconds; +environment+ is +production+ or +sandbox+; +data+ is as JSON.parse reads
  # it: integers keep their digits, 17.0 is a Float. Parse the raw body yourself for decimals.
  Event = Struct.new(:id, :type, :timestamp, :environment, :data) do
    # The event of a verified body, or nil if it is not one. Fields that a later version may add are ignored.
    def self.parse(body)
      text = body.dup.force_encoding(Encoding::UTF_8)
      return unless text.valid_encoding?

      # Posthorn sends no byte order mark; but a body is good or bad by its signature, and the kits of all languages skip one. The default depth, 100, is
      # just what Posthorn allows today.
      fields = JSON.parse(text.delete_prefix("\u{FEFF}"), max_nesting: 512, create_additions: false)
      new(*fields.values_at('id', 'type', 'timestamp', 'environment', 'data')).freeze if event?(fields)
    rescue JSON::ParserError
      nil
    end

    def self.event?(fields)
      fields.is_a?(Hash) && fields.key?('data') && %w[id type timestamp].all? { |name| fields[name].is_a?(String) } &&
        %w[production sandbox].include?(fields['environment'])
    end
    private_class_method :event?
  end

  # A request that was verified: its event, and the body byte for byte as it came.
  Webhook = Struct.new(:event, :body)
end
