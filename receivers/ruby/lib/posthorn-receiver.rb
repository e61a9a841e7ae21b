# frozen_string_literal: true

# The file that Bundler looks for by the gem's name.
require_relative 'posthorn/receiver'
