# frozen_string_literal: true

require 'open3'
require 'socket'

# A receiver as a process of its own, spoken to over a real socket.
class Server
  FOLDER = File.expand_path('..', __dir__)

  # Runs a command of servers.json for as long as the block takes.
  def self.run(command, env)
    reader, writer = IO.pipe
    pid = spawn({ 'HOST' => '127.0.0.1', 'PORT' => '0', **env }, *command, chdir: FOLDER, out: writer, err: File::NULL)
    writer.close
    yield new(Integer(reader.gets.to_s[%r{\Alistening on http://127.0.0.1:(\d+)$}, 1]))
  ensure
    Process.kill('TERM', pid)
    Process.wait(pid)
    reader.close
  end

  # What a command says that is expected not to start: up to its end, or to the line that says that it did start.
  def self.refused(command, env)
    Open3.popen2e({ 'HOST' => '127.0.0.1', 'PORT' => '0', **env }, *command, chdir: FOLDER) do |_stdin, output, process|
      text = +''
      while (line = output.gets)
        text << line
        Process.kill('TERM', process.pid) if line.start_with?('listening')
      end
      [text, process.value.success?]
    end
  end

  def initialize(port)
    @port = port
  end

  # Writes the request as bytes, since no client sends just any headers, and reads the answer to its end (1.0, so that it is not chunked): [status, text].
  def post(body, headers, content_type: 'application/json')
    socket = TCPSocket.new('127.0.0.1', @port)
    head = ['POST /webhooks HTTP/1.0', 'Host: 127.0.0.1', "Content-Type: #{content_type}", "Content-Length: #{body.bytesize}"]
    head += headers.map { |name, value| "#{name}: #{value}".b }
    socket.write("#{head.join("\r\n")}\r\n\r\n".b + body.b)
    answer = socket.read.b
    [answer[%r{\AHTTP/1.\d (\d+)}, 1].to_i, answer.split("\r\n\r\n", 2).last]
  ensure
    socket&.close
  end
end
