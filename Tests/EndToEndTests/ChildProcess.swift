import CProcess
import Dispatch
import Glibc
import Synchronization

/// A process of the operating system, its output in files. It is killed with its owner.
final class ChildProcess: Sendable {
    /// How a process ended.
    enum Ending: Hashable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    let pid: pid_t
    private let ending = Mutex<Ending?>(nil)

    /// - Parameters:
    ///   - input: the file it reads; empty for none.
    ///   - output, error: the files it writes, which are appended to.
    ///   - environment: variables beside those of this process, in whose place they stand.
    ///   - inherits: descriptors of this process that it has as 3, 4 and so on.
    init(
        _ program: String, _ arguments: [String], input: String = "/dev/null", output: String, error: String,
        environment: [String: String] = [:], inherits: [Int32] = []
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let appending = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, appending, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, error, appending, 0o600)
        // By way of numbers that nobody else has, or one would be closed before it is copied.
        for (place, descriptor) in inherits.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, 200 + Int32(place))
        }
        for place in inherits.indices {
            posix_spawn_file_actions_adddup2(&actions, 200 + Int32(place), 3 + Int32(place))
        }
        // Also what another thread has just accepted, and not yet marked as its own.
        posix_spawn_file_actions_addclosefrom_np(&actions, 3 + Int32(inherits.count))
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let variables = environment.map { strdup("\($0.key)=\($0.value)") }
        defer { for variable in variables { free(variable) } }
        var environment = variables
        var next = environ
        while let variable = next.pointee {
            let isOther = variables.allSatisfy { own in
                guard let own, let equals = strchr(own, 0x3D) else { return true }
                return strncmp(own, variable, equals - own + 1) != 0
            }
            if isOther { environment.append(variable) }
            next += 1
        }
        environment.append(nil)
        // The threads that tests run on hold most signals back, and a child would inherit that: what it starts could not
        // be asked to end.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let code = posix_spawn(&pid, program, &actions, &attributes, &argv, &environment)
        guard code == 0 else { throw Unfulfilled("\(program) could not be started (error \(code))") }
        self.pid = pid
    }

    deinit {
        guard ending.withLock({ $0 == nil }) else { return }
        Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    /// Sends a signal, unless it has ended.
    func signal(_ number: Int32) { ending.withLock { if $0 == nil { _ = Glibc.kill(pid, number) } } }

    /// How it ended, if it has.
    func poll() -> Ending? {
        ending.withLock { ending in
            guard ending == nil else { return ending }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            let signal = status & 0x7F
            ending = signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
            return ending
        }
    }

    /// Waits for its end; kills it once `patience` is over.
    func end(within patience: Duration = .seconds(300)) async throws -> Ending {
        let deadline = ContinuousClock.now + patience * Patience.factor
        var pause = Duration.milliseconds(1)
        while ContinuousClock.now < deadline {
            if let ending = poll() { return ending }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(20))
        }
        signal(SIGKILL)
        throw Unfulfilled("process \(pid) did not end within \(patience)")
    }
}

/// How much longer everything may take, and how much more memory, as `FEDERATION_PATIENCE` says: programs with a
/// sanitizer are slow, and keep notes of every byte.
enum Patience {
    static let factor = getenv("FEDERATION_PATIENCE").flatMap { Int(String(cString: $0)) } ?? 1
}

/// Something that a test waited for in vain.
struct Unfulfilled: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Looks until `condition` gives something, often at first; never a fixed wait.
@discardableResult
func eventually<Value>(
    _ what: @autoclosure () -> String, within patience: Duration = .seconds(300), _ condition: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + patience * Patience.factor
    var pause = Duration.milliseconds(5)
    while true {
        if let value = try await condition() { return value }
        guard ContinuousClock.now < deadline else { throw Unfulfilled("not within \(patience): \(what())") }
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(100))
    }
}

extension Bool {
    /// `nil` for `false`, for `eventually`.
    var orNil: Bool? { self ? true : nil }
}
