# frozen_string_literal: true

require_relative 'server'
require_relative 'signing'
require 'open3'
require 'rubygems/package'
require 'sqlite3'
require 'tmpdir'

# The gem as its users meet it, and what the README promises them.
class PackageTest < Minitest::Test
  include Signing

  README = File.read("#{Server::FOLDER}/README.md")
  BLOCKS = README.scan(/^```ruby\n(.*?)^```$/m).flatten

  def run_command(*command, env: {}, chdir: Server::FOLDER)
    output, status = Open3.capture2e(env, *command, chdir: chdir)
    assert status.success?, "#{command.join(' ')}\n#{output}"
    output
  end

  def test_the_gem_builds_installs_and_verifies
    Dir.mktmpdir do |scratch|
      file = "#{scratch}/posthorn-receiver.gem"
      run_command('gem', 'build', '--strict', '--output', file, 'posthorn-receiver.gemspec')
      spec = Gem::Package.new(file).spec
      assert_equal ['posthorn-receiver', '0.1.0', 'Apache-2.0', []], [spec.name, spec.version.to_s, spec.license, spec.dependencies]
      assert_equal %w[LICENSE README.md], spec.files.grep_v(%r{^(lib|sig)/}).sort
      assert_includes spec.files, 'sig/posthorn.rbs'

      run_command('gem', 'install', '--local', '--no-document', '--install-dir', "#{scratch}/home", file)
      program = <<~RUBY
        raise 'not the installed one' unless Gem.loaded_specs['posthorn-receiver'].gem_dir.start_with?(#{scratch.dump})
        print Posthorn::Receiver.new(secrets: #{SECRET.dump}, clock: -> { #{NOW} }).verify(#{BODY.dump}, #{signed_headers(BODY)}).id
      RUBY
      output = run_command('ruby', '-w', '-r', 'posthorn-receiver', '-e', program, env: { 'GEM_PATH' => "#{scratch}/home", 'GEM_HOME' => "#{scratch}/home" }, chdir: scratch)
      assert_equal 'evt_1', output
    end
  end

  def rbs(*arguments)
    ['ruby', Gem.bin_path('rbs', 'rbs'), *arguments]
  end

  def test_the_types_are_valid_and_the_code_keeps_to_them
    run_command(*rbs('-I', 'sig', 'validate', '--silent'))
    env = { 'RBS_TEST_TARGET' => 'Posthorn::*', 'RBS_TEST_OPT' => '-I sig', 'RBS_TEST_LOGLEVEL' => 'error' }
    # These pass what the types allow; the other tests pass anything.
    %w[dedupe event rack].each { |name| run_command('ruby', '-r', 'rbs/test/setup', "test/#{name}_test.rb", env: env) }
  end

  def test_the_readmes_sinatra_server
    Dir.mktmpdir do |scratch|
      File.write("#{scratch}/app.rb", BLOCKS.fetch(0))
      Server.run(['ruby', 'examples/serve.rb', "#{scratch}/app.rb"], 'WEBHOOK_SECRET' => SECRET) do |running|
        headers = signed_headers(BODY, timestamp: Time.now.to_i)
        assert_equal [200, 'Valid signature'], running.post(BODY, headers)
        assert_equal [403, 'Invalid signature'], running.post(BODY.sub('17.0', '17'), headers)
      end
    end
  end

  def test_the_readmes_dedupe_on_a_database
    db = SQLite3::Database.new(':memory:')
    db.execute_batch(README[/^```sql\n(.*?)^```$/m, 1])
    receiver = Object.new.tap { |object| object.instance_eval(BLOCKS.find { |block| block.include?('def handle(') }) }
    event = Posthorn::Event.parse(BODY)
    runs = 0
    assert_raises(IOError) { receiver.handle(db, event) { raise IOError } }
    3.times { receiver.handle(db, event) { runs += 1 } }
    assert_equal 1, runs
  end

  def test_the_readmes_other_programs_parse
    assert_operator BLOCKS.size, :>=, 4
    BLOCKS.each { |block| RubyVM::InstructionSequence.compile(block) }
  end

  def test_the_readme_explains_each_code
    Posthorn::Error::MESSAGES.each_key { |code| assert_includes README, "\n| `:#{code}` " }
  end
end
