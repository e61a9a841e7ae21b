# frozen_string_literal: true

# Standard Webhooks without a library: webhook-signature over "id.timestamp.body".
require 'openssl'
require 'sinatra/base'

class Webhooks < Sinatra::Base
  SECRET = ENV.fetch('WEBHOOK_SECRET', '')
  abort 'WEBHOOK_SECRET is not set, or is no whsec_ secret' unless SECRET.start_with?('whsec_') && SECRET.bytesize > 20
  KEY = SECRET.delete_prefix('whsec_').unpack1('m0')

  post '/webhooks' do
    content_type :text
    request.body.rewind if request.body.respond_to?(:rewind) # Rack 3 no longer does, and `params` reads a form's body
    body = request.body&.read(1_048_577) || '' # the raw bytes: parse them only below, once they are verified
    halt 413, 'Payload too large' if body.bytesize > 1_048_576
    id, timestamp, signatures = %w[ID TIMESTAMP SIGNATURE].map { |name| request.env["HTTP_WEBHOOK_#{name}"].to_s.b }
    recent = timestamp.match?(/\A\d{1,12}\z/) && (Time.now.to_i - timestamp.to_i).abs <= 300
    expected = "v1,#{[OpenSSL::HMAC.digest('SHA256', KEY, "#{id}.#{timestamp}.".b + body.b)].pack('m0')}"
    # During a rotation there are several, with spaces between; each is compared in constant time.
    valid = recent && signatures.split.any? { |signature| Rack::Utils.secure_compare(expected, signature) }
    halt 403, 'Invalid signature' unless valid
    'Valid signature'
  end

  run! if app_file == $PROGRAM_NAME
end
