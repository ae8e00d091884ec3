import FederationCore
import FederationCrypto
import FederationTestKit

@testable import Federation

/// A conversation as one text: a first line whose letters say how it begins, then the answers of the peer.
///
/// Each answer is a line with its status, lines `Name: value`, an empty line and the body, up to a line end and a line
/// `%%`. `t` in place of a status is an answer that never came.
struct ScriptedPeer {
    var how: Set<UInt8> = []
    var answers: [ExchangeAnswer] = []

    /// More than any conversation of so few bytes needs.
    private static let mostAnswers = 24

    init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        how = Set(ScriptedPeer.line(&rest))
        while !rest.isEmpty, answers.count < ScriptedPeer.mostAnswers { answers.append(ScriptedPeer.answer(&rest)) }
    }

    func has(_ letter: Character) -> Bool { letter.asciiValue.map { how.contains($0) } ?? false }

    static func line(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let line = rest.prefix { $0 != 0x0A }
        rest = rest.dropFirst(line.count + 1)
        return line
    }

    /// `Name: value` lines up to an empty one.
    static func fields(_ rest: inout ArraySlice<UInt8>) -> HTTPFields {
        var fields: HTTPFields = [:]
        while !rest.isEmpty {
            let line = line(&rest)
            if line.isEmpty { break }
            let name = line.prefix { $0 != 0x3A }
            fields.append(
                String(decoding: name, as: UTF8.self),
                String(decoding: line.dropFirst(name.count + 1).drop { $0 == 0x20 }, as: UTF8.self))
        }
        return fields
    }

    private static func answer(_ rest: inout ArraySlice<UInt8>) -> ExchangeAnswer {
        let status = line(&rest)
        if status.first == UInt8(ascii: "t") { return .transport(.endOfFile) }
        let fields = fields(&rest)
        var body: [UInt8] = []
        while !rest.isEmpty {
            let line = line(&rest)
            if line.elementsEqual("%%".utf8) {
                if !body.isEmpty { body.removeLast() }
                break
            }
            let isEnded = line.endIndex < rest.endIndex
            body += isEnded ? line + [0x0A] : line
        }
        let number = Int(String(decoding: status, as: UTF8.self)) ?? 200
        return .response(HTTPResponse(status: number, fields: fields, body: body))
    }

    /// The text of a conversation that was held.
    static func text(how: String, _ answers: [HTTPResponse]) -> [UInt8] {
        var text = Array(how.utf8) + [0x0A]
        for answer in answers {
            text += "\(answer.status)\n".utf8
            for field in answer.fields.fields { text += "\(field.name): \(field.value)\n".utf8 }
            text += [0x0A] + answer.body + Array("\n%%\n".utf8)
        }
        return text
    }

    /// What the conversation is told when it begins.
    var context: ExchangeContext {
        var context = LoopedNode.context(
            cursor: has("c") ? Sample.id(1) : nil, position: has("p") ? "epoch-9.1.\(Sample.id(0))" : nil,
            pinned: has("n") ? .native : has("o") ? .noema : nil, fetches: !has("x"),
            reach: has("r") ? .reconcile : has("s") ? .rescan : .news)
        if has("h") { context.hold = .seconds(45) }
        if has("m") {
            context.holes = [
                NumberHole(origin: Sample.node(1).description, 2...5, since: Sample.epoch),
                NumberHole(origin: Sample.node(2).description, 1...1, since: Sample.epoch),
            ]
        }
        return context
    }

    /// Carries the conversation on until it ends, as a host does, over a log of our own.
    ///
    /// A peer whose answers are used up is gone. Then a conversation ends, and until then it has asked for nothing that
    /// could not be sent and handed over nothing past its bounds.
    func converse(_ exchange: any Exchange, over log: MemoryStorage) {
        var exchange = exchange
        var log = log
        var answers = answers[...]
        var hasMet = false
        var step = exchange.begin(context)
        // Requests are as many as answers; between two of them stand a few steps of our own.
        for _ in 0..<(8 * ScriptedPeer.mostAnswers) {
            let answer: ExchangeAnswer
            switch step {
            case .request(let request, _):
                hold(request)
                answer = answers.popFirst() ?? .transport(.endOfFile)
            case .identify(let peer):
                hold(peer)
                hasMet = true
                answer = .identityAccepted
            case .take(let page):
                require(hasMet, "a page before an identity")
                answer = .committed(take(page, into: &log))
            case .outbox(let after, let limit, let bytes):
                let events = log.events(after: after, limit: limit, bytes: bytes)
                answer = .outbox(events, through: events.last?.seq ?? after)
            case .keep(let values):
                for (name, value) in values {
                    require(name.utf8.count <= 64 && value?.count ?? 0 <= 1 << 20, "a kept value past its bound")
                }
                answer = .kept
            case .reconcile(let question):
                guard let found = try? LogReconciliation.answer(question, in: log) else {
                    fail("a log that cannot be asked")
                }
                answer = .reconciled(found)
            case .sign(let bytes, _): answer = .signed(sha256(bytes).bytes)
            case .finished, .failed: return
            }
            step = exchange.resume(answer, now: context.now)
            for upcoming in exchange.ahead.prefix(Limits.requestsAhead) { hold(upcoming.request) }
        }
        fail("a conversation without an end")
    }

    private func hold(_ request: HTTPRequest) {
        require(request.target.hasPrefix("/"), "a target that is no path")
        require(request.target.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a target that splits a request")
        for field in request.fields.fields {
            let isPlain = (field.name + field.value).utf8.allSatisfy { (0x20...0x7E).contains($0) }
            require(isPlain, "a field that splits a request")
        }
        require(request.maxAnswerBytes <= Limits.answerBytes && request.body.count <= Limits.requestBytes, "a bound")
    }

    private func hold(_ peer: PeerIdentity) {
        require(peer.name.utf8.count <= Limits.eventTextBytes, "a name past its bound")
        require(PeerHealth.safeVersion(peer.version) == peer.version, "a version that is not safe")
        require(peer.publicKey?.utf8.count ?? 0 <= Limits.eventTextBytes, "a key past its bound")
        require(peer.successions.count <= Limits.successions, "successions past their bound")
    }

    private func take(_ page: PulledPage, into log: inout MemoryStorage) -> PageOutcome {
        require(page.items.count <= Limits.pageEvents, "a page past its bound")
        require(page.attestations.count <= Limits.attestationsPerPage, "attestations past their bound")
        if case .position(let text) = page.cursor {
            require(text.isHeaderToken && text.utf8.count <= Limits.positionLength, "a position that is none")
        }
        return MemoryLog.take(page, into: &log)
    }
}

/// Our own log in the conversations: some events in memory, and what takes in what comes.
enum MemoryLog {
    static let now = Sample.time(3_600_000)
    static let intake = Intake(
        IntakePolicy(node: LoopedNode.node(8).id, sha256: sha256, isOwnSignature: { _, _ in false }))

    /// - Parameter events: how many of the contract's events it holds.
    static func holding(_ events: Int) -> MemoryStorage {
        guard var node = try? LoopedNode(NativeWire(), 8) else { fail("no log") }
        for event in WireContract.sample(events) where (try? node.add(event)) == nil { fail("an event is not taken") }
        return node.log
    }

    static let small = holding(2)

    static func take(_ page: PulledPage, into log: inout MemoryStorage) -> PageOutcome {
        do {
            return try log.transaction { log throws(StoreFailure) in
                try intake.take(page, from: "peer", now: now, into: &log)
            }
        } catch {
            fail("a page that memory does not take: \(error)")
        }
    }
}
