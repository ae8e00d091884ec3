/// What a node says to a program that receives its events, and what that answers: one JSON object a line
/// (`docs/replayers.md`).
package enum ReplayerMessage {
    /// The version of the protocol that this node speaks.
    package static let version: Int64 = 1

    /// The first line to a program.
    package static func hello(node: NodeIdentity, replayer: String, window: Int) -> [UInt8] {
        line {
            $0.member("type", "hello")
            $0.member("protocol", version)
            $0.member("node", node.id.description)
            $0.member("node_name", node.name)
            $0.member("federation", node.version)
            $0.member("replayer", replayer)
            $0.member("window", window)
        }
    }

    /// The line after the program's greeting: from where on it is given the log.
    ///
    /// - Parameter startedOver: the place was not of this log, so everything comes again.
    package static func start(after place: LogPosition?, startedOver: Bool) -> [UInt8] {
        line { writer in
            writer.member("type", "start")
            writer.key("after")
            if let place {
                writer.object {
                    $0.member("seq", place.seq)
                    $0.member("id", place.id.description)
                }
            } else {
                writer.null()
            }
            writer.member("started_over", startedOver)
        }
    }

    /// One event.
    ///
    /// - Parameters:
    ///   - isLate: it comes behind events that arrived after it.
    ///   - attempt: 1 for the first time, as far as this node remembers.
    package static func event(_ stored: StoredEvent, isLate: Bool, attempt: Int) -> [UInt8] {
        let event = stored.event
        return line { writer in
            writer.member("type", "event")
            writer.member("seq", stored.seq)
            writer.member("id", event.id.description)
            writer.member("action", event.action)
            writer.member("subject", event.subject)
            writer.member("origin", event.origin)
            writer.member("origin_name", event.originName)
            writer.member("timestamp", event.timestamp)
            writer.member("digest", stored.digest.hex)
            writer.member("proved", stored.verification.isProved)
            writer.member("peer", stored.peer)
            writer.member("received_at", stored.receivedAt.rfc3339)
            writer.member("late", isLate)
            writer.member("attempt", attempt)
            if let hold = stored.hold { writer.member("held", hold.code) }
            writer.key("vclock")
            writer.raw(event.clock.json)
            switch event.payload {
            case .full(let data):
                writer.key("data")
                writer.raw(data)
                writer.member("data_text", String(decoding: data, as: UTF8.self))
            case .stub(let stub):
                writer.key("stub")
                writer.object {
                    $0.member("data_sha256", stub.dataHash.hex)
                    $0.member("normal_sha256", stub.normalHash.hex)
                }
            }
        }
    }

    private static func line(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(body)
        return writer.bytes + [0x0A]
    }
}

/// What a program says.
package enum ProgramMessage: Hashable, Sendable {
    case hello(Greeting)
    /// This event is dealt with, and so is every event that was given before it and has no answer.
    case ok(seq: Int64, id: ULID?)
    case fail(seq: Int64, id: ULID?, Refusal)

    /// A program's first line.
    package struct Greeting: Hashable, Sendable {
        /// From where it wants to be given the log.
        package enum After: Hashable, Sendable {
            /// Where this node remembers it to be.
            case remembered
            /// From the first event.
            case first
            /// The last place that it has stored, if that is before the one that this node remembers.
            case place(LogPosition)
        }

        package var name: String
        package var version: String
        package var after: After

        package init(name: String, version: String, after: After) {
            self.name = name
            self.version = version
            self.after = after
        }
    }

    /// Why it could not deal with an event.
    package struct Refusal: Hashable, Sendable {
        package enum Code: String, Hashable, Sendable, CaseIterable {
            /// Something that it needs does not answer.
            case unavailable
            /// It has too much to do.
            case busy
            /// A mistake of its own.
            case `internal`
            /// The event is not as it should be.
            case invalid
            /// It does not know this action or kind of record.
            case unsupported
            /// It will not have it.
            case refused

            /// Whether the event is worth giving again, where the program does not say.
            package var retries: Bool {
                switch self {
                case .unavailable, .busy, .internal: true
                case .invalid, .unsupported, .refused: false
                }
            }
        }

        /// Whether a code says that something is away for everything: that is waited for, and never parked.
        static func isOutage(_ code: String) -> Bool { code == Code.unavailable.rawValue || code == Code.busy.rawValue }

        package var code: Code
        package var retries: Bool
        /// In its own words, cut to `Limits.replayerReasonBytes`.
        package var words: String

        package init(_ code: Code, retries: Bool? = nil, words: String = "") {
            self.code = code
            self.retries = retries ?? code.retries
            self.words = words
        }
    }

    /// Reads one line.
    package init(line: [UInt8]) throws(ReplayerFault) {
        guard line.count <= Limits.replayerLineBytes else { throw .lineTooLong }
        guard let json = try? JSON(line), json.isObject, let type = json["type"]?.string else { throw .malformed }
        switch type {
        case "hello": self = .hello(try Greeting(json))
        case "ok": self = .ok(seq: try ProgramMessage.seq(json), id: try ProgramMessage.id(json))
        case "fail":
            guard let word = json["code"]?.string, let code = Refusal.Code(rawValue: word) else { throw .malformed }
            let retries = json["retry"]?.bool
            if json["retry"] != nil, retries == nil { throw .malformed }
            let words = (json["reason"]?.string ?? "").cut(toBytes: Limits.replayerReasonBytes)
            self = .fail(
                seq: try ProgramMessage.seq(json), id: try ProgramMessage.id(json),
                Refusal(code, retries: retries, words: words))
        default: throw .malformed
        }
    }

    private static func seq(_ json: JSON) throws(ReplayerFault) -> Int64 {
        guard let seq = json["seq"]?.integer, seq > 0 else { throw .malformed }
        return seq
    }

    private static func id(_ json: JSON) throws(ReplayerFault) -> ULID? {
        guard let value = json["id"] else { return nil }
        guard let id = value.string.flatMap({ ULID($0) }) else { throw .malformed }
        return id
    }
}

