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

      # Posthorn sends no byte order mark; but a body is good or bad by its signature, and the kit for Node skips one too.
      fields = parse_json(whole_pairs(text.delete_prefix("\u{FEFF}")))
      new(*fields.values_at('id', 'type', 'timestamp', 'environment', 'data')).freeze if event?(fields)
    rescue JSON::ParserError
      nil
    end

    # The default depth, 100, is just what Posthorn allows today.
    def self.parse_json(text)
      JSON.parse(text, max_nesting: 512, create_additions: false)
    end

    # Half a surrogate pair, escaped, is JSON, and Posthorn passes it on as it was published; JSON.parse refuses it near the end of a text. It becomes
    # U+FFFD; whole pairs and other escapes, an escaped backslash above all, stay.
    def self.whole_pairs(text)
      return text unless text.match?(/\\u[dD][89a-fA-F]/)

      text.gsub(/\\(?:u[dD][89abAB]\h\h\\u[dD][c-fC-F]\h\h|u[dD][89a-fA-F]\h\h|.)/m) { |escape| escape.length == 6 ? '\ufffd' : escape }
    end

    def self.event?(fields)
      fields.is_a?(Hash) && fields.key?('data') && %w[id type timestamp].all? { |name| fields[name].is_a?(String) } &&
        %w[production sandbox].include?(fields['environment'])
    end
    private_class_method :parse_json, :whole_pairs, :event?
  end

  # A request that was verified: its event, and the body byte for byte as it came.
  Webhook = Struct.new(:event, :body)
end
