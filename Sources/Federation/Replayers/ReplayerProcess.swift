internal import CProcess
internal import Dispatch
internal import FederationCore
internal import Glibc
internal import Synchronization

/// One run of a program: a process group of its own, and the pipes to it. It ends with its owner's word, or when its
/// standard input ends, as it does with this process.
final class ReplayerProcess: Sendable {
    struct Command: Sendable {
        var arguments: [String]
        var directory: String
        /// Names of the variables that it gets.
        var environment: [String]
    }

    private let pid: pid_t
    private let input: LineWriter
    private let output: LineReader
    private let error: LineReader
    /// Once it is, its number may be another process's.
    private let isReaped = Mutex(false)

    /// How long what it has written may still be on its way when it has ended.
    private static let lastWords = DispatchTimeInterval.seconds(1)

    /// - Parameters:
    ///   - log: takes lines of its standard error.
    ///   - said: takes what becomes of it, the last of which is `exited`.
    /// - Throws: why it could not be started.
    init(
        _ command: Command, log: @escaping @Sendable ([UInt8]) -> Void,
        said: @escaping @Sendable (ReplayerMachine.Input) -> Void
    ) throws(FileFailure) {
        var ends: [Int32] = []
        for _ in 0..<3 {
            var pair: [Int32] = [-1, -1]
            guard pipe2(&pair, O_CLOEXEC) == 0 else {
                let failure = FileFailure(code: errno)
                for end in ends { close(end) }
                throw failure
            }
            ends += pair
        }
        let child = [ends[0], ends[3], ends[5]]
        let ours = [ends[1], ends[2], ends[4]]
        do throws(FileFailure) {
            pid = try ReplayerProcess.spawn(command, standard: child)
        } catch {
            for end in ends { close(end) }
            throw error
        }
        for end in child { close(end) }
        for end in ours { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
        let name = "federation.replayer.\(pid)"
        input = LineWriter(ours[0], label: name + ".in") { told in
            switch told {
            case .wrote(let lines): said(.wrote(lines: lines))
            case .broken: said(.inputClosed)
            }
        }
        let outputEnded = DispatchSemaphore(value: 0)
        output = LineReader(
            ours[1], lineBytes: Limits.replayerLineBytes, mostWaiting: Limits.replayerLinesWaiting, label: name + ".out"
        ) { found in
            switch found {
            case .line(let line): said(.line(line))
            case .tooLong: said(.lineTooLong)
            case .end:
                outputEnded.signal()
                said(.outputClosed)
            }
        }
        let errorEnded = DispatchSemaphore(value: 0)
        error = LineReader(
            ours[2], lineBytes: Limits.replayerLogBytes, mostWaiting: nil, givesRest: true, label: name + ".err"
        ) { found in
            switch found {
            case .line(let line), .tooLong(let line): log(line)
            case .end: errorEnded.signal()
            }
        }
        DispatchQueue(label: name).async { [self] in
            let ending = reap()
            // What it said last counts; but somebody else may hold the pipe.
            let patience = DispatchTime.now() + ReplayerProcess.lastWords
            _ = outputEnded.wait(timeout: patience)
            _ = errorEnded.wait(timeout: patience)
            output.stop()
            error.stop()
            input.close()
            said(.exited(ending))
        }
    }

    func write(_ line: [UInt8]) { input.write(line) }
    func closeInput() { input.close() }
    /// A line of its was looked at.
    func took() { output.took() }

    /// To the whole group.
    func signal(_ number: Int32) { isReaped.withLock { if !$0 { _ = kill(-pid, number) } } }

    /// Waits for the program's end, and ends what it has left behind.
    private func reap() -> ReplayerFault {
        var information = siginfo_t()
        var code: Int32
        repeat { code = waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) } while code != 0 && errno == EINTR
        return isReaped.withLock { [code] isReaped in
            // Somebody else in this process has asked for it already: how it ended is gone, and its number may be another's.
            guard code == 0 else {
                isReaped = true
                return .killed(signal: 0)
            }
            _ = kill(-pid, SIGKILL)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            isReaped = true
            let signal = status & 0x7F
            return signal == 0 ? .exited(status: (status >> 8) & 0xFF) : .killed(signal: signal)
        }
    }

    /// Starts it with these as its three standard descriptors and no others, no signal blocked and none ignored.
    private static func spawn(_ command: Command, standard: [Int32]) throws(FileFailure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (place, end) in standard.enumerated() { posix_spawn_file_actions_adddup2(&actions, end, Int32(place)) }
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        posix_spawn_file_actions_addchdir_np(&actions, command.directory)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments: [UnsafeMutablePointer<CChar>?] = command.arguments.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = command.environment.compactMap { name in
            getenv(name).map { strdup("\(name)=\(String(cString: $0))") }
        }
        environment.append(nil)
        defer { for text in arguments + environment { free(text) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, command.arguments[0], &actions, &attributes, &arguments, &environment)
        guard code == 0 else { throw FileFailure(code: code) }
        return pid
    }
}
