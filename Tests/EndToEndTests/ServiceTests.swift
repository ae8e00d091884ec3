import Dispatch
import FederationCore
import FederationHTTP
import FederationStore
import Glibc
import HostileKit
import Synchronization
import Testing

@testable import Federation

/// The daemon under a service manager: what it is told, what it is given, and how it ends.
@Suite(.serialized) struct ServiceTests {
    // MARK: The service manager is told

    @Test func theServiceManagerHearsOfEachStepInItsOrder() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let manager = NotifySocket(at: scratch.file("notify"))
        try await node.start(environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"])
        try await eventually("it is ready and lives: \(manager.messages)") {
            (manager.words.first == "READY" && manager.words.count(where: { $0 == "WATCHDOG" }) >= 3).orNil
        }
        // Unless a part of it takes longer than a fifth of a second just now, which is told as well.
        try await eventually("it says what it does: \(manager.messages)") { (manager.status == "no peers to poll").orNil }

        // The file watch and the signal see one change; whichever is first takes it in, the signal says so either way.
        node.set("mode", "publish")
        kill(try #require(node.pid), SIGHUP)
        try await eventually("the configuration was read again: \(node.log)") {
            (node.log.contains(" info the configuration was read again ") && node.log.contains("key=mode from=sync to=publish")).orNil
        }
        // It is told after the log.
        try await eventually("it is ready again: \(manager.messages)") { (manager.words.count { $0 == "READY" } >= 2).orNil }
        let reload = manager.words.filter { $0 != "WATCHDOG" }
        #expect(Array(reload.prefix(3)) == ["READY", "RELOADING", "READY"])
        #expect(manager.messages.contains { $0.contains(/RELOADING=1\nMONOTONIC_USEC=\d+$/) })

        TestFile.write("nonsense: [\n", to: node.configPath)
        kill(try #require(node.pid), SIGHUP)
        try await eventually("the problems are told: \(node.log)") {
            node.log.contains("error the configuration was read again and cannot be used").orNil
        }
        try await eventually("the status says it: \(manager.messages)") {
            manager.messages.contains { $0.hasSuffix("STATUS=its configuration has problems; the last good one runs on") }.orNil
        }
        #expect(try await node.stop() == .exited(0))
        let words = manager.words
        let stopping = try #require(words.firstIndex(of: "STOPPING"))
        #expect(words[stopping + 1] == "EXTEND_TIMEOUT_USEC")
        #expect(!words[stopping...].contains("READY"))
    }

    /// systemd's own user managers use the abstract namespace, and so do containers.
    @Test func anAbstractSocketIsHeardToo() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let manager = NotifySocket(at: "@federation-test-\(getpid())")
        try await node.start(environment: ["NOTIFY_SOCKET": manager.path])
        try await eventually("it is ready: \(manager.messages)") { manager.words.contains("READY").orNil }
        #expect(try await node.stop() == .exited(0))
        // Nobody asked for signs of life.
        #expect(!manager.words.contains("WATCHDOG"))
    }

    /// What the service manager says is for the daemon alone, and not for what it starts.
    @Test func aWatchdogThatIsAnothersIsNotFed() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let manager = NotifySocket(at: scratch.file("notify"))
        try await node.start(
            environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1", "LISTEN_PID": "1", "LISTEN_FDS": "4"])
        try await eventually("it is ready: \(manager.messages)") { manager.words.contains("READY").orNil }
        #expect(try await node.stop() == .exited(0))
        #expect(!manager.words.contains("WATCHDOG"))
    }

    /// The real store, whose writing thread is really blocked; only the service manager is the test's.
    @Test func aWriterThatHangsIsNotFedForAndOneThatGoesOnIs() async throws {
        let scratch = ScratchDirectory()
        let made = try await TestNode("alpha", in: scratch)
        let manager = NotifySocket(at: scratch.file("notify"))
        let lines = Mutex<[String]>([])
        let node = try await Node(
            configPath: made.configPath, use: .write,
            logger: Logger(level: .info, now: SystemClock.now) { line in lines.withLock { $0.append(line) } })
        let servers = try await Daemon.start(NodeRun(node, threshold: nil))
        let told = try #require(
            ServiceManager(socket: manager.path, watchdogMicroseconds: "1000000", watchdogPID: nil, ownPID: getpid()))
        let pulse = Task { await DaemonPulse(node: node, manager: told).run() }
        func fed() -> Int { manager.words.count { $0 == "WATCHDOG" } }
        try await eventually("it is fed: \(manager.messages)") { (fed() >= 3).orNil }

        let held = DispatchSemaphore(value: 0)
        let writing = Task { try await node.store.write { (_) throws(StoreFailure) in held.wait() } }
        try await eventually("the status says what hangs: \(manager.messages)") {
            manager.status?.hasPrefix("does not get on: writer for ").orNil
        }
        // What was answered before the writer was held may still be told on a busy machine; then there is silence for as
        // long as it is held, which is eight times as long as the pause between two feedings.
        var before = fed()
        try await eventually("the watchdog is not fed while nothing can be written") {
            before = fed()
            try await Task.sleep(for: .seconds(2))
            return (fed() == before).orNil
        }
        #expect(lines.withLock { $0.contains { $0.contains(" error a part of the daemon does not get on; the watchdog is not fed part=writer") } })

        held.signal()
        try await writing.value
        try await eventually("it is fed again: \(manager.messages)") { [before] in (fed() > before).orNil }
        try await eventually("the log says so") { lines.withLock { $0.contains { $0.hasSuffix(" info the daemon gets on again") } }.orNil }
        pulse.cancel()
        await pulse.value
        await servers.stop()
        await node.close()
    }

