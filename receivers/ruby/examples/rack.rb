# frozen_string_literal: true

# A receiver on Rack alone: the middleware before an app.
require 'posthorn/receiver'
require 'rack'

WebhookApp = Rack::Builder.app do
  map '/webhooks' do
    use Posthorn::Middleware,
        secrets: [ENV.fetch('WEBHOOK_SECRET', nil), ENV.fetch('WEBHOOK_SECRET_NEXT', nil)],
        scheme: ENV.fetch('WEBHOOK_SCHEME', 'standard'),
        on_refused: ->(error) { warn "refused, #{error.code}: #{error.message}" }
    run(lambda do |env|
      event = Posthorn::Middleware.webhook(env).event
      warn "#{event.type} #{event.id}"
      [200, { 'content-type' => 'text/plain' }, ['Valid signature']]
    end)
  end
end
