# frozen_string_literal: true

# A receiver for Posthorn's webhooks without the kit, on Sinatra.
require 'openssl'
require 'sinatra/base'

class Webhooks < Sinatra::Base
  SECRET = ENV.fetch('WEBHOOK_SECRET', '')
  abort "WEBHOOK_SECRET is not set, or too short to be Posthorn's: anybody could sign" if SECRET.bytesize < 12

  post '/webhooks' do
    content_type :text
    request.body.rewind if request.body.respond_to?(:rewind) # Rack 3 no longer does, and `params` reads a form's body
    body = request.body&.read(1_048_577) || '' # the raw bytes: parse them only below, once they are verified
    halt 413, 'Payload too large' if body.bytesize > 1_048_576
    expected = OpenSSL::HMAC.hexdigest('SHA256', SECRET, body)
    # In constant time, which == is not, and of any length and encoding.
    halt 403, 'Invalid signature' unless Rack::Utils.secure_compare(expected, request.env['HTTP_X_SIGNATURE'].to_s)
    'Valid signature'
  end

  run! if app_file == $PROGRAM_NAME
end