extension ProgramMessage.Greeting {
    fileprivate init(_ json: JSON) throws(ReplayerFault) {
        guard let version = json["protocol"]?.integer else { throw .malformed }
        guard version == ReplayerMessage.version else { throw .version(version) }
        name = (json["name"]?.string ?? "").cut(toBytes: Limits.peerNameLength)
        self.version = (json["version"]?.string ?? "").cut(toBytes: Limits.versionLength)
        guard let place = json["after"] else {
            after = .remembered
            return
        }
        if place.isNull {
            after = .first
            return
        }
        guard let seq = place["seq"]?.integer, seq > 0, let id = place["id"]?.string.flatMap({ ULID($0) }) else {
            throw .malformed
        }
        after = .place(LogPosition(seq: seq, id: id))
    }
}

extension String {
    /// Its beginning, of whole scalars.
    fileprivate func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var cut = ""
        var count = 0
        for scalar in unicodeScalars {
            count += UTF8.width(scalar)
            if count > limit { break }
            cut.unicodeScalars.append(scalar)
        }
        return cut
    }
}

/// Why a program was ended, or ended: a fixed set, whose words stand in `status` and in metrics.
package enum ReplayerFault: Error, Hashable, Sendable {
    /// It could not be started; the system's error number.
    case spawn(code: Int32)
    case exited(status: Int32)
    case killed(signal: Int32)
    case noHello
    /// It speaks a version of the protocol that this node does not.
    case version(Int64)
    case malformed
    case lineTooLong
    /// It answered an event that it was never given.
    case notGiven(seq: Int64)
    /// It answered an event under another one's id.
    case wrongID(seq: Int64)
    /// It answered again and again what it had answered.
    case flood
    /// It did not read what it was given.
    case unread
    /// It read events and did not answer.
    case stalled
    /// It closed its standard input.
    case closedInput
    /// It closed its standard output.
    case closedOutput

    package static let codes = [
        "spawn", "exited", "killed", "no_hello", "version", "malformed", "line_too_long", "not_given", "wrong_id", "flood",
        "unread", "stalled", "closed_input", "closed_output",
    ]

    package var code: String {
        switch self {
        case .spawn: "spawn"
        case .exited: "exited"
        case .killed: "killed"
        case .noHello: "no_hello"
        case .version: "version"
        case .malformed: "malformed"
        case .lineTooLong: "line_too_long"
        case .notGiven: "not_given"
        case .wrongID: "wrong_id"
        case .flood: "flood"
        case .unread: "unread"
        case .stalled: "stalled"
        case .closedInput: "closed_input"
        case .closedOutput: "closed_output"
        }
    }

    /// The number that goes with the code, where there is one.
    package var number: Int64? {
        switch self {
        case .spawn(let code): Int64(code)
        case .exited(let status): Int64(status)
        case .killed(let signal): Int64(signal)
        case .version(let version): version
        case .notGiven(let seq), .wrongID(let seq): seq
        case .noHello, .malformed, .lineTooLong, .flood, .unread, .stalled, .closedInput, .closedOutput: nil
        }
    }
}