    // MARK: Sockets that are handed over

    /// Starts the daemon with these as descriptors 3 and on, as systemd would.
    private func start(
        _ node: TestNode, _ listeners: [Int32], names: String, run: Int
    ) throws -> (process: ChildProcess, log: String) {
        let log = node.logPath + "-\(run)"
        let script = "LISTEN_PID=$$ exec \"$0\" \"$@\""
        let process = try ChildProcess(
            "/bin/sh", ["-c", script, Program.path, "run", "--config", node.configPath], output: log, error: log,
            environment: ["LISTEN_FDS": "\(listeners.count)", "LISTEN_FDNAMES": names], inherits: listeners)
        return (process, log)
    }

    private func listener(on port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        precondition(RawSocket.withLoopback(port) { bind(descriptor, $0, $1) } == 0 && listen(descriptor, 64) == 0)
        return descriptor
    }

    @Test func nobodyIsTurnedAwayWhileTheDaemonIsRestarted() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let (peers, monitor, page) = (TestPort.free(), TestPort.free(), TestPort.free())
        // The file says nothing of where the sockets are.
        let text = TestFile.text(node.configPath).replacing("listen: 127.0.0.1:\(node.port)\n", with: "")
        TestFile.write(text, to: node.configPath)
        let listeners = [listener(on: monitor), listener(on: peers), listener(on: page)]
        defer { for descriptor in listeners { close(descriptor) } }
        func ask(_ port: UInt16, _ path: String) throws -> RawSocket {
            let socket = try RawSocket(connectingTo: port)
            socket.send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n")
            return socket
        }
        // Before it is started at all, and once more while nothing runs.
        for run in 1...2 {
            let early = try ask(peers, "/federation/v1/identity")
            let watching = try ask(monitor, "/healthz")
            let looking = try ask(page, "/")
            let (process, log) = try start(node, listeners, names: "monitor:peers:page", run: run)
            #expect(early.receiveToEnd().hasPrefix("HTTP/1.1 200 "), "\(TestFile.text(log))")
            #expect(watching.receiveToEnd().hasPrefix("HTTP/1.1 200 "))
            #expect(looking.receiveToEnd().hasPrefix("HTTP/1.1 200 "))
            // It answers before it says that it runs.
            try await eventually("it says where it listens") { TestFile.text(log).contains(" listen=127.0.0.1:\(peers)\n").orNil }
            process.signal(SIGTERM)
            #expect(try await process.end() == .exited(0))
        }
    }

    @Test func aSocketOfAnUnknownUseIsRefused() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let descriptor = listener(on: TestPort.free())
        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer {
            close(descriptor)
            close(file)
        }
        let (unknown, log) = try start(node, [descriptor, file], names: "peers:web", run: 1)
        #expect(try await unknown.end() == .exited(1))
        #expect(TestFile.text(log).contains("'web' names no listener: peers, tls, monitor, page"), "\(TestFile.text(log))")
        let (noSocket, second) = try start(node, [file], names: "peers", run: 2)
        #expect(try await noSocket.end() == .exited(1))
        #expect(TestFile.text(second).contains("no TCP socket that listens"), "\(TestFile.text(second))")
    }

    /// What the file may not open, a socket that is handed over may not either.
    @Test func aSocketBeyondThisMachineNeedsWhatTheFileWouldNeed() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        // Not bound, it listens on every address at a port of the system's choice.
        #expect(listen(descriptor, 8) == 0)
        let (process, log) = try start(node, [descriptor], names: "peers", run: 1)
        #expect(try await process.end() == .exited(3))
        #expect(TestFile.text(log).contains("listen"), "\(TestFile.text(log))")
    }

    // MARK: Credentials

    @Test func aKeyComesFromTheServiceManagersCredentials() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let directory = scratch.file("credentials")
        mkdir(directory, 0o700)
        TestFile.write("the-key-of-this-ring-4711\n", to: directory + "/ring")
        // Under a list of access rights the mode shows its mask as the group's.
        chmod(directory + "/ring", 0o440)
        node.set("access", "{shared_key_file: 'credential:ring'}")
        let without = try await node.run("run")
        #expect(without.status == 3 && without.err.contains("$CREDENTIALS_DIRECTORY/ring"), "\(without.err)")
        try await node.start(environment: ["CREDENTIALS_DIRECTORY": directory])
        func answer(_ key: String) throws -> String {
            let socket = try RawSocket(connectingTo: node.port)
            socket.send("GET /federation/v1/identity HTTP/1.1\r\nHost: 127.0.0.1:\(node.port)\r\nAuthorization: Bearer \(key)\r\nConnection: close\r\n\r\n")
            return socket.receiveToEnd()
        }
        #expect(try answer("the-key-of-this-ring-4711").hasPrefix("HTTP/1.1 200 "))
        #expect(try answer("another").hasPrefix("HTTP/1.1 401 "))
        #expect(try await node.stop() == .exited(0))
        // The same mode anywhere else is too wide.
        node.set("tls", "{}")
        TestFile.write(TestFile.text(node.configPath).replacing("'credential:ring'", with: "'\(directory)/ring'"), to: node.configPath)
        let wide = try await node.run("run")
        #expect(wide.status == 3 && wide.err.contains("others may use it"), "\(wide.err)")
        for name in ["", "..", "a/b", "a b"] {
            TestFile.write("name: alpha\naccess: {shared_key_file: 'credential:\(name)'}\n", to: node.configPath)
            #expect(try await node.run("check").err.contains("expected 'credential:' and a name"))
        }
    }
}
