# frozen_string_literal: true

require 'stringio'

module Posthorn
  # What a Rack env holds of a request, as bytes.
  module RequestBody
    HEADERS = %w[x-signature webhook-id webhook-timestamp webhook-signature].freeze

    # The raw body, up to the limit. Whoever comes after finds it in +rack.input+ once more.
    #
    # Something may have read it before (Rack::MethodOverride and +params+ do, of a form). Rack 2 promises an input that can be rewound; Rack 3 does not,
    # and may have none at all. So it is rewound where it can be, and replaced by one that can.
    def self.read(env, limit_bytes)
      raise Error, :too_large if env['CONTENT_LENGTH'].to_i > limit_bytes

      input = env['rack.input']
      rewind(input)
      # One byte more shows that it is too large, which is for Receiver#verify to say.
      body = read_up_to(limit_bytes + 1, input)
      env['rack.input'] = StringIO.new(body)
      body
    end

    def self.rewind(input)
      input.rewind if input.respond_to?(:rewind)
    rescue Errno::ESPIPE
      nil # a pipe or a socket: it was not read before, or explain says so
    end

    # Until the end, or so many bytes: a body without a Content-Length does not say how long it is, and an input may return less than it was asked for.
    def self.read_up_to(bytes, input)
      body = String.new(encoding: Encoding::BINARY)
      while input && body.bytesize < bytes
        chunk = input.read(bytes - body.bytesize)
        break if chunk.nil? || chunk.empty?

        body << chunk.b
      end
      body.freeze
    end
    private_class_method :rewind, :read_up_to

    def self.headers(env)
      HEADERS.to_h { |name| [name, env["HTTP_#{name.upcase.tr('-', '_')}"]] }
    end

    # Gives the commonest mistake its own words: something read the body, and nobody can rewind it.
    def self.explain(error, env, body)
      missing = env['CONTENT_LENGTH'].to_i - (body ? body.bytesize : 0)
      return error unless error.code == :bad_signature && missing.positive?

      Error.new(:bad_signature, "No signature fits the body, of which something has read #{missing} bytes already: " \
                                'verify it before whatever parses it (Rack 3 does not rewind).')
    end
  end
  private_constant :RequestBody
end
