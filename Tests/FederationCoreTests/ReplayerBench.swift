import FederationCore
import FederationTestKit
import Testing

/// One replayer's machine, the log that it is given, and a program that a test answers for.
struct ReplayerBench {
    var node = SampleNode(9)
    var machine: ReplayerMachine
    var now = Instant.start
    var random: SeededRandom
    /// Whether a program runs.
    var isAlive = false
    var inputIsOpen = false
    /// Lines to the program that it has not looked at.
    var lines: [JSON] = []
    var wrote = 0
    var spawns = 0
    var reports: [ReplayerReportLine] = []
    var changed: [ReplayerTicket: Int?] = [:]
    var signals: [ReplayerMachine.Signal] = []
    /// What the store is asked for fails while this is set.
    var storeFails = false
    /// What was asked of the store, where a test has it wait.
    var pending: [ReplayerMachine.Effect] = []
    var holdsStore = false
    var heedsSignals = false
    private var inbox: [ReplayerMachine.Input] = []
    private var isHandling = false
    private let policy: ReplayerMachine.Policy

    static let name = "table"

    init(window: Int = 4, attempts: Int = 3, seed: UInt64 = 1) {
        policy = ReplayerMachine.Policy(window: window, timeout: .seconds(60), attempts: attempts)
        random = SeededRandom(seed: seed)
        machine = ReplayerBench.machine(policy)
    }

    private static func machine(_ policy: ReplayerMachine.Policy) -> ReplayerMachine {
        let identity = NodeIdentity(id: Sample.node(9), name: "node-9", version: "0", mode: .sync, publicKey: nil)
        return ReplayerMachine(name: name, node: identity, policy: policy)
    }

    /// The node is killed and started again: only what is in the store is left.
    mutating func restart() {
        machine = ReplayerBench.machine(policy)
        (isAlive, inputIsOpen, lines, wrote, pending, inbox) = (false, false, [], 0, [], [])
        send(.tick)
    }

    /// What comes of an input's effects is the next input's affair, as it is to a driver.
    mutating func send(_ input: ReplayerMachine.Input) {
        inbox.append(input)
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        while !inbox.isEmpty {
            let wall = Sample.epoch.advanced(by: now.sinceStart)
            for effect in machine.handle(inbox.removeFirst(), at: Moment(now, wall), using: &random) { perform(effect) }
        }
    }

    /// Lets time pass to the machine's next wish.
    mutating func wake() {
        guard let wakeAt = machine.wakeAt else { return }
        now = max(now, wakeAt)
        send(.tick)
    }

    mutating func pass(_ time: Duration) {
        now = now.advanced(by: time)
        send(.tick)
    }

    private mutating func perform(_ effect: ReplayerMachine.Effect) {
        switch effect {
        case .load, .read, .readLane, .keep, .locate:
            if holdsStore { pending.append(effect) } else { answer(effect) }
        case .spawn:
            (isAlive, inputIsOpen, lines, wrote) = (true, true, [], 0)
            spawns += 1
            send(.spawned)
        case .write(let line):
            #expect(line.last == 0x0A && line.count { $0 == 0x0A } == 1)
            if let json = try? JSON(line) { lines.append(json) } else { Issue.record("no JSON: \(line)") }
            wrote += 1
            send(.wrote(lines: wrote))
        case .closeInput: inputIsOpen = false
        case .signal(let signal):
            signals.append(signal)
            if signal == .kill, heedsSignals { end() }
        case .changed(let ticket, let count): changed[ticket] = .some(count)
        case .report(let line): reports.append(line)
        }
    }

    /// Does what was asked of the store.
    mutating func answer(_ effect: ReplayerMachine.Effect) {
        do throws(StoreFailure) {
            if storeFails { throw .full }
            switch effect {
            case .load: send(.loaded(try ReplayerMemory(of: ReplayerBench.name, in: node.log)))
            case .read(let token, let after, let limit): send(.page(token, try node.log.page(after: after, limit: limit)))
            case .readLane(let token, let subject, let own, let from, let through):
                let event = try node.log.nextEvent(of: subject.text, own: own, from: from, through: through)
                send(.lane(token, subject, through: through, event))
            case .keep(let memory, let before):
                try node.log.transaction { log throws(StoreFailure) in
                    try memory.keep(ReplayerBench.name, before: before, in: &log)
                }
                send(.kept(memory))
            case .locate(let token, let place): send(.located(token, node.log.id(at: place.seq) == place.id))
            case .spawn, .write, .closeInput, .signal, .changed, .report: break
            }
        } catch {
            let work: ReplayerMachine.StoreWork =
                switch effect {
                case .load: .load
                case .read(let token, _, _): .read(token)
                case .locate: .locate
                case .readLane(let token, let subject, _, _, _): .lane(token, subject)
                default: .keep
                }
            send(.storeFailed(work))
        }
    }

    // MARK: The program

    mutating func say(_ text: String) { send(.line(Array(text.utf8))) }

    mutating func greet(_ members: String = "") { say(#"{"type":"hello","protocol":1,"name":"p","version":"1"\#(members)}"#) }

    mutating func ok(_ seq: Int64) { say(#"{"type":"ok","seq":\#(seq)}"#) }

    mutating func fail(_ seq: Int64, _ code: String, _ members: String = "") {
        say(#"{"type":"fail","seq":\#(seq),"code":"\#(code)"\#(members)}"#)
    }

    mutating func end(_ fault: ReplayerFault = .killed(signal: 9)) {
        isAlive = false
        lines = []
        send(.exited(fault))
    }

    /// A program that runs and has said hello.
    static func running(_ events: Int64 = 0, window: Int = 4, attempts: Int = 3) throws -> ReplayerBench {
        var bench = ReplayerBench(window: window, attempts: attempts)
        if events > 0 { try bench.take(1...events) }
        bench.send(.tick)
        bench.greet()
        return bench
    }

    /// Puts creates into the log, of records of their own.
    mutating func take(_ numbers: ClosedRange<Int64>) throws {
        try node.take(numbers.map { Sample.event(Sample.id($0), "create", "20260407-\($0)", clock: [1: UInt64($0)]) })
        send(.news)
    }

    /// The places of the events that it was given since it was last asked, in that order.
    mutating func given() -> [Int64] {
        defer { lines.removeAll { $0["type"]?.string == "event" } }
        return lines.filter { $0["type"]?.string == "event" }.compactMap { $0["seq"]?.integer }
    }

    var kept: ReplayerMemory { get throws { try ReplayerMemory(of: ReplayerBench.name, in: node.log) } }
}
