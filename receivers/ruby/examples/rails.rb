# frozen_string_literal: true

# A receiver on Rails, in one file: the middleware before a controller's action, in the routes.
require 'posthorn/receiver'
require 'logger'
require 'rails'
require 'action_controller/railtie'

class ReceiverApplication < Rails::Application
  config.eager_load = false
  config.consider_all_requests_local = false
  config.logger = Logger.new($stderr)
  config.log_level = :warn # at info, Rails writes each webhook's data into the log
  config.secret_key_base = 'not used: this application has no cookies'
end

class WebhooksController < ActionController::API
  def create
    event = Posthorn::Middleware.webhook(request.env).event
    warn "#{event.type} #{event.id}"
    render plain: 'Valid signature'
  end
end

Rails.application.initialize!
Rails.application.routes.draw do
  # Here, not in config.middleware: so it holds for this action by whatever spelling of the path a request gets to it.
  post '/webhooks', to: Posthorn::Middleware.new(
    WebhooksController.action(:create),
    secrets: [ENV.fetch('WEBHOOK_SECRET', nil), ENV.fetch('WEBHOOK_SECRET_NEXT', nil)],
    scheme: ENV.fetch('WEBHOOK_SCHEME', 'standard'),
    on_refused: ->(error) { warn "refused, #{error.code}: #{error.message}" }
  )
end
WebhookApp = Rails.application
