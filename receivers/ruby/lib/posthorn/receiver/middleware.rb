# frozen_string_literal: true

module Posthorn
  # Rack middleware: what comes after it sees verified webhooks only. Put it before an app or a route that is for webhooks and nothing else.
  #
  #   use Posthorn::Middleware, secrets: [ENV['WEBHOOK_SECRET'], ENV['WEBHOOK_SECRET_NEXT']]
  class Middleware
    ENV_KEY = 'posthorn.webhook'

    # The Webhook of a request that a Middleware let through. Raises KeyError if there is none before the app: better than to go on with what
    # nobody verified.
    def self.webhook(env)
      env.fetch(ENV_KEY) { raise KeyError, 'No webhook was verified for this request: is Posthorn::Middleware before this app?' }
    end

    # Takes the options of Receiver, and raises as that does: above all on a secret that is unset.
    def initialize(app, **options)
      @app = app
      @receiver = Receiver.new(**options)
    end

    def call(env)
      @receiver.handle(env) do |webhook|
        env[ENV_KEY] = webhook
        @app.call(env)
      end
    end
  end
end
